import { createHash } from 'node:crypto';
import { Random } from '../backend/random.js';

/** Which pictures of the published training set train a network and which ones validate it. */
export interface Split {
  training: Uint32Array;
  validation: Uint32Array;
  /** 16 hexadecimal digits that change with any index of the split. */
  hash: string;
}

/** The seed of every split: a constant, so that all runs on the same data validate on the same pictures. */
const splitSeed = 45_000;

/**
 * Splits `count` pictures at random, but always the same way: `validation` of them validate, the rest train.
 * Smaller sizes take the first pictures of either part, so no picture ever changes sides.
 */
export function split(
  count: number,
  validation: number,
  sizes: { training?: number; validation?: number } = {},
): Split {
  const order = new Random(splitSeed).permutation(count);
  const held = order.slice(count - validation, count - validation + (sizes.validation ?? validation));
  const training = order.slice(0, sizes.training ?? count - validation);
  const hash = createHash('sha256').update(training).update('|').update(held).digest('hex').slice(0, 16);
  return { training, validation: held, hash };
}
