import { imageSize } from '../imageSet.js';
import type { Augmentation } from './augmentation.js';

/** Mirrors a picture ([32, 32, 3]) left to right, in place. */
export function flip(image: Float32Array): void {
  const row = imageSize * 3;
  for (let start = 0; start < image.length; start += row) {
    for (let left = start, right = start + row - 3; left < right; left += 3, right -= 3) {
      for (let k = 0; k < 3; k++) {
        const value = image[left + k];
        image[left + k] = image[right + k];
        image[right + k] = value;
      }
    }
  }
}

/** Mirrors every other picture, on average. */
export const randomFlip: Augmentation = (image, random) => {
  if (random.next() < 0.5) flip(image);
};
