export { imageBytes, imageSize } from './imageSet.js';
export type { ImageSet } from './imageSet.js';
export { loadData } from './loadData.js';
export type { DataOptions, DataSizes, DataSplits } from './loadData.js';
export { readCifar10 } from './cifar10/readCifar10.js';
export type { Cifar10 } from './cifar10/readCifar10.js';
export { officialArchive } from './cifar10/archive.js';
export type { Archive } from './cifar10/archive.js';
export { syntheticImages } from './synthetic/syntheticImages.js';
