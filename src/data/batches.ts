import { Random, deriveSeed } from '../backend/random.js';
import { UserError } from '../errors.js';
import type { Augmentation } from './augment/augmentation.js';
import type { Normalise } from './augment/normalise.js';
import { imageBytes } from './imageSet.js';
import type { ImageSet } from './imageSet.js';

/** A few pictures, ready for a network. */
export interface Batch {
  /** Its place in the epoch, from 0. */
  index: number;
  /** How many pictures it has: n. */
  size: number;
  /** [n, 32, 32, 3] normalised values, flat. */
  images: Float32Array;
  /** [n] class indices. */
  labels: Int32Array;
}

/** How an epoch is cut into batches. */
export interface BatchOptions {
  batchSize: number;
  /** Turns a picture's 0..255 into what the network is given. */
  normalise: Normalise;
  /** Seed of the order and the augmentations. Without it pictures come as stored and unchanged, as for evaluation. */
  seed?: number;
  /** Which epoch this is, from 0: each has an order and augmentations of its own. Needed with a seed. */
  epoch?: number;
  /** Changes to each picture, in this order. Needs a seed. */
  augment?: Augmentation[];
  /** Whether to leave out a last batch that is not full. Default false. */
  dropLast?: boolean;
  /** The first batch to give, by its index: where a stopped epoch goes on. Default 0. */
  startAt?: number;
}

/** How many batches an epoch over `count` pictures has. */
export function batchCount(
  count: number,
  { batchSize, dropLast = false }: { batchSize: number; dropLast?: boolean },
): number {
  return dropLast ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);
}

function check(options: BatchOptions, total: number): void {
  const { batchSize, seed, epoch, augment = [], startAt = 0 } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new UserError(`batchSize must be a whole number above 0; received ${batchSize}.`);
  }
  if (!Number.isInteger(startAt) || startAt < 0 || startAt > total) {
    throw new UserError(`startAt must be a batch of this epoch, 0 to ${total}; received ${startAt}.`);
  }
  if ((seed === undefined) !== (epoch === undefined)) {
    throw new UserError(`seed and epoch go together; received seed ${seed} and epoch ${epoch}. Give both, or neither.`);
  }
  if (augment.length > 0 && seed === undefined) {
    throw new UserError('augment draws random numbers and needs a seed and an epoch; received neither.');
  }
}

/**
 * One epoch over a set, batch by batch; the same options give the same bits, and batch i does not depend on whether
 * the batches before it were taken.
 *
 * A picture's augmentation depends on seed, epoch and picture, not on its place among the batches. The arrays are new
 * for every batch. Throws a UserError where the options contradict each other.
 */
export function* batches(set: ImageSet, options: BatchOptions): Generator<Batch, void, void> {
  const { batchSize, normalise, seed, epoch = 0, augment = [], startAt = 0 } = options;
  const count = set.labels.length;
  const total = batchCount(count, options);
  check(options, total);
  const order = seed === undefined ? undefined : new Random(deriveSeed(seed, 'order', epoch)).permutation(count);
  const augmentSeed = deriveSeed(seed ?? 0, 'augment', epoch);

  for (let index = startAt; index < total; index++) {
    const first = index * batchSize;
    const size = Math.min(batchSize, count - first);
    const images = new Float32Array(size * imageBytes);
    const labels = new Int32Array(size);
    for (let i = 0; i < size; i++) {
      const picture = order === undefined ? first + i : order[first + i];
      const image = images.subarray(i * imageBytes, (i + 1) * imageBytes);
      image.set(set.images.subarray(picture * imageBytes, (picture + 1) * imageBytes));
      if (augment.length > 0) {
        const random = new Random(deriveSeed(augmentSeed, picture));
        for (const change of augment) change(image, random);
      }
      normalise(image);
      labels[i] = set.labels[picture];
    }
    yield { index, size, images, labels };
  }
}
