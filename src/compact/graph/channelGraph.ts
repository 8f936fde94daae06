import type * as tf from '@tensorflow/tfjs';
import { producersOf, type Layer } from '../../models/layerGraph.js';
import { activationOf, layerRole, type LayerRole } from './layerRole.js';

/** A layer in the graph of channels. */
export interface ChannelNode {
  layer: Layer;
  name: string;
  role: LayerRole;
  /** The layers it reads, in the order of its inputs, and those that read it. */
  inputs: ChannelNode[];
  readers: ChannelNode[];
  /** How many channels its output has. */
  channels: number;
  /** Whether the network returns it. */
  output: boolean;
}

/** A network's layers from input to output, with who reads whom. */
export interface ChannelGraph {
  model: tf.LayersModel;
  nodes: ChannelNode[];
}

/** One channel of one layer's output. */
export interface Channel {
  node: ChannelNode;
  channel: number;
}

/**
 * Walks a network from its outputs upwards. Throws a UserError for a layer whose channels cannot be followed
 * (`layerRole`).
 */
export function channelGraph(model: tf.LayersModel): ChannelGraph {
  const known = new Map<Layer, ChannelNode>();
  const visit = (layer: Layer): ChannelNode => {
    const seen = known.get(layer);
    if (seen) return seen;
    const role = layerRole(layer);
    const inputs = producersOf(layer).map(visit);
    const channels = (layer.outputShape as number[]).at(-1) ?? 0;
    const node: ChannelNode = { layer, name: layer.name, role, inputs, readers: [], channels, output: false };
    for (const input of new Set(inputs)) input.readers.push(node);
    known.set(layer, node);
    return node;
  };
  for (const { sourceLayer } of model.outputs) visit(sourceLayer).output = true;
  return { model, nodes: [...known.values()] };
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
  if (node.role === 'input') return 'is the input of the network';
  if (node.output) return 'is an output of the network';
  if (node.role === 'mix') return 'computes every channel from all of them';
  if (node.role === 'kernel' && activationOf(node.layer) === 'softmax') return 'ends with a softmax over its channels';
  const mixing = node.readers.find(({ role }) => role === 'mix');
  return mixing && `is read by ${mixing.name}, which needs every channel`;
}
