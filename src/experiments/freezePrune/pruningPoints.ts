import type { CutRecord, FreezePruneRecord } from './freezePruneSweep.js';

/** The accuracies of one or several runs at a share of zeros, all between 0 and 1: what `accuracyByPruning` draws. */
export interface PrunedAccuracy {
  pruned: number;
  accuracies: number[];
}

function gathered(pairs: readonly (readonly [pruned: number, accuracy: number])[]): PrunedAccuracy[] {
  const points = new Map<number, number[]>();
  for (const [pruned, accuracy] of pairs) points.set(pruned, [...(points.get(pruned) ?? []), accuracy]);
  return [...points].map(([pruned, accuracies]) => ({ pruned, accuracies })).sort((a, b) => a.pruned - b.pruned);
}

/** Test accuracies of runs by their share of zeros in whole percent, those of equal shares together. */
export function pruningPoints(records: readonly FreezePruneRecord[]): PrunedAccuracy[] {
  return gathered(records.map(({ sparsity, test }) => [Math.round(100 * sparsity) / 100, test] as const));
}

/** The same of validation accuracies right after pruning. */
export function cutPoints(cuts: readonly CutRecord[]): PrunedAccuracy[] {
  return gathered(cuts.map(({ prune, validation }) => [prune, validation] as const));
}
