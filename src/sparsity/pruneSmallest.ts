import { roundHalfToEven } from '../data/resizedCrop.js';
import { UserError } from '../errors.js';
import { checkAmount, type PruningAmount } from './schedules.js';

/** Whether values are ranked across all tensors or within their own tensor. */
export type PruningScope = 'global' | 'perLayer';

/** Returns how many values an amount means if `count` of `all` are left. */
export function amountToPrune(amount: PruningAmount, count: number, all = count): number {
  checkAmount('The amount to prune', amount);
  if (typeof amount === 'object') return Math.max(0, roundHalfToEven(amount.sparsity * all) - (all - count));
  if (amount >= 1 && amount > count)
    throw new UserError(`The amount to prune must be at most the ${count} values that are left; received ${amount}.`);
  return amount < 1 ? roundHalfToEven(amount * count) : amount;
}

/**
 * Returns masks (0 pruned, 1 kept), flat, that prune the values of smallest magnitude in some tensors. `amount` applies
 * to the values that `masks` has left; values that it has pruned stay pruned. Among equal values the first are pruned
 * first.
 *
 * Like torch.nn.utils.prune.global_unstructured with L1Unstructured, or l1_unstructured for each layer.
 */
export function pruneSmallest(
  values: readonly Float32Array[],
  amount: PruningAmount,
  { masks, scope = 'global' }: { masks?: readonly Float32Array[]; scope?: PruningScope } = {},
): Float32Array[] {
  const old = masks ?? values.map(({ length }) => new Float32Array(length).fill(1));
  if (scope === 'perLayer') return values.flatMap((tensor, i) => pruneSmallest([tensor], amount, { masks: [old[i]] }));
  const left = old.reduce((sum, mask) => sum + mask.reduce((n, value) => n + value, 0), 0);
  const all = old.reduce((sum, { length }) => sum + length, 0);
  const count = amountToPrune(amount, left, all);
  if (count === 0) return old.map((mask) => mask.slice());

  const sizes = new Float32Array(left);
  let at = 0;
  values.forEach((tensor, i) => {
    for (let j = 0; j < tensor.length; j++) if (old[i][j] === 1) sizes[at++] = Math.abs(tensor[j]);
  });
  const { threshold, below } = nthSmallest(sizes, count);
  let ties = count - below;
  return values.map((tensor, i) =>
    old[i].map((kept, j) => {
      const size = Math.abs(tensor[j]);
      if (kept === 0 || size < threshold) return 0;
      return size === threshold && ties-- > 0 ? 0 : 1;
    }),
  );
}

/**
 * Returns the n-th smallest of values that are at least 0 (NaN last), and how many are below it. The bits of such
 * floats sort like the values: counting their upper and then their lower halves avoids sorting millions of weights.
 */
function nthSmallest(values: Float32Array, n: number): { threshold: number; below: number } {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const upper = new Uint32Array(2 ** 16);
  for (const one of bits) upper[one >>> 16]++;
  const [high, before] = bucketOf(upper, n, 0);
  const lower = new Uint32Array(2 ** 16);
  for (const one of bits) if (one >>> 16 === high) lower[one & 0xffff]++;
  const [low, below] = bucketOf(lower, n, before);
  const [threshold] = new Float32Array(Uint32Array.of(((high << 16) | low) >>> 0).buffer);
  return { threshold, below };
}

/** Returns the bucket of the n-th value and the number of values before it; `before` values precede the buckets. */
function bucketOf(counts: Uint32Array, n: number, before: number): [bucket: number, before: number] {
  let bucket = 0;
  while (before + counts[bucket] < n) before += counts[bucket++];
  return [bucket, before];
}
