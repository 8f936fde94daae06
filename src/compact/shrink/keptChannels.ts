import { UserError } from '../../errors.js';
import { lockedBecause, type ChannelGraph, type ChannelNode } from '../../graph/channelGraph.js';
import { channelTies, type ChannelTies } from '../../graph/channelGroups.js';
import type { NetworkWeights } from '../weights/layerWeights.js';
import { liveChannels, neededChannels, type ChannelFlags } from '../weights/liveChannels.js';

export interface KeepOptions {
  /** Channels to keep whatever the masks say, by layer: their numbers, or all of them. */
  keep?: Record<string, number[] | 'all'>;
  /** Widths of convolutions and dense layers are rounded up to a multiple of this. Default 1. */
  roundTo?: number;
}

/** Why a channel stays: it carries something to an output; it may not go; it was asked for; or so that its layer has the width wanted, or any. */
export type KeptBecause = 'used' | 'locked' | 'asked' | 'rounding' | 'last';

/** What stays of a network. */
export interface KeptChannels {
  live: ChannelFlags;
  kept: ChannelFlags;
  /** How many channels of a layer stay for a reason. */
  reasons(node: ChannelNode): Map<KeptBecause, number>;
  /** Whether a sum leaves out a summand, since all of its channels are constant. */
  skipped(sum: ChannelNode, summand: ChannelNode): boolean;
}

/**
 * Decides which channels stay: those that depend on the input and that an output depends on, with all they are tied to,
 * and what the options add. A summand without a live channel unties itself from its sum. A layer that must stay keeps at
 * least one input.
 *
 * Where channels are added (rounding, last one), those with the largest filters come first: they have the most to offer
 * to further training, and being closed they change nothing now. `filters` are their sizes before gates and masks changed any.
 */
export function keptChannels(
  graph: ChannelGraph,
  weights: NetworkWeights,
  filters: ReadonlyMap<ChannelNode, Float64Array>,
  options: KeepOptions,
): KeptChannels {
  const { roundTo = 1 } = options;
  if (!Number.isInteger(roundTo) || roundTo < 1) {
    throw new UserError(`roundTo is a whole number of at least 1, got ${roundTo}`);
  }
  const live = liveChannels(graph, weights);
  const needed = neededChannels(graph, weights);
  const dead = (node: ChannelNode): boolean => !live.get(node)?.includes(true);
  // A sum of nothing but constants keeps one summand, to be there at all.
  const skipped = (sum: ChannelNode, summand: ChannelNode): boolean =>
    sum.role === 'add' && dead(summand) && !(dead(sum) && summand === sum.inputs[0]);
  const ties = channelTies(graph, skipped);
  const reasons = new Map<number, KeptBecause>();
  const keep = (set: number, because: KeptBecause): void => {
    if (!reasons.has(set)) reasons.set(set, because);
  };
  const asked = askedFor(graph, options.keep ?? {});
  for (const node of graph.nodes) {
    const locked = lockedBecause(node) !== undefined;
    const wanted = asked.get(node.name);
    for (let c = 0; c < node.channels; c++) {
      const set = ties.setOf(node, c);
      if (live.get(node)?.[c] && needed.get(node)?.[c]) keep(set, 'used');
      else if (locked) keep(set, 'locked');
      else if (wanted?.has(c)) keep(set, 'asked');
    }
  }
  addChannels(filters, ties, reasons, roundTo);
  const flags = (node: ChannelNode): boolean[] =>
    Array.from({ length: node.channels }, (_, c) => reasons.has(ties.setOf(node, c)));
  const kept: ChannelFlags = new Map(graph.nodes.map((node) => [node, flags(node)]));
  return {
    live,
    kept,
    skipped,
    reasons: (node) => {
      const counts = new Map<KeptBecause, number>();
      for (let c = 0; c < node.channels; c++) {
        const because = reasons.get(ties.setOf(node, c));
        if (because) counts.set(because, (counts.get(because) ?? 0) + 1);
      }
      return counts;
    },
  };
}

function askedFor({ model, nodes }: ChannelGraph, keep: Record<string, number[] | 'all'>): Map<string, Set<number>> {
  return new Map(
    Object.entries(keep).map(([name, channels]) => {
      const node = nodes.find((node) => node.name === name);
      if (!node) throw new UserError(`keep names the layer ${name}, which ${model.name} does not have.`);
      const numbers = channels === 'all' ? Array.from({ length: node.channels }, (_, c) => c) : channels;
      const wrong = numbers.find((c) => !Number.isInteger(c) || c < 0 || c >= node.channels);
      if (wrong !== undefined) {
        throw new UserError(`keep asks for channel ${wrong} of ${name}, whose channels are 0 to ${node.channels - 1}.`);
      }
      return [name, new Set(numbers)];
    }),
  );
}

/** Adds channels until every kernel that stays has an input, and a width that is a multiple of `roundTo`. */
function addChannels(
  filters: ReadonlyMap<ChannelNode, Float64Array>,
  ties: ChannelTies,
  reasons: Map<number, KeptBecause>,
  roundTo: number,
): void {
  const sizes = new Map<number, number>();
  for (const [node, squares] of filters) {
    squares.forEach((square, o) => {
      const set = ties.setOf(node, o);
      sizes.set(set, (sizes.get(set) ?? 0) + square);
    });
  }
  const grow = (node: ChannelNode, width: (kept: number) => number, because: KeptBecause): boolean => {
    const sets = [...new Set(Array.from({ length: node.channels }, (_, c) => ties.setOf(node, c)))];
    const kept = sets.filter((set) => reasons.has(set)).length;
    const missing = Math.min(sets.length, width(kept)) - kept;
    if (missing <= 0) return false;
    const spare = sets.filter((set) => !reasons.has(set)).sort((a, b) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0));
    for (const set of spare.slice(0, missing)) reasons.set(set, because);
    return true;
  };
  const stays = (node: ChannelNode): boolean =>
    Array.from({ length: node.channels }).some((_, c) => reasons.has(ties.setOf(node, c)));
  for (let changed = true; changed;) {
    changed = false;
    for (const node of [...filters.keys()].filter(stays)) {
      if (grow(node.inputs[0], (kept) => Math.max(1, kept), 'last')) changed = true;
      if (grow(node, (kept) => Math.ceil(kept / roundTo) * roundTo, 'rounding')) changed = true;
    }
  }
}

/** The sum of squares of each filter: what the masks take away may be worth most to keep. */
export function filterSizes({ kernels }: NetworkWeights): Map<ChannelNode, Float64Array> {
  const sizes = new Map<ChannelNode, Float64Array>();
  for (const [node, { values, outputs }] of kernels) {
    const squares = new Float64Array(outputs);
    values.forEach((value, i) => (squares[i % outputs] += value * value));
    sizes.set(node, squares);
  }
  return sizes;
}
