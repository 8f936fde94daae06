import { deriveSeed, uniform, type Random } from '../backend/random.js';
import type { ImageShape } from './imageSet.js';
import { check, number, oneOf, wholeNumber } from '../rules.js';

/** Where an augmentation draws its random choices from. */
export type Draws = Pick<Random, 'next' | 'integer'>;

/** Which image is changed, and when: the run's seed, the epoch from 0, and the image's index in its set. */
export interface Turn {
  seed: number;
  epoch: number;
  image: number;
}

/**
 * Changes one image in place: [H, W, C] values in 0..255 (flat, row by row). Randomness is drawn from `random` or
 * derived from `turn`. Augmentations run in the order in which they are listed.
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
 * Mirrors an image left to right, in place, in every other epoch. Chance decides for each image whether it starts with
 * the first or the second epoch. Two consecutive epochs thus show both sides, while a random flip shows the same side
 * twice half of the time (Jordan 2024, section 3.6).
 */
export const alternatingFlip: Augmentation = (image, _, shape, { seed, epoch, image: index }) => {
  const first = uniform(deriveSeed(seed, 'alternating flip'), index) < 0.5 ? 0 : 1;
  if ((epoch + first) % 2 === 1) flip(image, shape);
};

let copy = new Float32Array(0);

/**
 * Shifts an image in place, as if a border of `padding` pixels were added and a window of the image's size were cut out
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
 * Shifts an image by up to `padding` pixels along each axis, in place. Pixels that come in at the border are black, or
 * reflect the image. Throws a UserError for a padding that is not a whole number of pixels, and for another border.
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
 * UserError if `most` is below 0.
 */
export function randomBrightness(most = 63): Augmentation {
  check('most', most, number({ min: 0 }));
  return (image, random) => {
    const step = most * (2 * random.next() - 1);
    for (let i = 0; i < image.length; i++) image[i] += step;
  };
}

/** Scales each channel about its mean over the image, in place: x <- (x - mean) factor + mean. */
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
 * Throws a UserError if `low` is below 0, or `high` below `low`.
 */
export function randomContrast(low = 0.2, high = 1.8): Augmentation {
  check('low', low, number({ min: 0 }));
  check('high', high, number({ min: low }));
  return (image, random, shape) => changeContrast(image, shape, low + (high - low) * random.next());
}
