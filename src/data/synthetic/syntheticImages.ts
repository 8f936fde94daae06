import { Random, deriveSeed } from '../../backend/random.js';
import { imageBytes } from '../imageSet.js';
import type { ImageSet } from '../imageSet.js';
import { paintImage } from './paintImage.js';
import { shapes } from './shapes.js';

/** What results from this data are signed with. */
export const syntheticName = 'synthetic shapes';

/**
 * `count` procedural pictures of ten classes (circle, ring, ... dots), balanced, in the shape of CIFAR-10; picture i
 * depends on the seed and i alone, so a longer set starts with the shorter one.
 */
export function syntheticImages(count: number, seed: number): ImageSet {
  const images = new Uint8Array(count * imageBytes);
  const labels = new Uint8Array(count);
  const classNames = Object.keys(shapes);
  const drawings = Object.values(shapes);
  for (let i = 0; i < count; i++) {
    labels[i] = i % classNames.length;
    const image = images.subarray(i * imageBytes, (i + 1) * imageBytes);
    paintImage(image, drawings[labels[i]], new Random(deriveSeed(seed, 'synthetic', i)));
  }
  return { name: syntheticName, images, labels, classNames };
}
