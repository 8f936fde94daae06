import type * as tf from '@tensorflow/tfjs';
import type { ChannelMasks } from '../../models/channelMasks.js';
import { channelGraph, type ChannelGraph } from '../../graph/channelGraph.js';
import { checkMasks } from '../weights/closeMasked.js';

/** For each layer of a model, by name, which of its output channels can be other than 0. */
export type OpenChannels = Map<string, boolean[]>;

/** How many of the flags are set. */
export function countOpen(flags: boolean[]): number {
  return flags.reduce((n, open) => n + (open ? 1 : 0), 0);
}

/**
 * Follows the masks from layer to layer: a convolution or dense layer has the channels that its mask leaves open,
 * concatenation strings them together, addition keeps what one side keeps, flattening repeats them for each position,
 * and everything else passes them on.
 *
 * Throws a UserError where a mask has no layer, or not as many values as the layer has channels, and for a layer whose
 * channels cannot be followed.
 */
export function openChannels(network: tf.LayersModel | ChannelGraph, masks: ChannelMasks): OpenChannels {
  const graph = 'nodes' in network ? network : channelGraph(network);
  checkMasks(graph, masks);
  const open: OpenChannels = new Map();
  for (const node of graph.nodes) {
    const mask = masks.get(node.name);
    const isOpen = (c: number): boolean => {
      if (mask) return mask[c] !== 0;
      const same = node.sources(c);
      return same.length === 0 || same.some(({ node: from, channel }) => open.get(from.name)?.[channel]);
    };
    open.set(
      node.name,
      Array.from({ length: node.channels }, (_, c) => isOpen(c)),
    );
  }
  return open;
}
