import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import type { Weight } from '../layers/layer.js';
import { kernelGeometry } from './kernels.js';
import { activationOf, isSpread, layerRole, mixesChannels, type LayerRole } from './layerRole.js';
import { oncePerNetwork, type Layer } from './names.js';
import { networkGraph, nodeOf, type LayerNode, type NetworkGraph } from './networkGraph.js';

/**
 * The mask of each channel, by the name of the convolution or dense layer whose outputs it multiplies: 0 is closed.
 * What every sparsity method gives, and what cuts, counts and figures read.
 */
export type ChannelMasks = ReadonlyMap<string, Float32Array>;

/** A network without some channels of another one, with which training goes on. */
export interface SmallerNetwork {
  model: tf.LayersModel;
  /** What became of the other network's layers; those that are gone are not there. */
  layers: ReadonlyMap<Layer, Layer>;
  /** What became of its weights, and which of their entries are left, by their flat index, in ascending order. */
  weights: ReadonlyMap<Weight, { weight: Weight; entries: Uint32Array }>;
}

/** A layer in the graph of channels. */
export interface ChannelNode extends LayerNode {
  role: LayerRole;
  inputs: ChannelNode[];
  readers: ChannelNode[];
  channels: number;
  /**
   * The channels of its inputs that output channel c is computed from one by one, other channels having no part in it.
   */
  sources: (c: number) => Channel[];
}

/** A network's layers from input to output, with who reads whom and what each does with channels. */
export type ChannelGraph = NetworkGraph<ChannelNode>;

/** The most channels that all layers of a network may have together. */
const mostChannels = 2 ** 22;

/** One channel of one layer's output. */
export interface Channel {
  node: ChannelNode;
  channel: number;
  /** Whether it is the one channel of an input that counts for all channels of the output. */
  spread?: boolean;
}

/**
 * Reads a network as `networkGraph` does, and of each layer how many channels it gives and from which channels of its
 * inputs each is computed. Throws a UserError for a layer whose channels cannot be followed, and for one used twice.
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

/** The `sources` of a layer with a role; none for a kernel over all channels. */
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

/** Why none of a layer's channels may go, if so, as the end of a sentence that begins with the layer's name. */
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
