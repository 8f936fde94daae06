import { imageSize } from '../imageSet.js';
import type { Augmentation, Draws } from './augmentation.js';
import { resizedCrop } from './resizedCrop.js';
import type { Box } from './resizedCrop.js';

/** What randomResizedCrop may choose. */
export interface ResizedCropRange {
  /** Area of the box as a share of the picture's: smallest, largest. */
  scale: [number, number];
  /** Width over height: smallest, largest. */
  ratio: [number, number];
}

/** Python's round: a half goes to the even neighbour. */
function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

/**
 * Draws a box as torchvision's RandomResizedCrop does: w = round(sqrt(area r)), h = round(sqrt(area / r)), with the
 * area and log r uniform; up to ten attempts to find one that fits, then the whole picture.
 */
export function randomBox(random: Draws, { scale, ratio }: ResizedCropRange): Box {
  const [low, high] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = imageSize * imageSize * (scale[0] + (scale[1] - scale[0]) * random.next());
    const aspect = Math.exp(low + (high - low) * random.next());
    const width = roundHalfEven(Math.sqrt(area * aspect));
    const height = roundHalfEven(Math.sqrt(area / aspect));
    if (width > 0 && width <= imageSize && height > 0 && height <= imageSize) {
      return {
        width,
        height,
        top: random.integer(imageSize - height + 1),
        left: random.integer(imageSize - width + 1),
      };
    }
  }
  return { top: 0, left: 0, height: imageSize, width: imageSize };
}

/** Cuts out a random box and stretches it to the whole picture; the L0 project's range unless another is given. */
export function randomResizedCrop(range: ResizedCropRange = { scale: [0.8, 1], ratio: [0.9, 1.1] }): Augmentation {
  return (image, random) => resizedCrop(image, imageSize, randomBox(random, range), image);
}
