export { imageBytes, imageSize } from './imageSet.js';
export type { ImageSet } from './imageSet.js';
export { loadData } from './loadData.js';
export type { DataOptions, DataSizes, DataSplits } from './loadData.js';
export { readCifar10 } from './cifar10/readCifar10.js';
export type { Cifar10 } from './cifar10/readCifar10.js';
export { officialArchive } from './cifar10/archive.js';
export type { Archive } from './cifar10/archive.js';
export { syntheticImages } from './synthetic/syntheticImages.js';
export { batchCount, batches } from './batches.js';
export type { Batch, BatchOptions } from './batches.js';
export type { Augmentation, Draws } from './augment/augmentation.js';
export { randomFlip } from './augment/flip.js';
export { randomResizedCrop } from './augment/randomResizedCrop.js';
export type { ResizedCropRange } from './augment/randomResizedCrop.js';
export { randomPaddedCrop } from './augment/paddedCrop.js';
export { randomBrightness } from './augment/brightness.js';
export { randomContrast } from './augment/contrast.js';
export {
  cifar10PictureStatistics,
  cifar10Statistics,
  imageNetStatistics,
  normalise,
} from './augment/normalise.js';
export type { ChannelStatistics, Normalise } from './augment/normalise.js';
export { standardise } from './augment/standardise.js';
