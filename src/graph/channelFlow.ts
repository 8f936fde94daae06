import type * as tf from '@tensorflow/tfjs';
import { channelSources } from './channelGraph.js';
import { kernelGeometry, type KernelGeometry } from './kernels.js';
import { isMerge, layerRole } from './layerRole.js';
import type { Layer } from './names.js';
import { networkGraph, nodeOf, type LayerNode } from './networkGraph.js';

/** A convolution or dense layer that computes each of its channels from all channels of another layer. */
export interface ChannelReader {
  layer: Layer;
  geometry: KernelGeometry;
  /** The inputs of its kernel that one channel becomes: one, or one for each position where the image was flattened. */
  inputsOf: (channel: number) => number[];
  /** How many inputs that are. */
  positions: number;
}

/** Where the output channels of a layer go. */
export interface ChannelFlow {
  readers: ChannelReader[];
  /** Whether they are added to other channels on the way, or multiplied with them, so that no reader can tell them apart. */
  summed: boolean;
  /** Whether a layer on the way computes every channel from all of them, as softmax does. */
  mixed: boolean;
  /** Whether they are outputs of the model. */
  isOutput: boolean;
}

/**
 * Follows the output channels of a layer down to the convolutions and dense layers that read them, through batch norm,
 * activation, pooling, gates, depthwise convolutions, concatenation, sums and flattening (channels last).
 *
 * Throws a UserError for a layer on the way that cannot be followed, and for one that the network uses more than once.
 */
export function channelFlow(model: tf.LayersModel, layer: Layer): ChannelFlow {
  return flowFrom(nodeOf(networkGraph(model), layer));
}

/** The same from a place of a network's graph on. */
export function flowFrom(start: LayerNode): ChannelFlow {
  const flow: ChannelFlow = { readers: [], summed: false, mixed: false, isOutput: false };
  const channelsOf = ({ outputShape }: LayerNode): number => outputShape.at(-1) ?? 0;
  /** The start's channel that each channel further down is computed from. */
  const origins = new Map<LayerNode, (number | undefined)[]>([[start, [...Array(channelsOf(start)).keys()]]]);
  for (const node of placesBehind(start)) {
    const originOf = (from: LayerNode, channel: number): number | undefined => origins.get(from)?.[channel];
    const { layer } = node;
    const geometry = node === start ? undefined : kernelGeometry(layer, node.outputShape);
    if (geometry && geometry.multiplier === undefined) {
      const inputs = Array.from({ length: geometry.inputs }, (_, input) => originOf(node.inputs[0], input));
      const inputsOf = (channel: number): number[] =>
        inputs.flatMap((from, input) => (from === channel ? [input] : []));
      flow.readers.push({ layer, geometry, inputsOf, positions: inputsOf(0).length });
      continue;
    }
    flow.isOutput ||= node.output;
    if (node === start) continue;
    const role = layerRole(node);
    flow.summed ||= isMerge(role);
    flow.mixed ||= role === 'mix';
    const sources = channelSources(node, role);
    const originsOf = (c: number): (number | undefined)[] =>
      sources(c).map(({ node: from, channel }) => originOf(from, channel));
    const own = Array.from({ length: channelsOf(node) }, (_, c) => originsOf(c).find((origin) => origin !== undefined));
    origins.set(node, own);
  }
  return flow;
}

/** A place and those behind it up to the kernels that read them, each behind those that it reads. */
function placesBehind(start: LayerNode): LayerNode[] {
  const places: LayerNode[] = [];
  const seen = new Set<LayerNode>();
  const visit = (node: LayerNode): void => {
    if (seen.has(node)) return;
    seen.add(node);
    const geometry = node === start ? undefined : kernelGeometry(node.layer, node.outputShape);
    if (!geometry || geometry.multiplier !== undefined) [...node.readers].reverse().forEach(visit);
    places.unshift(node);
  };
  visit(start);
  return places;
}
