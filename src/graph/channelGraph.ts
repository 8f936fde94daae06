import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { activationOf, layerRole, mixesChannels, type LayerRole } from './layerRole.js';
import type { Layer } from './names.js';
import { networkGraph, nodeOf, type LayerNode, type NetworkGraph } from './networkGraph.js';

/** A layer in the graph of channels. */
export interface ChannelNode extends LayerNode {
  role: LayerRole;
  inputs: ChannelNode[];
  readers: ChannelNode[];
  /** How many channels its output has. */
  channels: number;
}

/** A network's layers from input to output, with who reads whom and what each does with channels. */
export type ChannelGraph = NetworkGraph<ChannelNode>;

/** The most channels that all layers of a network may have together. */
const mostChannels = 2 ** 22;

/** One channel of one layer's output. */
export interface Channel {
  node: ChannelNode;
  channel: number;
}

/**
 * Reads a network as `networkGraph` does. Throws a UserError for a layer whose channels cannot be followed (`layerRole`),
 * and for one used twice.
 */
export function channelGraph(model: tf.LayersModel): ChannelGraph {
  const graph = networkGraph(model);
  const layers = new Set<Layer>();
  let channels = 0;
  for (const node of graph.nodes.toReversed()) {
    if (layers.has(node.layer)) nodeOf(graph, node.layer);
    layers.add(node.layer);
    channels += node.outputShape.at(-1) ?? 0;
    Object.assign(node, { role: layerRole(node), channels: node.outputShape.at(-1) ?? 0 });
  }
  if (channels > mostChannels) {
    throw new UserError(
      `${model.name} has ${channels} channels; they are followed one by one, at most ${mostChannels}.`,
    );
  }
  return graph as ChannelGraph;
}

/** The channels of a layer's inputs that are the same channel as its output channel c; none for a kernel layer. */
export function sameChannels(node: ChannelNode, c: number): Channel[] {
  switch (node.role) {
    case 'kernel':
    case 'input':
      return [];
    case 'concat':
      return [channelOfConcat(node.inputs, c)];
    case 'flatten':
      return [{ node: node.inputs[0], channel: c % node.inputs[0].channels }];
    default:
      return node.inputs.map((input) => ({ node: input, channel: c }));
  }
}

function channelOfConcat(inputs: ChannelNode[], c: number): Channel {
  let channel = c;
  for (const node of inputs) {
    if (channel < node.channels) return { node, channel };
    channel -= node.channels;
  }
  throw new RangeError(`no channel ${c} in a concatenation of ${inputs.map(({ channels }) => channels).join(' + ')}`);
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
