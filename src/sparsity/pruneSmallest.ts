import { roundHalfToEven } from '../data/resizedCrop.js';
import { UserError } from '../errors.js';

/** Whether values compete with those of all tensors, or with those of their own. */
export type PruningScope = 'global' | 'perLayer';

/** How many of `count` values an amount means: a share below 1, or so many. */
export function amountToPrune(amount: number, count: number): number {
  if (!(amount >= 0) || (amount >= 1 && !Number.isInteger(amount))) {
    throw new UserError(`The amount to prune is a share of at least 0 and below 1, or a whole number; got ${amount}.`);
  }
  if (amount >= 1 && amount > count) throw new UserError(`${amount} values cannot be pruned: only ${count} are left.`);
  return amount < 1 ? roundHalfToEven(amount * count) : amount;
}

/**
 * Masks (0 pruned, 1 not) that prune the values of smallest magnitude of some tensors, flat: so many, or that share, of
 * those that `masks` has not pruned yet, on top of what it has. Of equal values the first go first.
 *
 * As torch.nn.utils.prune.global_unstructured with L1Unstructured, or l1_unstructured for each layer.
 */
export function pruneSmallest(
  values: readonly Float32Array[],
  amount: number,
  { masks, scope = 'global' }: { masks?: readonly Float32Array[]; scope?: PruningScope } = {},
): Float32Array[] {
  const old = masks ?? values.map(({ length }) => new Float32Array(length).fill(1));
  if (scope === 'perLayer') return values.flatMap((tensor, i) => pruneSmallest([tensor], amount, { masks: [old[i]] }));
  const left = old.reduce((sum, mask) => sum + mask.reduce((n, value) => n + value, 0), 0);
  const count = amountToPrune(amount, left);
  if (count === 0) return old.map((mask) => mask.slice());

  const sizes = new Float32Array(left);
  let at = 0;
  values.forEach((tensor, i) => {
    for (let j = 0; j < tensor.length; j++) if (old[i][j] === 1) sizes[at++] = Math.abs(tensor[j]);
  });
  const threshold = sizes.sort()[count - 1];
  let ties = count - firstAtLeast(sizes, threshold);
  return values.map((tensor, i) =>
    old[i].map((kept, j) => {
      const size = Math.abs(tensor[j]);
      if (kept === 0 || size < threshold) return 0;
      return size === threshold && ties-- > 0 ? 0 : 1;
    }),
  );
}

/** How many of the sorted values are below a threshold. */
function firstAtLeast(sorted: Float32Array, threshold: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}
