import { deriveSeed, uniform, type Random } from '../backend/random.js';
import type { ImageShape } from './imageSet.js';
import { check, number, oneOf, wholeNumber } from '../rules.js';

/** Where an augmentation takes its random choices from. */
export type Draws = Pick<Random, 'next' | 'integer'>;

/** Which image is changed, and when: the run's seed, the epoch from 0, and the image's index in its set. */
export interface Turn {
  seed: number;
  epoch: number;
  image: number;
}

/**
 * Changes one image in place: [H, W, C] values in 0..255 (flat, rows first), with all chance drawn from `random`, or
 * made of its turn. Augmentations run in the order in which they are listed.
 */
export type Augmentation = (image: Float32Array, random: Draws, shape: ImageShape, turn: Turn) => void;

/** Mirrors an image left to right, in place. */
export function flip(image: Float32Array, [, width, channels]: ImageShape): void {
  const row = width * channels;
  for (let start = 0; start < image.length; start += row) {
    for (let left = start, right = start + row - channels; left < right; left += channels, right -= channels) {
      for (let k = 0; k < channels; k++) {
        const value = image[left + k];
        image[left + k] = image[right + k];
        image[right + k] = value;
      }
    }
  }
}

/** Mirrors an image left to right with probability 1/2, in place. */
export const randomFlip: Augmentation = (image, random, shape) => {
  if (random.next() < 0.5) flip(image, shape);
};

/**
 * Mirrors an image in every other epoch, each from a first one of its own, so that two epochs show both sides of it,
 * where a random flip shows one side twice half of the time (Jordan 2024, section 3.6).
 */
export const alternatingFlip: Augmentation = (image, _, shape, { seed, epoch, image: index }) => {
  const first = uniform(deriveSeed(seed, 'alternating flip'), index) < 0.5 ? 0 : 1;
  if ((epoch + first) % 2 === 1) flip(image, shape);
};

let copy = new Float32Array(0);

/**
 * Moves an image in place: as if it had a border of `padding` pixels and a window of its own size were cut out of that
 * at (top, left), both in 0..2*padding. The border is black, or reflects the image at its outermost pixels.
 */
export function paddedCrop(
  image: Float32Array,
  [height, width, channels]: ImageShape,
  {
    padding,
    top,
    left,
    border = 'black',
  }: { padding: number; top: number; left: number; border?: 'black' | 'reflect' },
): void {
  if (copy.length < image.length) copy = new Float32Array(image.length);
  copy.set(image);
  if (border === 'reflect') {
    const inside = (at: number, size: number): number => (at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at);
    for (let y = 0, to = 0; y < height; y++) {
      const row = inside(y + top - padding, height) * width;
      for (let x = 0; x < width; x++) {
        const from = (row + inside(x + left - padding, width)) * channels;
        for (let k = 0; k < channels; k++) image[to++] = copy[from + k];
      }
    }
    return;
  }
  image.fill(0);
  const [down, right] = [top - padding, left - padding];
  const columns = width - Math.abs(right);
  if (columns <= 0) return;
  for (let y = Math.max(0, -down); y < Math.min(height, height - down); y++) {
    const from = ((y + down) * width + Math.max(0, right)) * channels;
    image.set(copy.subarray(from, from + columns * channels), (y * width + Math.max(0, -right)) * channels);
  }
}

/**
 * Moves an image by up to `padding` pixels along each axis, in place. What comes in at the border is black, or the
 * image reflected. Throws a UserError for a padding that is no number of pixels.
 */
export function randomPaddedCrop(padding = 4, border: 'black' | 'reflect' = 'black'): Augmentation {
  check('padding', padding, wholeNumber({ min: 0 }));
  check('border', border, oneOf('black', 'reflect'));
  return (image, random, shape) => {
    const [top, left] = [random.integer(2 * padding + 1), random.integer(2 * padding + 1)];
    paddedCrop(image, shape, { padding, top, left, border });
  };
}

/**
 * Adds one number, uniform in -most..most, to all values (TensorFlow's random_brightness; nothing is clipped). Throws a
 * UserError for a number below 0.
 */
export function randomBrightness(most = 63): Augmentation {
  check('most', most, number({ min: 0 }));
  return (image, random) => {
    const step = most * (2 * random.next() - 1);
    for (let i = 0; i < image.length; i++) image[i] += step;
  };
}

/** Stretches each channel's distance from its mean over the image: x <- (x - mean) factor + mean, in place. */
export function changeContrast(image: Float32Array, [height, width, channels]: ImageShape, factor: number): void {
  for (let k = 0; k < channels; k++) {
    let sum = 0;
    for (let i = k; i < image.length; i += channels) sum += image[i];
    const mean = sum / (height * width);
    for (let i = k; i < image.length; i += channels) image[i] = (image[i] - mean) * factor + mean;
  }
}

/**
 * Changes the contrast by a factor that is uniform in low..high (TensorFlow's random_contrast; nothing is clipped).
 * Throws a UserError for a number below 0, and for a high below low.
 */
export function randomContrast(low = 0.2, high = 1.8): Augmentation {
  check('low', low, number({ min: 0 }));
  check('high', high, number({ min: low }));
  return (image, random, shape) => changeContrast(image, shape, low + (high - low) * random.next());
}
