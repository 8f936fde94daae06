import { UserError } from '../../errors.js';

/** What is pruned when: before an epoch, counted from 0, an amount of what is left then. */
export type PruningPlan = readonly { epoch: number; amount: number }[];

/** All at once. */
export function oneShot(amount: number, epoch = 0): PruningPlan {
  return [{ epoch, amount }];
}

/** The same share of what is left, several times: `times` prunings, `every` so many epochs, from epoch `begin` on. */
export function iterative(
  amount: number,
  { times, every = 1, begin = 0 }: { times: number; every?: number; begin?: number },
): PruningPlan {
  return Array.from({ length: times }, (_, i) => ({ epoch: begin + i * every, amount }));
}

/**
 * Fast at first and slower towards the end (Zhu and Gupta 2017, equation 1): before epoch e the sparsity becomes
 * amount * (1 - (1 - (e - begin) / (end - begin))^3), from the first epoch after `begin` to `end`.
 */
export function polynomial(amount: number, { begin = 0, end }: { begin?: number; end: number }): PruningPlan {
  if (!(amount >= 0 && amount < 1)) {
    throw new UserError(`A polynomial schedule ends at a share of at least 0 and below 1, got ${amount}.`);
  }
  if (!(end > begin)) throw new UserError(`A polynomial schedule ends after it begins, got ${begin} to ${end}.`);
  const sparsity = (epoch: number): number => amount * (1 - (1 - (epoch - begin) / (end - begin)) ** 3);
  return Array.from({ length: end - begin }, (_, i) => {
    const epoch = begin + i + 1;
    const before = sparsity(epoch - 1);
    return { epoch, amount: (sparsity(epoch) - before) / (1 - before) };
  });
}
