import type * as tf from '@tensorflow/tfjs';
import { channelGraph, lockedBecause, type ChannelGraph, type ChannelNode } from './channelGraph.js';
import { isMerge, type Merge } from './layerRole.js';

/** Numbers 0..n-1 in sets that can be joined (union-find). */
class DisjointSets {
  private readonly parent: number[];

  constructor(n: number) {
    this.parent = Array.from({ length: n }, (_, i) => i);
  }

  /** Returns the number that represents the set of i: the smallest in the set. */
  find(i: number): number {
    let root = i;
    while (this.parent[root] !== root) root = this.parent[root];
    while (this.parent[i] !== root) [this.parent[i], i] = [root, this.parent[i]];
    return root;
  }

  join(a: number, b: number): void {
    const [low, high] = [this.find(a), this.find(b)].sort((x, y) => x - y);
    this.parent[high] = low;
  }
}

/** Which channels of all layers are tied, so that they stay or go together. */
export interface ChannelTies {
  /** Returns the number of the set that a layer's channel belongs to. */
  setOf(node: ChannelNode, channel: number): number;
  /** All set numbers are below this; not every number below it is a set's. */
  size: number;
}

/**
 * Ties every channel to the channels that it is computed from one by one: through batch norm, activation, gate, pooling
 * and depthwise convolution to the input channel, through a sum or product to the same channel of each part. A single
 * channel that applies to all output channels is not tied to them. `skipped(merge, part)` says which parts to leave
 * out.
 */
export function channelTies(
  { nodes }: ChannelGraph,
  skipped: (merge: ChannelNode, part: ChannelNode) => boolean = () => false,
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
      for (const source of node.sources(c)) {
        if (source.spread || skipped(node, source.node)) continue;
        sets.join(place(node, c), place(source.node, source.channel));
      }
    }
  }
  return { setOf: (node, channel) => sets.find(place(node, channel)), size };
}

/** Convolutions and dense layers whose channels can only stay or go together, and why. */
export interface ChannelGroup {
  /** The layers that compute the channels. */
  layers: string[];
  /** Number of sets of tied channels, each of which can be removed on its own. */
  channels: number;
  /** The layers that read the channels. */
  readers: string[];
  /** Why the channels of the layers are tied to each other; empty for a single layer. */
  because: string[];
  /** Why none of the channels may be removed, if so. */
  locked?: string;
}

const verbs: Record<Merge, string> = {
  add: 'adds',
  multiply: 'multiplies',
  average: 'averages',
  maximum: 'takes the larger of',
  minimum: 'takes the smaller of',
};

/** Returns why the channels of a layer's inputs and output belong together, if they belong to several layers. */
function reasonFor({ role, name, inputs }: ChannelNode): string[] {
  if (isMerge(role)) return [`${name} ${verbs[role]} ${inputs.map((input) => input.name).join(' and ')}`];
  return role === 'depthwise' ? [`${name} works on each channel of ${inputs[0].name} alone`] : [];
}

/** Returns the groups of channels that stay or go together in a network, in the order of their first layers. */
export function channelGroups(graph: ChannelGraph): ChannelGroup[] {
  const ties = channelTies(graph);
  const setsOf = (node: ChannelNode): number[] => Array.from({ length: node.channels }, (_, c) => ties.setOf(node, c));
  // Layers that share one set of tied channels are one group.
  const groups = new DisjointSets(ties.size);
  const makers = graph.nodes.filter(({ role }) => role === 'kernel' || role === 'depthwise' || role === 'input');
  for (const node of [...graph.nodes.filter(({ role }) => isMerge(role)), ...makers]) {
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
      because: inside.flatMap(reasonFor),
      ...(locked ? { locked: `${locked.name} ${lockedBecause(locked)}` } : {}),
    };
  });
}

/**
 * Describes as text which channels of a network stay or go together and why, in one paragraph per group.
 *
 *     16 channels of stem_conv, stage1_block1_second_conv; read by stage1_block1_first_conv, ...
 *       together because stage1_block1_sum adds stage1_block1_second_bn and stem_bn
 *
 * Throws a UserError for a layer whose channels cannot be followed.
 */
export function explain(model: tf.LayersModel): string {
  return channelGroups(channelGraph(model))
    .map(({ layers, channels, readers, because, locked }) => {
      const read = readers.length > 0 ? `; read by ${readers.join(', ')}` : '';
      const lines = [`${channels} channel${channels === 1 ? '' : 's'} of ${layers.join(', ')}${read}`];
      if (because.length > 0) lines.push(`  together because ${because.join('; ')}`);
      if (locked !== undefined) lines.push(`  none can go: ${locked}`);
      return `${lines.join('\n')}\n`;
    })
    .join('');
}
