export type { Augmentation, Draws } from './augment.js';
export { randomBrightness, randomContrast, randomFlip, randomPaddedCrop } from './augment.js';
export { batchCount, batches } from './batches.js';
export type { Batch, BatchOptions } from './batches.js';
export { officialArchive, readCifar10 } from './cifar10.js';
export type { Archive, Cifar10 } from './cifar10.js';
export { dataFromArrays, dataHash, describeData, splitImages } from './dataSplits.js';
export type { DataParts, DataSizes, DataSplits, SplitOptions } from './dataSplits.js';
export type { DownloadOptions, Transfer } from './download.js';
export { getCifar10 } from './getCifar10.js';
export type { GetOptions } from './getCifar10.js';
export { imageSet, shapeOf } from './imageSet.js';
export type { ImageArrays, ImageSet, ImageShape, Labels } from './imageSet.js';
export { loadData, presentData } from './loadData.js';
export type { DataOptions } from './loadData.js';
export {
  channelStatistics,
  cifar10ImageStatistics,
  cifar10Statistics,
  imageNetStatistics,
  normalise,
  standardise,
} from './normalise.js';
export type { ChannelStatistics, Normalise } from './normalise.js';
export { randomResizedCrop } from './resizedCrop.js';
export type { ResizedCropRange } from './resizedCrop.js';
export { syntheticImages } from './synthetic.js';
export type { SyntheticOptions } from './synthetic.js';
