import { Random, deriveSeed } from '../backend/random.js';
import { UserError } from '../errors.js';
import { check, wholeNumber } from '../rules.js';
import type { Augmentation } from './augment.js';
import { scaled, valuesOf, shapeOf, type ImageSet, type ImageShape } from './imageSet.js';
import type { Normalise } from './normalise.js';
import { resizedCrop } from './resizedCrop.js';

/** A few images, ready for a network. */
export interface Batch {
  /** Its place in the epoch, from 0. */
  index: number;
  /** How many images it has: n. */
  size: number;
  /** Shape of each image. */
  shape: ImageShape;
  /** [n, H, W, C] normalised values, flat. */
  images: Float32Array;
  /** [n] class indices. */
  labels: Int32Array;
}

/** How an epoch is cut into batches. */
export interface BatchOptions {
  batchSize: number;
  /** Turns an image's 0..255 into what the network is given. */
  normalise: Normalise;
  /** Seed of the order and the augmentations. Without it, images come unchanged in stored order, as for evaluation. */
  seed?: number;
  /** Which epoch this is, from 0: each epoch has its own order and augmentations. Needed with a seed. */
  epoch?: number;
  /** Changes to each image, in this order. Needs a seed. */
  augment?: Augmentation[];
  /** The factor on the images' height and width, after the other changes. Default 1. */
  scale?: number;
  /** Whether to leave out a last batch that is not full. Default false. */
  dropLast?: boolean;
  /** Index of the first batch to yield, to resume a stopped epoch. Default 0. */
  startAt?: number;
}

/** How many batches an epoch over `count` images has. */
export function batchCount(
  count: number,
  { batchSize, dropLast = false }: { batchSize: number; dropLast?: boolean },
): number {
  return dropLast ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);
}

function checkOptions(options: BatchOptions, total: number): void {
  const { batchSize, seed, epoch, augment = [], startAt = 0 } = options;
  check('batchSize', batchSize, wholeNumber({ min: 1 }));
  if (!Number.isInteger(startAt) || startAt < 0 || startAt > total) {
    throw new UserError(`startAt must be a batch of this epoch, 0 to ${total}; received ${startAt}.`);
  }
  if ((seed === undefined) !== (epoch === undefined)) {
    throw new UserError(
      `seed and epoch must be given together; received seed ${seed} and epoch ${epoch}. Give both, or neither.`,
    );
  }
  if (augment.length > 0 && seed === undefined) {
    throw new UserError('augment draws random numbers and must be given with a seed and an epoch; received neither.');
  }
}

/**
 * Yields one epoch over a set, batch by batch. The same options give the same bits, and batch i does not depend on
 * whether earlier batches were taken.
 *
 * An image's augmentation depends on the seed, the epoch and the image, not on its place among the batches. Each batch
 * has new arrays. Throws a UserError if options contradict each other.
 */
export function* batches(set: ImageSet, options: BatchOptions): Generator<Batch, void, void> {
  const { batchSize, normalise, seed, epoch = 0, augment = [], scale = 1, startAt = 0 } = options;
  const stored = shapeOf(set);
  const shape = scaled(stored, scale);
  const values = valuesOf(shape);
  const whole = new Float32Array(valuesOf(stored));
  const box = { top: 0, left: 0, height: stored[0], width: stored[1] };
  const count = set.labels.length;
  const total = batchCount(count, options);
  checkOptions(options, total);
  const order = seed === undefined ? undefined : new Random(deriveSeed(seed, 'order', epoch)).permutation(count);
  const augmentSeed = deriveSeed(seed ?? 0, 'augment', epoch);

  for (let index = startAt; index < total; index++) {
    const first = index * batchSize;
    const size = Math.min(batchSize, count - first);
    const images = new Float32Array(size * values);
    const labels = new Int32Array(size);
    for (let i = 0; i < size; i++) {
      const which = order === undefined ? first + i : order[first + i];
      const given = images.subarray(i * values, (i + 1) * values);
      const image = scale === 1 ? given : whole;
      image.set(set.images.subarray(which * whole.length, (which + 1) * whole.length));
      if (augment.length > 0) {
        const random = new Random(deriveSeed(augmentSeed, which));
        const turn = { seed: seed!, epoch, image: which };
        for (const change of augment) change(image, random, stored, turn);
      }
      if (scale !== 1) resizedCrop(image, stored[1], box, given, shape);
      normalise(given, shape);
      labels[i] = set.labels[which];
    }
    yield { index, size, shape, images, labels };
  }
}
