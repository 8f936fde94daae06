import type * as tf from '@tensorflow/tfjs';
import { channelSources } from './channelGraph.js';
import { kernelGeometry, type KernelGeometry } from './kernels.js';
import { isMerge, layerRole } from './layerRole.js';
import type { Weight } from '../layers/layer.js';
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
  /** The layers on the way, which pass them on, depthwise convolutions among them, and how many channels one becomes there. */
  passed: { node: LayerNode; channels: number }[];
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
  const flow: ChannelFlow = { readers: [], passed: [], summed: false, mixed: false, isOutput: false };
  const channelsOf = ({ outputShape }: LayerNode): number => outputShape.at(-1) ?? 0;
  /** The start's channel that each channel further down is computed from. */
  const origins = new Map<LayerNode, (number | undefined)[]>([[start, [...Array(channelsOf(start)).keys()]]]);
  for (const node of placesBehind(start)) {
    const originOf = (from: LayerNode, channel: number): number | undefined => origins.get(from)?.[channel];
    const { layer } = node;
    flow.isOutput ||= node.output;
    if (node === start) continue;
    const geometry = kernelGeometry(layer, node.outputShape);
    if (geometry && geometry.multiplier === undefined) {
      const inputs = Array.from({ length: geometry.inputs }, (_, input) => originOf(node.inputs[0], input));
      const inputsOf = (channel: number): number[] =>
        inputs.flatMap((from, input) => (from === channel ? [input] : []));
      flow.readers.push({ layer, geometry, inputsOf, positions: inputsOf(0).length });
      continue;
    }
    const role = layerRole(node);
    flow.summed ||= isMerge(role);
    flow.mixed ||= role === 'mix';
    const sources = channelSources(node, role);
    const originsOf = (c: number): (number | undefined)[] =>
      sources(c).map(({ node: from, channel }) => originOf(from, channel));
    const own = Array.from({ length: channelsOf(node) }, (_, c) => originsOf(c).find((origin) => origin !== undefined));
    origins.set(node, own);
    flow.passed.push({ node, channels: own.filter((origin) => origin === 0).length });
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

/** What one output channel of a layer costs in the network as it stands. */
export interface ChannelCost {
  /** Kernel entries, bias and batch-norm values that exist only for this channel. */
  parameters: number;
  /** Multiply-adds per image that its kernel entries cause. */
  multiplyAdds: number;
}

/**
 * What removing one output channel of a convolution would save: its own filter, what batch norms and depthwise
 * convolutions behind it have for it, and the kernel entries of the next layers that read it.
 */
export function channelCost(model: tf.LayersModel, layer: Layer): ChannelCost {
  const graph = networkGraph(model);
  const node = nodeOf(graph, layer);
  const own = kernelGeometry(layer, node.outputShape);
  if (!own) return { parameters: 0, multiplyAdds: 0 };
  const { readers, passed } = flowFrom(node);
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const entries = own.multiplier === undefined ? own.window * own.inputs : own.window;
  // What layers on the way have for each of their channels: a depthwise window, and whatever else has the channels as its last axis.
  const others = passed.map(({ node: { layer, outputShape }, channels }) => {
    const { window = 0, positions = 0, kernels = [] } = kernelGeometry(layer, outputShape) ?? {};
    const isOwn = (weight: Weight): boolean =>
      weight.shape.at(-1) === outputShape.at(-1) && kernels.every((kernel) => kernel.weight !== weight);
    const values = layer.getClassName() === 'L0Gate' ? [] : layer.trainableWeights.filter(isOwn);
    const perChannel = sum(values.map((weight) => weight.read().size)) / outputShape.at(-1)!;
    return { entries: window * channels, positions, values: perChannel * channels };
  });
  const read = readers.map(({ positions: inputs, geometry: { window, outputs, positions } }) => {
    return { entries: window * inputs * outputs, positions };
  });
  const kernels = [{ entries, positions: own.positions }, ...others, ...read];
  return {
    parameters:
      sum(kernels.map((kernel) => kernel.entries)) + (own.bias ? 1 : 0) + sum(others.map(({ values }) => values)),
    multiplyAdds: sum(kernels.map((kernel) => kernel.entries * kernel.positions)),
  };
}
