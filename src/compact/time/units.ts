import * as tf from '@tensorflow/tfjs';
import type { ChannelGraph, ChannelNode } from '../../graph/channelGraph.js';
import { imageOf, kernelGeometry, windowsOf } from '../../graph/kernels.js';
import { activationOf, channelwiseKind, isMerge, isSpread } from '../../graph/layerRole.js';
import { Conv2d } from '../../layers/conv2d.js';
import type { KeptChannels } from '../shrink/keptChannels.js';
import { apply, copyOf } from '../shrink/rebuild.js';

/**
 * Layers that are timed together because a backend may compute them in one pass: a layer and the elementwise layers
 * after it, as long as each is the only reader of the one before.
 */
export interface Unit {
  head: ChannelNode;
  /** The batch norms, activations and other elementwise layers after it. */
  followers: ChannelNode[];
  /** A description of the computation; two units share it only if they take the same time at the same widths. */
  shape: string;
}

/**
 * Layers that need no time of their own: a gate becomes part of the weights, and convolutions write their outputs
 * directly into a concatenation.
 */
const idle = (node: ChannelNode): boolean =>
  ['input', 'gate', 'concat', 'flatten', 'reshape', 'mix'].includes(node.role) ||
  channelwiseKind(node.layer) === 'idle';

const isFollower = (node: ChannelNode): boolean =>
  node.role === 'norm' || ['elementwise', 'slopes', 'biasMap'].includes(channelwiseKind(node.layer) ?? '');

/** The units of a network, from input to output: each layer that computes something is in one of them. */
export function unitsOf({ nodes }: ChannelGraph): Unit[] {
  const taken = new Set<ChannelNode>();
  return nodes.flatMap((head): Unit[] => {
    if (taken.has(head) || idle(head)) return [];
    const followers: ChannelNode[] = [];
    for (let tail = head; tail.readers.length === 1 && !tail.output;) {
      [tail] = tail.readers;
      if (isFollower(tail)) followers.push(tail);
      else if (tail.role !== 'gate' && channelwiseKind(tail.layer) !== 'idle') break;
    }
    for (const node of followers) taken.add(node);
    return [{ head, followers, shape: shapeOf(head, followers) }];
  });
}

function shapeOf(head: ChannelNode, followers: ChannelNode[]): string {
  const named = ({ layer }: ChannelNode): string => {
    const activation = activationOf(layer);
    return activation === 'linear' ? layer.getClassName() : `${layer.getClassName()} with ${activation}`;
  };
  const [down, across] = windowsOf(head);
  const parts = head.inputShapes.map(
    (shape, i) => `${imageOf(shape).join('x')}${isSpread(head, head.inputs[i]) ? ' of one channel' : ''}`,
  );
  const { multiplier } = kernelGeometry(head.layer, head.outputShape) ?? {};
  return [
    named(head),
    ...(down.size * across.size > 1 ? [`${down.size}x${across.size}`] : []),
    ...(down.stride * across.stride > 1 ? [`stride ${down.stride}x${across.stride}`] : []),
    ...(down.dilation * across.dilation > 1 ? [`dilation ${down.dilation}x${across.dilation}`] : []),
    ...((multiplier ?? 1) > 1 ? [`${multiplier} of each channel`] : []),
    `${parts.join(' and ')} to ${imageOf(head.outputShape).join('x')}`,
    ...followers.map(named),
  ].join(', ');
}

/**
 * The number of channels that a unit reads (1 unless it is a kernel over all inputs) and the number that it outputs,
 * with `width` giving the width of each layer.
 */
export function widthsOf({ head }: Unit, width: (node: ChannelNode) => number): [inputs: number, outputs: number] {
  return [head.role === 'kernel' ? width(head.inputs[0]) : 1, width(head)];
}

/** Whether a unit still computes something in a shrunk network: a sum with only one part left does not. */
export function isBuilt({ head }: Unit, kept: KeptChannels): boolean {
  const parts = head.inputs.filter((part) => !kept.skipped(head, part));
  return kept.built.has(head) && (!isMerge(head.role) || parts.length > 1);
}

/**
 * A network that runs a unit at other widths between cheap layers: as in a whole network, its inputs have just been
 * computed, and its output stays where the next layer finds it. All weights are equal, because their values do not
 * affect the time. `surroundings` is the same network without the unit. The caller disposes both.
 */
export function unitModel(unit: Unit, inputs: number, outputs: number): tf.LayersModel {
  const { head, followers } = unit;
  const { starts, fed } = fedBy(unit, inputs, outputs);
  const width = { [head.layer.getClassName() === 'Dense' ? 'units' : 'filters']: outputs };
  const copies = [copyOf(head, head.role === 'kernel' ? width : {}), ...followers.map((node) => copyOf(node))];
  const tensors = copies.reduce<tf.SymbolicTensor[]>((x, layer) => [apply(layer, x.length === 1 ? x[0] : x)], fed);
  return tf.model({ inputs: starts, outputs: tensors.map(onePlace) });
}

/** The network of `unitModel` without the unit. The caller disposes it. */
export function surroundings(unit: Unit, inputs: number, outputs: number): tf.LayersModel {
  const { starts, fed } = fedBy(unit, inputs, outputs);
  return tf.model({ inputs: starts, outputs: fed.map(onePlace) });
}

/** Inputs with one channel, and for each the widened tensor that a unit reads. */
function fedBy({ head }: Unit, inputs: number, outputs: number): Record<'starts' | 'fed', tf.SymbolicTensor[]> {
  const { multiplier = 1 } = kernelGeometry(head.layer, head.outputShape) ?? {};
  const channels = head.role === 'kernel' ? inputs : Math.ceil(outputs / multiplier);
  const starts = head.inputShapes.map((shape) => tf.input({ shape: [...shape.slice(1, -1), 1] }));
  const fed = starts.map((start, i) => widened(start, isSpread(head, head.inputs[i]) ? 1 : channels));
  return { starts, fed };
}

/** Widens one channel to `channels` with one multiplication per value. */
function widened(x: tf.SymbolicTensor, channels: number): tf.SymbolicTensor {
  return apply(
    x.rank === 4 ? new Conv2d({ filters: channels, kernelSize: 1 }) : tf.layers.dense({ units: channels }),
    x,
  );
}

/** Reduces a tensor to one place: a network's outputs are copied, which the time of a unit must not include. */
function onePlace(x: tf.SymbolicTensor): tf.SymbolicTensor {
  if (x.rank !== 4) return apply(tf.layers.dense({ units: 1 }), x);
  const [, ...strides] = x.shape.slice(0, 3) as number[];
  return apply(tf.layers.conv2d({ filters: 1, kernelSize: 1, strides: Math.max(...strides) }), x);
}
