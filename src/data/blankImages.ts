import { cifar10ClassNames } from './cifar10/files.js';
import { imageBytes, type ImageSet } from './imageSet.js';
import type { DataSplits } from './loadData.js';

/** Two black pictures a part, for who needs a run's network and none of its images. All our data has ten classes. */
export function blankImages(): DataSplits {
  const part = (name: string): ImageSet => ({
    name: `no images, ${name}`,
    images: new Uint8Array(2 * imageBytes),
    labels: new Uint8Array(2),
    classNames: cifar10ClassNames,
  });
  return {
    name: 'no images',
    train: part('training'),
    validation: part('validation'),
    test: part('test'),
    splitHash: 'none',
  };
}
