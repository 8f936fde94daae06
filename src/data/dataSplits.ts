import { createHash } from '#platform';
import { Random } from '../backend/random.js';
import { UserError } from '../errors.js';
import { bytesFor, imageSet, labelsFor, pickImages, sizeOf, shapeOf } from './imageSet.js';
import type { ImageArrays, ImageSet, ImageShape } from './imageSet.js';

/** Training, validation and test images. */
export interface DataSplits {
  /** A name of the data for people; every result is printed with it. */
  name: string;
  train: ImageSet;
  validation: ImageSet;
  test: ImageSet;
  /** 16 hexadecimal digits that change with the choice of images that are split off or left for training. */
  splitHash: string;
}

/** How many images each part should have. */
export interface DataSizes {
  train?: number;
  validation?: number;
  test?: number;
}

/** The given parts of a data set; missing parts are split off the training images. */
export interface DataParts {
  train: ImageSet;
  validation?: ImageSet;
  test?: ImageSet;
}

/** How images are split. */
export interface SplitOptions {
  /**
   * How many training images to validate on if there is no validation set: a share below 1, or a number of images.
   * Default 0.1.
   */
  validation?: number;
  /** How many training images to test on if there is no test set, likewise. Default 0.1. */
  test?: number;
  /** How many images to keep of each part: its first ones. Default: all. */
  sizes?: DataSizes;
  /** Default: the name of the training images. */
  name?: string;
}

const parts = ['train', 'validation', 'test'] as const;

/** The seed of every split: a constant, so that all runs on the same data validate on the same images. */
const splitSeed = 45_000;

/** `count` indices in a random order that is always the same. */
export const fixedOrder = (count: number): Uint32Array => new Random(splitSeed).permutation(count);

function hashOf(split: Uint32Array[]): string {
  const hash = createHash('sha256');
  split.forEach((indices, i) => hash.update(i === 0 ? '' : '|').update(indices));
  return hash.digest('hex').slice(0, 16);
}

/** Throws a UserError for sizes that are not numbers of images, or more than there are. */
export function checkSizes(sizes: DataSizes, most: Required<DataSizes>, name: string): void {
  for (const part of parts) {
    const size = sizes[part];
    if (size === undefined || (Number.isInteger(size) && size > 0 && size <= most[part])) continue;
    const limit = Number.isFinite(most[part]) ? `, at most ${most[part]} for ${name}` : '';
    throw new UserError(`sizes.${part} must be a whole number above 0${limit}; received ${size}.`);
  }
}

function countOf(share: number, total: number, part: string): number {
  const count = share < 1 ? Math.round(total * share) : share;
  if (share > 0 && Number.isInteger(count) && count > 0 && count < total) return count;
  throw new UserError(
    `${part} must be a share between 0 and 1 of the ${total} training images, or a number of them, with one image or more; ` +
      `received ${share}.`,
  );
}

/** Throws a UserError unless all parts have the same image shape and classes, so that one network fits them all. */
function checkParts({ train, ...others }: DataParts): void {
  for (const set of Object.values(others)) {
    if (!set) continue;
    const [ours, theirs] = [train, set].map((set) => `${sizeOf(shapeOf(set))} in ${set.classNames.length} classes`);
    if (theirs !== ours) {
      throw new UserError(
        `All parts of a data set must be alike: ${train.name} is ${ours}, and ${set.name} is ${theirs}.`,
      );
    }
    const k = train.classNames.findIndex((name, i) => name !== set.classNames[i]);
    if (k >= 0) {
      throw new UserError(
        `All parts of a data set must have the same classes: number ${k} is ${train.classNames[k]} in ${train.name}, and ` +
          `${set.classNames[k]} in ${set.name}.`,
      );
    }
  }
}

/**
 * Splits sets into training, validation and test images. Missing parts are split off the training images at random, but
 * always in the same way. Smaller `sizes` take the first images of each part, so no image ever moves to another part.
 *
 * Throws a UserError for parts that differ in shape or classes, and for shares and sizes that are not available.
 */
export function splitImages(
  given: DataParts,
  { validation = 0.1, test = 0.1, sizes = {}, name = given.train.name }: SplitOptions = {},
): DataSplits {
  checkParts(given);
  const total = given.train.labels.length;
  const order = fixedOrder(total);
  const validating = given.validation ? 0 : countOf(validation, total, 'validation');
  const testing = given.test ? 0 : countOf(test, total, 'test');
  const most = {
    train: total - validating - testing,
    validation: given.validation?.labels.length ?? validating,
    test: given.test?.labels.length ?? testing,
  };
  if (most.train < 1) {
    throw new UserError(
      `Of ${total} images, some must be left to train on; ${validating} validate and ${testing} test.`,
    );
  }
  checkSizes(sizes, most, name);
  // The validation images come last, so that they are the same ones whether a test set is split off or not.
  const held = {
    train: order.subarray(0, most.train),
    validation: order.subarray(total - validating),
    test: order.subarray(most.train, total - validating),
  };
  const split: Uint32Array[] = [];
  const pick = (part: keyof DataSizes, title: string): ImageSet => {
    const set = part === 'train' ? undefined : given[part];
    const all = set ? Uint32Array.from(set.labels, (_, i) => i) : held[part];
    const indices = all.slice(0, sizes[part] ?? all.length);
    if (!set) split.push(indices);
    return pickImages(set ?? given.train, indices, `${name}, ${title}`);
  };
  return {
    name,
    train: pick('train', 'training'),
    validation: pick('validation', 'validation'),
    test: pick('test', 'test'),
    splitHash: hashOf(split),
  };
}

/**
 * Splits images given as arrays: `dataFromArrays({ images, labels, shape: [28, 28, 1] })`. A tenth of them is for
 * validation and a tenth for testing, unless `validation` and `test` say otherwise. Throws a UserError as `imageSet`
 * and `splitImages` do.
 */
export function dataFromArrays({ sizes, validation, test, ...arrays }: ImageArrays & SplitOptions): DataSplits {
  return splitImages({ train: imageSet(arrays) }, { validation, test, sizes });
}

/**
 * Returns 16 hexadecimal digits that change with any pixel or label of the three sets, their order, shape or number of
 * classes.
 */
export function dataHash(data: DataSplits): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const { images, labels, classNames } = data[part];
    hash
      .update(images)
      .update(labels)
      .update(`|${sizeOf(shapeOf(data[part]))}|${classNames.length}|`);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Describes the data in one line; results are printed with it. */
export function describeData({ name, train, validation, test, splitHash }: DataSplits): string {
  const [a, b, c] = [train, validation, test].map((set) => set.labels.length.toLocaleString('en'));
  const what = `${sizeOf(shapeOf(train))}, ${train.classNames.length.toLocaleString('en')} classes`;
  return `${name}: ${a} training, ${b} validation and ${c} test images (${what}, split ${splitHash})`;
}

/** Returns two black images in each part, for callers that need a run's network but not its data. */
export function blankImages(shape: ImageShape = [32, 32, 3], classes = 10): DataSplits {
  const classNames = Array.from({ length: classes }, (_, k) => String(k));
  const part = (name: string): ImageSet => ({
    name: `no images, ${name}`,
    shape,
    images: bytesFor(2, shape),
    labels: labelsFor(2, classes),
    classNames,
  });
  const [train, validation, test] = ['training', 'validation', 'test'].map(part);
  return { name: 'no images', train, validation, test, splitHash: 'none' };
}
