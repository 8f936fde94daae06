import { UserError } from '../../errors.js';
import type { ChannelGraph, ChannelMasks, ChannelNode } from '../../graph/channelGraph.js';
import { kernelGeometry } from '../../graph/kernels.js';
import { mixesChannels } from '../../graph/layerRole.js';
import { keptChannels, type KeepOptions, type KeptChannels } from '../shrink/keptChannels.js';
import { zeroMap, type ChannelFlags } from '../weights/channelValues.js';
import type { KernelWeights } from '../weights/layerWeights.js';
import { checkMasks } from '../weights/masks.js';
import { isBuilt, unitsOf, widthsOf, type Unit } from './units.js';
import { computedOutputs, timeAt, type WidthTimes } from './widthTimes.js';

/**
 * Returns a function that tells which channels compaction keeps, from the masks alone, whatever the weights are: fast
 * enough to be called at every step of training. The function throws a UserError for masks that do not fit.
 */
export function keptByMasks(graph: ChannelGraph): (masks: ChannelMasks, options?: KeepOptions) => KeptChannels {
  const kernels = graph.nodes.filter(({ role }) => role === 'kernel' || role === 'depthwise');
  const constants = new Map(graph.nodes.map((node) => [node, zeroMap(node)]));
  // When channels are added, none is preferred.
  const filters = new Map(kernels.map((node) => [node, new Float64Array(node.channels)]));
  return (masks, options = {}) => {
    checkMasks(graph, masks);
    const weights = {
      kernels: new Map(kernels.map((node) => [node, links(node, masks.get(node.name))])),
      norms: new Map(),
      gates: new Map(),
    };
    return keptChannels(graph, weights, { live: liveWith(graph, masks), constants }, filters, options);
  };
}

/** A kernel with a window of 1 that only says which outputs are made from which inputs: 1, or 0 for a closed output. */
function links({ layer, outputShape }: ChannelNode, mask?: Float32Array): KernelWeights {
  const { inputs, outputs, multiplier } = kernelGeometry(layer, outputShape)!;
  const values = new Float32Array(multiplier === undefined ? inputs * outputs : outputs).fill(1);
  mask?.forEach((open, o) => {
    if (open === 0) for (let i = o; i < values.length; i += outputs) values[i] = 0;
  });
  return { values, window: 1, inputs, outputs, multiplier, activation: 'linear' };
}

/** The channels that depend on the network's input after masks have closed theirs. */
function liveWith({ nodes }: ChannelGraph, masks: ChannelMasks): ChannelFlags {
  const live: ChannelFlags = new Map();
  for (const node of nodes) {
    const { role, layer, channels, inputs } = node;
    const mask = masks.get(node.name);
    const whole = role === 'input' || role === 'mix' || (role === 'kernel' && mixesChannels(layer));
    const fed = role === 'kernel' && live.get(inputs[0])!.includes(true);
    const isLive = (c: number): boolean => {
      if (whole) return true;
      if (mask?.[c] === 0) return false;
      return role === 'kernel' ? fed : node.sources(c).some(({ node: from, channel }) => live.get(from)![channel]);
    };
    live.set(
      node,
      Array.from({ length: channels }, (_, c) => isLive(c)),
    );
  }
  return live;
}

/** Times of layers by the description of their computation, and the number of images per pass. */
interface MeasuredLayers {
  layers: Record<string, WidthTimes>;
  batchSize: number;
}

/** The number of a layer's channels that stay. */
const widthIn =
  ({ kept }: KeptChannels) =>
  (node: ChannelNode): number =>
    kept.get(node)!.reduce((count, flag) => count + Number(flag), 0);

/** The times of a unit at its widths; throws a UserError if there are none. */
export function timesOf({ shape, head }: Unit, times: MeasuredLayers): WidthTimes {
  const known = times.layers[shape];
  if (known) return known;
  throw new UserError(
    `The times of layers must have been measured for the network; there is none for ${head.name} (${shape}) and ` +
      `${times.batchSize} images. Measure them: await layerTimes(model, { batchSize: ${times.batchSize} }).`,
  );
}

/** The sum of the times of a network's single layers, as a function of the masks. */
export function sumOfLayers(
  graph: ChannelGraph,
  times: MeasuredLayers,
): (masks: ChannelMasks, options?: KeepOptions) => number {
  const units = unitsOf(graph).map((unit) => ({ unit, known: timesOf(unit, times) }));
  const keptWith = keptByMasks(graph);
  return (masks, options) => {
    const kept = keptWith(masks, options);
    const width = widthIn(kept);
    return units
      .filter(({ unit }) => isBuilt(unit, kept))
      .reduce((sum, { unit, known }) => {
        const [inputs, outputs] = widthsOf(unit, width);
        return sum + timeAt(known, inputs, computedOutputs(known, outputs));
      }, 0);
  };
}
