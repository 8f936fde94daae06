import { imageBytes } from '../imageSet.js';

/** The folder inside the official archive, and its name on disk. */
export const cifar10Folder = 'cifar-10-batches-bin';
export const trainingFiles = [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`);
export const testFile = 'test_batch.bin';
export const classNamesFile = 'batches.meta.txt';
export const cifar10ClassNames = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');

/** One record: a label byte, then the red, the green and the blue plane, row by row. */
export const recordBytes = 1 + imageBytes;
/** Records of each of the six files in the official archive. */
export const recordsPerFile = 10_000;
