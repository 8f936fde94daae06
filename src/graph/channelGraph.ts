import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import type { Weight } from '../layers/layer.js';
import { kernelGeometry } from './kernels.js';
import { activationOf, isSpread, layerRole, mixesChannels, type LayerRole } from './layerRole.js';
import { oncePerNetwork, type Layer } from './names.js';
import { networkGraph, nodeOf, type LayerNode, type NetworkGraph } from './networkGraph.js';

/**
 * The mask of each channel, by the name of the convolution or dense layer whose outputs it multiplies; 0 means closed.
 * Every sparsity method returns such masks; cutting, counting and figures read them.
 */
export type ChannelMasks = ReadonlyMap<string, Float32Array>;

/** A network after some channels were removed, with which training continues. */
export interface SmallerNetwork {
  model: tf.LayersModel;
  /** The new layer for each layer of the original network; removed layers are absent. */
  layers: ReadonlyMap<Layer, Layer>;
  /**
   * For each original weight: the new weight, and the flat indices of the original entries that are left, ascending.
   */
  weights: ReadonlyMap<Weight, { weight: Weight; entries: Uint32Array }>;
}

/** A layer in the graph of channels. */
export interface ChannelNode extends LayerNode {
  role: LayerRole;
  inputs: ChannelNode[];
  readers: ChannelNode[];
  channels: number;
  /**
   * Returns the input channels that output channel c is computed from, for a layer that works channel by channel; none
   * for a kernel.
   */
  sources: (c: number) => Channel[];
}

/** A network's layers from input to output: which reads which, and what each does with channels. */
export type ChannelGraph = NetworkGraph<ChannelNode>;

/** The most channels that the layers of a network may have in total. */
const mostChannels = 2 ** 22;

/** One channel of one layer's output. */
export interface Channel {
  node: ChannelNode;
  channel: number;
  /** Whether this is an input's only channel, applied to all channels of the output. */
  spread?: boolean;
}

/**
 * Reads a network as `networkGraph` does, and finds for each layer how many channels it outputs and which input
 * channels each of them is computed from. Throws a UserError for a layer whose channels cannot be followed, for a layer
 * used twice, and for too many channels.
 */
export const channelGraph = oncePerNetwork((model): ChannelGraph => {
  const graph = networkGraph(model);
  const layers = new Set<Layer>();
  let total = 0;
  for (const node of graph.nodes.toReversed()) {
    if (layers.has(node.layer)) nodeOf(graph, node.layer);
    layers.add(node.layer);
    const role = layerRole(node);
    const channels = channelsOf(node);
    total += channels;
    Object.assign(node, { role, channels, sources: sourcesOf(node as ChannelNode, role) });
  }
  if (total > mostChannels) {
    throw new UserError(
      `A network must have at most ${mostChannels} channels, which are followed one by one; ${model.name} has ${total}.`,
    );
  }
  return graph as ChannelGraph;
});

const channelsOf = ({ outputShape }: LayerNode): number => outputShape.at(-1) ?? 0;

/** Returns the `sources` of a layer with a role; none for a kernel over all channels. */
function sourcesOf(node: ChannelNode, role: LayerRole): ChannelNode['sources'] {
  const { inputs } = node;
  const [input] = inputs;
  switch (role) {
    case 'kernel':
    case 'input':
      return () => [];
    case 'depthwise': {
      const { multiplier = 1 } = kernelGeometry(node.layer, node.outputShape) ?? {};
      return (c) => [{ node: input, channel: Math.floor(c / multiplier) }];
    }
    case 'concat': {
      const places = inputs.flatMap((part) =>
        Array.from({ length: channelsOf(part) }, (_, channel): Channel => ({ node: part, channel })),
      );
      return (c) => [places[c]];
    }
    case 'flatten':
    case 'reshape':
      return (c) => [{ node: input, channel: c % channelsOf(input) }];
    default:
      return (c) =>
        inputs.map((each) =>
          isSpread(node, each) ? { node: each, channel: 0, spread: true } : { node: each, channel: c },
        );
  }
}

/**
 * Returns why none of a layer's channels may be removed, as the end of a sentence that begins with the layer's name;
 * undefined if they may.
 */
export function lockedBecause(node: ChannelNode): string | undefined {
  if (node.role === 'input') {
    const read = node.readers.length > 0 || node.output;
    return read ? 'is the input of the network' : 'is an input of the network that no output depends on';
  }
  if (node.output) return 'is an output of the network';
  if (node.role === 'mix') return 'computes every channel from all of them';
  if (mixesChannels(node.layer)) return `ends with a ${activationOf(node.layer)} over its channels`;
  const mixing = node.readers.find(({ role }) => role === 'mix');
  return mixing && `is read by ${mixing.name}, which needs every channel`;
}
