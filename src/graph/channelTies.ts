import { sameChannels, type ChannelGraph, type ChannelNode } from './channelGraph.js';
import { DisjointSets } from './disjointSets.js';

/** Which channels of all layers are one and the same, so that they stay or go together. */
export interface ChannelTies {
  /** The number of the set that a layer's channel belongs to. */
  setOf(node: ChannelNode, channel: number): number;
  /** How many numbers there are; not every one names a set. */
  size: number;
}

/**
 * Ties every channel to the channels it is computed from one by one: through batch norm, activation, gate and pooling to
 * itself, through a sum to the channel of each summand. `skipped(sum, summand)` says which summands are left out.
 */
export function channelTies(
  { nodes }: ChannelGraph,
  skipped: (sum: ChannelNode, summand: ChannelNode) => boolean = () => false,
): ChannelTies {
  const start = new Map<ChannelNode, number>();
  let size = 0;
  for (const node of nodes) {
    start.set(node, size);
    size += node.channels;
  }
  const sets = new DisjointSets(size);
  const place = (node: ChannelNode, channel: number): number => (start.get(node) ?? NaN) + channel;
  for (const node of nodes) {
    for (let c = 0; c < node.channels; c++) {
      for (const same of sameChannels(node, c)) {
        if (skipped(node, same.node)) continue;
        sets.join(place(node, c), place(same.node, same.channel));
      }
    }
  }
  return { setOf: (node, channel) => sets.find(place(node, channel)), size };
}
