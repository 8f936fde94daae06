import * as tf from '@tensorflow/tfjs';
import { computedValues } from '../../backend/readable.js';
import type { ChannelGraph, ChannelNode } from '../../graph/channelGraph.js';
import { imageOf, windowsOf } from '../../graph/kernels.js';
import { activationOf, channelwiseKind, isMerge, mixesChannels } from '../../graph/layerRole.js';
import {
  commonValues,
  concatMaps,
  fullValues,
  imageMap,
  isZero,
  mapValues,
  mergeMaps,
  moveWindow,
  uniformMap,
  type ConstantMap,
} from './constantMap.js';
import { inputOf, type KernelWeights, type NetworkWeights } from './layerWeights.js';

/** A flag per output channel, for each layer. */
export type ChannelFlags = Map<ChannelNode, boolean[]>;

/**
 * Whether a constant is computed exactly at the image's border, or as if there were no border (as in the ISTA project).
 */
export type BorderRule = 'exact' | 'interior';

/** What is known of a network's channels from its weights alone. */
export interface ChannelValues {
  /** The channels that depend on the network's input; the output of the others is the same for every image. */
  live: ChannelFlags;
  /** The output of the others; 0 for the live ones. */
  constants: Map<ChannelNode, ConstantMap>;
}

const flagsOf = (flags: ChannelFlags, node: ChannelNode): boolean[] => flags.get(node) ?? [];
const each = (node: ChannelNode, f: (c: number) => boolean): boolean[] =>
  Array.from({ length: node.channels }, (_, c) => f(c));

/** A map of zeros with the shape of a layer's output. */
export function zeroMap({ outputShape, channels }: ChannelNode): ConstantMap {
  return uniformMap(new Float64Array(channels), imageOf(outputShape));
}

/** Computes the live channels and the constants layer by layer; sums in double precision. */
export function channelValues({ nodes }: ChannelGraph, weights: NetworkWeights, rule: BorderRule): ChannelValues {
  const values: ChannelValues = { live: new Map(), constants: new Map() };
  for (const node of nodes) {
    const alive = liveOf(node, weights, values);
    const inputs = node.inputs.map((input) => values.constants.get(input)!);
    const map = alive.every((flag) => flag) ? zeroMap(node) : constantOf(node, inputs, weights, rule);
    const constants = mapValues(map, (value, c) => (alive[c] ? 0 : value));
    values.live.set(node, alive);
    values.constants.set(node, constants);
  }
  return values;
}

/** Whether a layer passes a channel on: false for gamma 0 or a closed gate. */
function passes(node: ChannelNode, c: number, { norms, gates }: NetworkWeights): boolean {
  return norms.get(node)?.gamma?.[c] !== 0 && gates.get(node)?.[c] !== 0;
}

function liveOf(node: ChannelNode, weights: NetworkWeights, { live, constants }: ChannelValues): boolean[] {
  const kernel = weights.kernels.get(node);
  if (kernel && !mixesChannels(node.layer)) return reached(kernel, flagsOf(live, node.inputs[0]));
  if (kernel || node.role === 'input' || node.role === 'mix') return each(node, () => true);
  return each(node, (c) => {
    const sources = node
      .sources(c)
      .map(({ node: from, channel }) => ({ from, channel, alive: live.get(from)![channel] }));
    // A product with 0 is 0.
    const isNothing = ({ from, channel, alive }: (typeof sources)[number]): boolean =>
      !alive && isZero(constants.get(from)!, channel);
    if (node.role === 'multiply' && sources.some(isNothing)) return false;
    return sources.some(({ alive }) => alive) && passes(node, c, weights);
  });
}

/** The outputs with a nonzero weight from one of the marked inputs. */
function reached(kernel: KernelWeights, from: boolean[]): boolean[] {
  const to = Array<boolean>(kernel.outputs).fill(false);
  kernel.values.forEach((value, i) => {
    if (value !== 0 && from[inputOf(kernel, i)]) to[i % kernel.outputs] = true;
  });
  return to;
}

/** The inputs with a nonzero weight to one of the marked outputs. */
function reaching(kernel: KernelWeights, to: boolean[]): boolean[] {
  const from = Array<boolean>(kernel.inputs).fill(false);
  kernel.values.forEach((value, i) => {
    if (value !== 0 && to[i % kernel.outputs]) from[inputOf(kernel, i)] = true;
  });
  return from;
}

/** The channels that an output of the network depends on; `live` tells which products are 0. */
export function neededChannels({ nodes }: ChannelGraph, weights: NetworkWeights, live?: ChannelFlags): ChannelFlags {
  const needed: ChannelFlags = new Map(nodes.map((node) => [node, each(node, () => node.output)]));
  for (const node of nodes.toReversed()) {
    const own = flagsOf(needed, node);
    const kernel = weights.kernels.get(node);
    if (kernel) {
      const inputs = flagsOf(needed, node.inputs[0]);
      // With an activation over all channels, each channel needs all of them.
      const wanted = mixesChannels(node.layer) ? own.fill(own.includes(true)) : own;
      reaching(kernel, wanted).forEach((flag, c) => (inputs[c] ||= flag));
      continue;
    }
    // Channels that depend on each other are needed together.
    if (node.role === 'mix') own.fill(own.includes(true));
    own.forEach((flag, c) => {
      const isNothing = node.role === 'multiply' && live?.get(node)?.[c] === false;
      if (flag && !isNothing && passes(node, c, weights)) {
        for (const { node: from, channel } of node.sources(c)) flagsOf(needed, from)[channel] = true;
      }
    });
  }
  return needed;
}

/** Applies a kernel, without its bias, to a map: border-aware unless the rule says otherwise. */
export function convolveMap(node: ChannelNode, kernel: KernelWeights, map: ConstantMap, rule: BorderRule): ConstantMap {
  const { values, inputs, outputs, window, multiplier } = kernel;
  const add = (tap: number, from: ArrayLike<number>, place: number, out: Float64Array): void => {
    for (let c = 0; c < inputs; c++) {
      const value = from[place + c];
      if (value === 0) continue;
      // Each tap of a depthwise kernel has one row for all inputs, with separate outputs for each input.
      const row = (multiplier === undefined ? tap * inputs + c : tap) * outputs;
      const [first, last] = multiplier === undefined ? [0, outputs] : [c * multiplier, (c + 1) * multiplier];
      for (let o = first; o < last; o++) out[o] += value * values[row + o];
    }
  };
  const windows = windowsOf(node);
  // The output of a transposed convolution for a constant also varies inside the image.
  if (rule === 'exact' || windows[0].transposed) {
    return moveWindow(map, windows, outputs, (taps, out) => {
      for (const { tap, place } of taps) add(tap, map.values, place, out);
    });
  }
  const out = new Float64Array(outputs);
  for (let tap = 0; tap < window; tap++) add(tap, commonValues(map), 0, out);
  return uniformMap(out, imageOf(node.outputShape));
}

function constantOf(
  node: ChannelNode,
  inputs: ConstantMap[],
  { kernels, norms, gates }: NetworkWeights,
  rule: BorderRule,
): ConstantMap {
  const [input] = inputs;
  const image = imageOf(node.outputShape);
  const kernel = kernels.get(node);
  if (kernel) {
    return activate(node, convolveMap(node, kernel, input, rule), (value, c) => value + (kernel.bias?.[c] ?? 0));
  }
  const norm = norms.get(node);
  if (norm) {
    const { mean, variance, gamma, beta, epsilon } = norm;
    const scale = mean.map((_, c) => (gamma?.[c] ?? 1) / Math.sqrt(variance[c] + epsilon));
    return activate(node, input, (value, c) => (value - mean[c]) * scale[c] + (beta?.[c] ?? 0));
  }
  if (isMerge(node.role)) return mergeMaps(node.role, inputs, image, node.channels);
  switch (node.role) {
    case 'gate':
      return mapValues(input, (value, c) => value * (gates.get(node)?.[c] ?? 1));
    case 'concat':
      return concatMaps(inputs);
    case 'flatten':
    case 'reshape':
      return imageMap(fullValues(input), image, node.channels);
    case 'channelwise':
      return channelwise(node, input, rule);
    default:
      return zeroMap(node);
  }
}

/** Maps values by the formula `make` of a kernel or batch norm, and then by the layer's activation. */
function activate(
  { layer }: ChannelNode,
  values: ConstantMap,
  make: (value: number, channel: number) => number,
): ConstantMap {
  const map = mapValues(values, make);
  const activation = activationOf(layer);
  if (activation === 'linear') return map;
  if (activation === 'relu') return mapValues(map, (value) => Math.max(0, value));
  return applyTo(map, tf.layers.activation({ activation: activation as 'tanh' }));
}

/** Applies a layer that treats all values in the same way to the values of a map. */
function applyTo(map: ConstantMap, layer: tf.layers.Layer): ConstantMap {
  const values = computedValues(() => layer.call(tf.tensor1d(Float32Array.from(map.values)), {}) as tf.Tensor);
  return { ...map, values: Float64Array.from(values) };
}

/**
 * Applies a channelwise layer to a map by calling the layer itself, on a full image of constants if it depends on the
 * place.
 */
function channelwise(node: ChannelNode, map: ConstantMap, rule: BorderRule): ConstantMap {
  const { layer, inputShapes } = node;
  const kind = channelwiseKind(layer);
  if (kind === 'idle') return map;
  if (kind === 'elementwise') return applyTo(map, layer);
  const constants = (): tf.Tensor => tf.tensor(fullValues(map), [1, ...(inputShapes[0].slice(1) as number[])]);
  const values = computedValues(() => layer.call(constants(), {}) as tf.Tensor);
  const made = imageMap(values, imageOf(node.outputShape), node.channels);
  return rule === 'interior' && kind === 'window' ? uniformMap(commonValues(made), imageOf(node.outputShape)) : made;
}
