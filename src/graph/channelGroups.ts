import type * as tf from '@tensorflow/tfjs';
import { channelGraph, lockedBecause, type ChannelGraph, type ChannelNode } from './channelGraph.js';
import { channelTies } from './channelTies.js';
import { DisjointSets } from './disjointSets.js';

/** Convolutions and dense layers whose channels can only stay or go together, and why. */
export interface ChannelGroup {
  /** The layers that compute the channels. */
  layers: string[];
  /** How many sets of tied channels there are: what can be removed one by one. */
  channels: number;
  /** The layers that read them. */
  readers: string[];
  /** Why the channels of the layers are tied to each other; empty for one layer on its own. */
  because: string[];
  /** Why none of them may be removed, if so. */
  locked?: string;
}

/** The groups of a network, in the order of their first layers. */
export function channelGroups(graph: ChannelGraph): ChannelGroup[] {
  const ties = channelTies(graph);
  const setsOf = (node: ChannelNode): number[] => Array.from({ length: node.channels }, (_, c) => ties.setOf(node, c));
  // Layers that share one set of tied channels are one group.
  const groups = new DisjointSets(ties.size);
  for (const node of graph.nodes) {
    if (node.role !== 'add') continue;
    const sets = setsOf(node);
    for (const set of sets) groups.join(sets[0], set);
  }
  const makers = graph.nodes.filter(({ role }) => role === 'kernel' || role === 'input');
  for (const node of makers) {
    const sets = setsOf(node);
    for (const set of sets) groups.join(sets[0], set);
  }
  const members = new Map<number, ChannelNode[]>();
  for (const node of makers) {
    const group = groups.find(ties.setOf(node, 0));
    members.set(group, [...(members.get(group) ?? []), node]);
  }
  return [...members].map(([group, layers]): ChannelGroup => {
    const shares = (node: ChannelNode): boolean => setsOf(node).some((set) => groups.find(set) === group);
    const inside = graph.nodes.filter(shares);
    const readers = graph.nodes.filter(({ role, inputs }) => role === 'kernel' && inputs.some(shares));
    const locked = inside.find((node) => lockedBecause(node) !== undefined);
    return {
      layers: layers.map(({ name }) => name),
      channels: new Set(layers.flatMap(setsOf)).size,
      readers: readers.map(({ name }) => name),
      because: inside
        .filter(({ role }) => role === 'add')
        .map(({ name, inputs }) => `${name} adds ${inputs.map((input) => input.name).join(' and ')}`),
      ...(locked ? { locked: `${locked.name} ${lockedBecause(locked)}` } : {}),
    };
  });
}

/**
 * Which channels of a network go together and why, as text: a paragraph for each group.
 *
 *     16 channels of stem_conv, stage1_block1_second_conv; read by stage1_block1_first_conv, ...
 *       together because stage1_block1_sum adds stage1_block1_second_bn and stem_bn
 *
 * Throws a UserError for a layer whose channels cannot be followed.
 */
export function explain(network: tf.LayersModel | ChannelGraph): string {
  const graph = 'nodes' in network ? network : channelGraph(network);
  return channelGroups(graph)
    .map(({ layers, channels, readers, because, locked }) => {
      const read = readers.length > 0 ? `; read by ${readers.join(', ')}` : '';
      const lines = [`${channels} channel${channels === 1 ? '' : 's'} of ${layers.join(', ')}${read}`];
      if (because.length > 0) lines.push(`  together because ${because.join('; ')}`);
      if (locked !== undefined) lines.push(`  none can go: ${locked}`);
      return `${lines.join('\n')}\n`;
    })
    .join('');
}
