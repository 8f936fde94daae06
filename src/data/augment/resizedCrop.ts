import { imageSize } from '../imageSet.js';

/** A rectangle of a picture, in pixels. */
export interface Box {
  top: number;
  left: number;
  height: number;
  width: number;
}

/** For each of the 32 outputs along one axis: the first input it looks at, and its weights for the inputs from there. */
interface Taps {
  first: Int32Array;
  /** [32, most]: whole numbers; 2^22 means 1. */
  weights: Int32Array;
  most: number;
}

/** Pillow's precision for 8-bit pixels: weights are multiples of 2^-22. */
const precision = 22;
const half = 2 ** (precision - 1);

/** Pillow's weights of the triangle filter from `size` inputs to 32 outputs, widened where the axis shrinks. */
function triangleTaps(size: number): Taps {
  const scale = size / imageSize;
  const support = Math.max(scale, 1);
  const most = Math.min(size, Math.ceil(support) * 2 + 1);
  const first = new Int32Array(imageSize);
  const weights = new Int32Array(imageSize * most);
  for (let out = 0; out < imageSize; out++) {
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

const tapsOfSize = new Map<number, Taps>();

function tapsFor(size: number): Taps {
  let taps = tapsOfSize.get(size);
  if (taps === undefined) tapsOfSize.set(size, (taps = triangleTaps(size)));
  return taps;
}

let scratch = new Float32Array(imageSize * imageSize * 3);

/**
 * Cuts `box` out of `source` (rows of `sourceWidth` pixels, 3 whole numbers in 0..255 each) and stretches it to
 * [32, 32, 3] in `target`, which may be `source` itself: bilinear, the same bits as Pillow's `resize` and so as
 * torchvision's `resized_crop` on pictures (fixed point, first across, then down, each rounded to whole numbers).
 */
export function resizedCrop(source: Float32Array, sourceWidth: number, box: Box, target: Float32Array): void {
  const across = tapsFor(box.width);
  const down = tapsFor(box.height);
  const row = imageSize * 3;
  if (scratch.length < box.height * row) scratch = new Float32Array(box.height * row);

  for (let y = 0; y < box.height; y++) {
    const from = ((box.top + y) * sourceWidth + box.left) * 3;
    for (let x = 0; x < imageSize; x++) {
      let at = from + across.first[x] * 3;
      let [red, green, blue] = [half, half, half];
      for (let i = x * across.most, end = i + across.most; i < end; i++, at += 3) {
        const weight = across.weights[i];
        red += weight * source[at];
        green += weight * source[at + 1];
        blue += weight * source[at + 2];
      }
      // Weights are not negative and add up to one, so the sums stay within 0..255 without clipping.
      const to = y * row + x * 3;
      scratch[to] = red >> precision;
      scratch[to + 1] = green >> precision;
      scratch[to + 2] = blue >> precision;
    }
  }

  for (let y = 0; y < imageSize; y++) {
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
