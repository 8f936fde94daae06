import { UserError } from '../../errors.js';
import { check, wholeNumber } from '../../rules.js';
import { lockedBecause, type ChannelGraph, type ChannelNode } from '../../graph/channelGraph.js';
import { channelTies, type ChannelTies } from '../../graph/channelGroups.js';
import { isFull, isMerge, isSpread } from '../../graph/layerRole.js';
import { neededChannels, type ChannelFlags, type ChannelValues } from '../weights/channelValues.js';
import { isUniform } from '../weights/constantMap.js';
import type { NetworkWeights } from '../weights/layerWeights.js';

/** Which channels to keep in addition to those that are used. */
export interface KeepOptions {
  /** Channels to keep whatever the masks say, by layer: their indices, or 'all'. */
  keep?: Record<string, number[] | 'all'>;
  /** Widths of convolutions and dense layers are rounded up to a multiple of this. Default 1. */
  roundTo?: number;
}

/**
 * Why a channel stays: an output depends on it; it must not be removed; it was asked for; it rounds up its layer's
 * width; or its layer must keep at least one.
 */
export type KeptBecause = 'used' | 'locked' | 'asked' | 'rounding' | 'last';

/** The parts of a network that stay. */
export interface KeptChannels {
  kept: ChannelFlags;
  /** The layers that an output depends on; not those with kept channels (tied to others) that lead nowhere. */
  built: ReadonlySet<ChannelNode>;
  /** The number of a layer's channels that stay, by reason. */
  reasons(node: ChannelNode): Partial<Record<KeptBecause, number>>;
  /** Whether a sum or product omits one of its parts because all channels of the part are constant. */
  skipped(merge: ChannelNode, part: ChannelNode): boolean;
}

/**
 * Decides which channels stay: those that depend on the input and that an output depends on, with all channels tied to
 * them, and those that the options add. A summand without a live channel is untied from its sum, and so is a factor
 * without one if it is the same at every place of the image. A layer that must stay keeps at least one input.
 *
 * When channels are added (rounding, last one), those with the largest filters come first: they are worth most to
 * further training, and because they are closed they change nothing now. `filters` are the sizes before gates and masks
 * changed them.
 */
export function keptChannels(
  graph: ChannelGraph,
  weights: NetworkWeights,
  { live, constants }: ChannelValues,
  filters: ReadonlyMap<ChannelNode, Float64Array>,
  options: KeepOptions,
): KeptChannels {
  const { roundTo = 1 } = options;
  check('roundTo', roundTo, wholeNumber({ min: 1 }));
  const needed = neededChannels(graph, weights, live);
  const dead = (node: ChannelNode): boolean => !live.get(node)?.includes(true);
  const skipped = (merge: ChannelNode, part: ChannelNode): boolean => {
    const { role, inputs, outputShape } = merge;
    const can = role === 'add' || (role === 'multiply' && outputShape.length === 4 && isUniform(constants.get(part)!));
    // The remaining part must have the size of the output, and one part stays even if none is live.
    const full = inputs.filter((input) => isFull(merge, input));
    const stays = full.find((input) => !dead(input)) ?? full.at(0);
    return can && dead(part) && stays !== undefined && part !== stays;
  };
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
  addChannels(graph, filters, ties, reasons, { roundTo, skipped });
  const flags = (node: ChannelNode): boolean[] =>
    Array.from({ length: node.channels }, (_, c) => reasons.has(ties.setOf(node, c)));
  const kept: ChannelFlags = new Map(graph.nodes.map((node) => [node, flags(node)]));
  const built = new Set<ChannelNode>();
  const build = (node: ChannelNode): void => {
    if (built.has(node)) return;
    built.add(node);
    const parts = node.role === 'concat' ? node.inputs.filter((part) => kept.get(part)?.includes(true)) : node.inputs;
    for (const part of parts) if (!skipped(node, part)) build(part);
  };
  graph.outputs.forEach(build);
  return {
    kept,
    built,
    skipped,
    reasons: (node) => {
      const counts: Partial<Record<KeptBecause, number>> = {};
      for (let c = 0; c < node.channels; c++) {
        const because = reasons.get(ties.setOf(node, c));
        if (because) counts[because] = (counts[because] ?? 0) + 1;
      }
      return counts;
    },
  };
}

function askedFor({ model, nodes }: ChannelGraph, keep: Record<string, number[] | 'all'>): Map<string, Set<number>> {
  return new Map(
    Object.entries(keep).map(([name, channels]) => {
      const node = nodes.find((node) => node.name === name);
      if (!node) throw new UserError(`keep must name layers of ${model.name}; received ${name}.`);
      const numbers = channels === 'all' ? Array.from({ length: node.channels }, (_, c) => c) : channels;
      const isOne = (c: number): boolean => Number.isInteger(c) && c >= 0 && c < node.channels;
      const wrong = Array.isArray(numbers) ? numbers.find((c) => !isOne(c)) : String(channels);
      if (wrong !== undefined) {
        const most = node.channels - 1;
        throw new UserError(`keep must list channels of ${name}, 0 to ${most}, or be 'all'; received ${wrong}.`);
      }
      return [name, new Set(numbers)];
    }),
  );
}

/** Adds channels until every remaining layer has an input, and kernels have a width that is a multiple of `roundTo`. */
function addChannels(
  { nodes }: ChannelGraph,
  filters: ReadonlyMap<ChannelNode, Float64Array>,
  ties: ChannelTies,
  reasons: Map<number, KeptBecause>,
  { roundTo, skipped }: { roundTo: number; skipped: KeptChannels['skipped'] },
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
  /** Inputs that are not tied to the output of a layer. */
  const readBy = (node: ChannelNode): ChannelNode[] => {
    if (node.role === 'kernel') return node.inputs;
    return isMerge(node.role) ? node.inputs.filter((part) => isSpread(node, part) && !skipped(node, part)) : [];
  };
  for (let changed = true; changed;) {
    changed = false;
    for (const node of nodes.filter(stays)) {
      for (const input of readBy(node)) if (grow(input, (kept) => Math.max(1, kept), 'last')) changed = true;
      if (filters.has(node) && grow(node, (kept) => Math.ceil(kept / roundTo) * roundTo, 'rounding')) changed = true;
    }
  }
}

/**
 * The sum of squares of each filter. Take it before masks close any: the closed filters may be the ones most worth
 * keeping.
 */
export function filterSizes({ kernels }: NetworkWeights): Map<ChannelNode, Float64Array> {
  const sizes = new Map<ChannelNode, Float64Array>();
  for (const [node, { values, outputs }] of kernels) {
    const squares = new Float64Array(outputs);
    values.forEach((value, i) => (squares[i % outputs] += value * value));
    sizes.set(node, squares);
  }
  return sizes;
}
