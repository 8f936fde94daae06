import { check, number, wholeNumber, type Rule } from '../rules.js';

/**
 * How much is pruned: a share below 1 of the values left, or a number of values; or as many as make `sparsity` the
 * share of all values that is pruned, however earlier shares were rounded.
 */
export type PruningAmount = number | { sparsity: number };

const amounts: Rule<number> = {
  words: 'a share of at least 0 and below 1, or a whole number',
  accepts: (value): value is number =>
    number({ min: 0, below: 1 }).accepts(value) || wholeNumber({ min: 1 }).accepts(value),
};

/** Throws a UserError with `name` for an invalid amount. */
export function checkAmount(name: string, amount: PruningAmount): void {
  const { sparsity } = Object(amount) as { sparsity?: number };
  if (sparsity === undefined) check(name, amount, amounts);
  else check(`${name}: sparsity`, sparsity, number({ min: 0, below: 1 }));
}

/** Amounts to prune, each before an epoch counted from 0. */
export type PruningPlan = readonly { epoch: number; amount: PruningAmount }[];

/**
 * Prunes `amount`, a share below 1 or a number of values, once, before the epoch `epoch`. Throws a UserError for
 * numbers out of range.
 */
export function oneShot(amount: number, epoch = 0): PruningPlan {
  checkAmount('amount', amount);
  check('epoch', epoch, wholeNumber({ min: 0 }));
  return [{ epoch, amount }];
}

/**
 * Prunes the share `amount` of the values left, `times` times: before epoch `begin`, and then every `every` epochs.
 * Throws a UserError for numbers out of range.
 */
export function iterative(
  amount: number,
  { times, every = 1, begin = 0 }: { times: number; every?: number; begin?: number },
): PruningPlan {
  checkAmount('amount', amount);
  check('times', times, wholeNumber({ min: 1 }));
  check('every', every, wholeNumber({ min: 1 }));
  check('begin', begin, wholeNumber({ min: 0 }));
  return Array.from({ length: times }, (_, i) => ({ epoch: begin + i * every, amount }));
}

/**
 * Prunes fast at first and slower towards the end (Zhu and Gupta 2017, equation 1): before epoch e the sparsity becomes
 * amount * (1 - (1 - (e - begin) / (end - begin))^3), from the first epoch after `begin` to `end`. Throws a UserError
 * for an amount outside [0, 1), and for an end that is not after the beginning.
 */
export function polynomial(amount: number, { begin = 0, end }: { begin?: number; end: number }): PruningPlan {
  check('amount', amount, number({ min: 0, below: 1 }));
  check('begin', begin, wholeNumber({ min: 0 }));
  check('end', end, wholeNumber({ above: begin }));
  const sparsity = (epoch: number): number => amount * (1 - (1 - (epoch - begin) / (end - begin)) ** 3);
  return Array.from({ length: end - begin }, (_, i) => {
    const epoch = begin + i + 1;
    return { epoch, amount: { sparsity: sparsity(epoch) } };
  });
}

/** How long RePr's two phases are. */
export interface ReprLengths {
  /** Epochs in which all filters train, before each pruning. */
  S1: number;
  /** Epochs in which only the remaining filters train, after each pruning. */
  S2: number;
}

/** What RePr does before and in an epoch. */
export interface ReprEpoch {
  phase: 'S1' | 'S2';
  /** Whether filters are pruned before it. */
  prunes: boolean;
  /** Whether the pruned filters come back before it. */
  reinitialises: boolean;
}

/** RePr's cycle, epochs counted from 0: S1 epochs with all filters, S2 epochs pruned, and so on. */
export function reprEpoch(epoch: number, { S1, S2 }: ReprLengths): ReprEpoch {
  const place = epoch % (S1 + S2);
  return {
    phase: place < S1 ? 'S1' : 'S2',
    prunes: place === S1,
    reinitialises: place === 0 && epoch > 0,
  };
}
