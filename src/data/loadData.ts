import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { deriveSeed } from '../backend/random.js';
import { UserError } from '../errors.js';
import { officialArchive } from './cifar10/archive.js';
import type { Archive } from './cifar10/archive.js';
import { readCifar10 } from './cifar10/readCifar10.js';
import { cifar10Folder } from './cifar10/files.js';
import { dataFolder } from './dataFolder.js';
import { pickImages } from './imageSet.js';
import type { ImageSet } from './imageSet.js';
import { split } from './split.js';
import { syntheticImages, syntheticName } from './synthetic/syntheticImages.js';

/** Training, validation and test pictures. */
export interface DataSplits {
  /** Which data this is, for people; every result is printed with it. */
  name: string;
  train: ImageSet;
  validation: ImageSet;
  test: ImageSet;
  /** Identifies which pictures train and which validate. */
  splitHash: string;
}

/** How many pictures each part should have. */
export interface DataSizes {
  train?: number;
  validation?: number;
  test?: number;
}

/** What loadData can be asked for. */
export interface DataOptions {
  /** Seed of the synthetic pictures (default 0); files and the split do not depend on it. */
  seed?: number;
  /** Sizes of the parts. Default: everything of CIFAR-10 (45,000, 5,000, 10,000); 4,000, 1,000, 2,000 synthetic ones. */
  sizes?: DataSizes;
  /** Replaces the name that the data gives itself. */
  name?: string;
}

const syntheticSizes = { train: 4000, validation: 1000, test: 2000 };
/** A tenth of the published training set validates, as in the documents: 5,000 of 50,000. */
const validationShare = 0.1;

function checkSizes(sizes: DataSizes, most: Required<DataSizes>, name: string): void {
  for (const part of ['train', 'validation', 'test'] as const) {
    const size = sizes[part];
    if (size === undefined || (Number.isInteger(size) && size > 0 && size <= most[part])) continue;
    const limit = Number.isFinite(most[part]) ? `, at most ${most[part]} for ${name}` : '';
    throw new UserError(`sizes.${part} must be a whole number above 0${limit}; received ${size}.`);
  }
}

function firstImages(set: ImageSet, count: number, name: string): ImageSet {
  return pickImages(
    set,
    Uint32Array.from({ length: count }, (_, i) => i),
    name,
  );
}

function splitSets(name: string, all: ImageSet, test: ImageSet, validation: number, sizes: DataSizes): DataSplits {
  const parts = split(all.labels.length, validation, { training: sizes.train, validation: sizes.validation });
  return {
    name,
    train: pickImages(all, parts.training, `${name}, training`),
    validation: pickImages(all, parts.validation, `${name}, validation`),
    test: firstImages(test, sizes.test ?? test.labels.length, `${name}, test`),
    splitHash: parts.hash,
  };
}

function loadSynthetic({ seed = 0, sizes = {}, name = syntheticName }: DataOptions): DataSplits {
  checkSizes(sizes, { train: Infinity, validation: Infinity, test: Infinity }, name);
  const { train, validation, test } = { ...syntheticSizes, ...sizes };
  const all = syntheticImages(train + validation, deriveSeed(seed, 'training'));
  return splitSets(name, all, syntheticImages(test, deriveSeed(seed, 'test')), validation, {});
}

async function loadFolder(folder: string, options: DataOptions, archive: Archive): Promise<DataSplits> {
  const { name: nameOfCopy, training, test } = await readCifar10(folder, archive);
  const count = training.labels.length;
  const name = options.name ?? nameOfCopy;
  const validation = Math.round(count * validationShare);
  const sizes = options.sizes ?? {};
  checkSizes(sizes, { train: count - validation, validation, test: test.labels.length }, name);
  return splitSets(name, training, test, validation, sizes);
}

/**
 * Loads a data set by name: 'synthetic' (procedural pictures, no file), 'cifar10' (what `sparsebook data get cifar10`
 * downloaded), or a folder with the binary files of CIFAR-10.
 *
 * `archive` is what the files are checked against. Throws a UserError where the data is missing or damaged, or a size is not available.
 */
export async function loadData(
  data: string,
  options: DataOptions = {},
  archive: Archive = officialArchive,
): Promise<DataSplits> {
  if (data === 'synthetic') return loadSynthetic(options);
  if (data === 'cifar10') {
    const folder = join(dataFolder(), cifar10Folder);
    if (existsSync(folder)) return loadFolder(folder, options, archive);
    throw new UserError(
      `CIFAR-10 is not in ${folder}. Download it (162 MiB) with: sparsebook data get cifar10. ` +
        `Or use data=synthetic, which needs no file, or data=FOLDER where you have the binary files.`,
    );
  }
  if (existsSync(data) && statSync(data).isDirectory()) return loadFolder(data, options, archive);
  throw new UserError(`data must be synthetic, cifar10 or a folder with CIFAR-10's binary files; received ${data}.`);
}
