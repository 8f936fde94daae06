import type { Augmentation, Draws } from './augment.js';
import { type ImageShape, bytesFor, shapeOf, sizeOf, valuesOf, type ImageSet, type ImageSize } from './imageSet.js';
import { UserError } from '../errors.js';
import { check, number } from '../rules.js';

/** A rectangle of an image, in pixels. */
export interface Box {
  top: number;
  left: number;
  height: number;
  width: number;
}

/** For each output along one axis: the first input that it reads, and its weights for the inputs from there on. */
interface Taps {
  first: Int32Array;
  /** [outputs, most]: whole numbers; 2^22 means 1. */
  weights: Int32Array;
  most: number;
}

/** Pillow's precision for 8-bit pixels: weights are multiples of 2^-22. */
const precision = 22;
const half = 2 ** (precision - 1);

/** Returns Pillow's weights of the triangle filter from `size` inputs to `outputs`, widened if the axis shrinks. */
function triangleTaps(size: number, outputs: number): Taps {
  const scale = size / outputs;
  const support = Math.max(scale, 1);
  const most = Math.min(size, Math.ceil(support) * 2 + 1);
  const first = new Int32Array(outputs);
  const weights = new Int32Array(outputs * most);
  for (let out = 0; out < outputs; out++) {
    const centre = (out + 0.5) * scale;
    const start = Math.max(0, Math.floor(centre - support + 0.5));
    const end = Math.min(size, Math.floor(centre + support + 0.5));
    const exact = Array.from({ length: end - start }, (_, i) =>
      Math.max(0, 1 - Math.abs((start + i - centre + 0.5) / support)),
    );
    const total = exact.reduce((sum, weight) => sum + weight, 0);
    // All windows are `most` wide; near the end they start earlier, with weights of 0, to stay inside.
    first[out] = Math.min(start, size - most);
    const skipped = start - first[out];
    exact.forEach((weight, i) => {
      weights[out * most + skipped + i] = Math.floor((weight / total) * 2 ** precision + 0.5);
    });
  }
  return { first, weights, most };
}

const known = new Map<number, Taps>();

function tapsFor(size: number, outputs: number): Taps {
  const key = size * 2 ** 20 + outputs;
  let taps = known.get(key);
  if (taps === undefined) known.set(key, (taps = triangleTaps(size, outputs)));
  return taps;
}

let scratch = new Float32Array(0);

/**
 * Cuts `box` out of `source` (rows of `sourceWidth` pixels, whole numbers in 0..255) and stretches it to an image of
 * `shape` in `target`, which may be `source` itself. Interpolates bilinearly, with the same bits as Pillow's `resize`
 * and therefore torchvision's `resized_crop` on images (fixed point, first across, then down, each rounded to whole
 * numbers).
 */
export function resizedCrop(
  source: Float32Array,
  sourceWidth: number,
  box: Box,
  target: Float32Array,
  [height, width, channels]: ImageShape,
): void {
  const across = tapsFor(box.width, width);
  const down = tapsFor(box.height, height);
  const row = width * channels;
  if (scratch.length < box.height * row) scratch = new Float32Array(box.height * row);

  const { first, weights, most } = across;
  for (let y = 0, to = 0; y < box.height; y++) {
    const from = ((box.top + y) * sourceWidth + box.left) * channels;
    for (let x = 0, tap = 0; x < width; x++, tap += most) {
      const start = from + first[x] * channels;
      for (let k = 0; k < channels; k++) {
        let sum = half;
        for (let i = 0, at = start + k; i < most; i++, at += channels) sum += weights[tap + i] * source[at];
        // Weights are not negative and add up to one, so the sums stay within 0..255 without clipping.
        scratch[to++] = sum >> precision;
      }
    }
  }

  for (let y = 0; y < height; y++) {
    const from = down.first[y] * row;
    for (let x = 0; x < row; x++) {
      let sum = half;
      for (let i = y * down.most, end = i + down.most, at = from + x; i < end; i++, at += row) {
        sum += down.weights[i] * scratch[at];
      }
      target[y * row + x] = sum >> precision;
    }
  }
}

/** The range that randomResizedCrop draws from. */
export interface ResizedCropRange {
  /** Area of the box as a share of the image's: smallest, largest. */
  scale: [number, number];
  /** Width over height: smallest, largest. */
  ratio: [number, number];
}

/** Rounds a number of 0 or more to the nearest whole number, ties to the even one, as Python does. */
export function roundHalfToEven(x: number): number {
  const low = Math.floor(x);
  return x - low === 0.5 ? low + Math.abs(low % 2) : Math.round(x);
}

/**
 * Draws a box of an image as torchvision's RandomResizedCrop does: w = round(sqrt(area r)), h = round(sqrt(area / r)),
 * with the area and log r uniform. After ten boxes that do not fit, returns the largest centred box with an allowed
 * ratio.
 */
export function randomBox(random: Draws, [height, width]: ImageShape, { scale, ratio }: ResizedCropRange): Box {
  const [low, high] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = height * width * (scale[0] + (scale[1] - scale[0]) * random.next());
    const aspect = Math.exp(low + (high - low) * random.next());
    const w = roundHalfToEven(Math.sqrt(area * aspect));
    const h = roundHalfToEven(Math.sqrt(area / aspect));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      return { width: w, height: h, top: random.integer(height - h + 1), left: random.integer(width - w + 1) };
    }
  }
  const w = Math.min(width, Math.max(1, roundHalfToEven(height * ratio[1])));
  const h = Math.min(height, Math.max(1, roundHalfToEven(width / ratio[0])));
  return { width: w, height: h, top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2) };
}

/**
 * Cuts out a random box and stretches it to the whole image; the default range is the L0 project's. Throws a UserError
 * for an area that is not a share of the image's, a ratio that is not above 0, or a largest value below the smallest.
 */
export function randomResizedCrop(range: ResizedCropRange = { scale: [0.8, 1], ratio: [0.9, 1.1] }): Augmentation {
  const { scale, ratio } = range;
  check('scale[0]', scale[0], number({ above: 0, max: 1 }));
  check('scale[1]', scale[1], number({ min: scale[0], max: 1 }));
  check('ratio[0]', ratio[0], number({ above: 0 }));
  check('ratio[1]', ratio[1], number({ min: ratio[0] }));
  return (image, random, shape) => resizedCrop(image, shape[1], randomBox(random, shape, range), image, shape);
}

/**
 * Scales a set's images to cover `size` and crops them in the middle, with `resizedCrop`, which gives the same pixels
 * as progressive resizing in training: a new pixel is the mean of the old ones around it, weighted by a triangle that
 * widens as images shrink. Returns the set itself if it already has the size. Throws a UserError for another number of
 * channels.
 */
export function scaleImages(set: ImageSet, { height, width, channels }: ImageSize): ImageSet {
  const stored = shapeOf(set);
  const [rows, columns, depth] = stored;
  if (channels !== undefined && channels !== depth) {
    throw new UserError(
      `The size of ${set.name} must have its ${depth} channels, or leave them out; received ` +
        `${sizeOf([height, width, channels])}.`,
    );
  }
  if (height === rows && width === columns) return set;
  const shape: ImageShape = [height, width, depth];
  const count = set.labels.length;
  const images = bytesFor(count, shape);
  const cut = {
    height: Math.max(1, Math.min(rows, Math.round((columns * height) / width))),
    width: Math.max(1, Math.min(columns, Math.round((rows * width) / height))),
  };
  const box = { ...cut, top: Math.floor((rows - cut.height) / 2), left: Math.floor((columns - cut.width) / 2) };
  const [from, to] = [new Float32Array(valuesOf(stored)), new Float32Array(valuesOf(shape))];
  for (let i = 0; i < count; i++) {
    from.set(set.images.subarray(i * from.length, (i + 1) * from.length));
    resizedCrop(from, columns, box, to, shape);
    images.set(to, i * to.length);
  }
  return { ...set, shape, images };
}
