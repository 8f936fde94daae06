import { imageBytes, imageSize } from '../imageSet.js';
import type { Augmentation } from './augmentation.js';

const copy = new Float32Array(imageBytes);

/**
 * Moves a picture ([32, 32, 3]) in place: as if it had a black border of `padding` pixels and a 32x32 window were cut
 * out of that at (top, left), both in 0..2*padding.
 */
export function paddedCrop(image: Float32Array, padding: number, top: number, left: number): void {
  copy.set(image);
  image.fill(0);
  const [down, right] = [top - padding, left - padding];
  const columns = imageSize - Math.abs(right);
  for (let y = Math.max(0, -down); y < Math.min(imageSize, imageSize - down); y++) {
    const from = ((y + down) * imageSize + Math.max(0, right)) * 3;
    image.set(copy.subarray(from, from + columns * 3), (y * imageSize + Math.max(0, -right)) * 3);
  }
}

/** Moves a picture by up to `padding` pixels in either direction, black where nothing is left. */
export function randomPaddedCrop(padding = 4): Augmentation {
  return (image, random) =>
    paddedCrop(image, padding, random.integer(2 * padding + 1), random.integer(2 * padding + 1));
}
