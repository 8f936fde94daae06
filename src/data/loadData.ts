import { existsSync, join, statSync } from '#platform';
import { deriveSeed } from '../backend/random.js';
import { UserError } from '../errors.js';
import { cifar10Folder, isCifar10, officialArchive, readCifar10, type Archive } from './cifar10.js';
import { dataFolder } from './dataFolder.js';
import { checkSizes, splitImages, type DataSizes, type DataSplits } from './dataSplits.js';
import { missingImages, readImageFolder } from './folder.js';
import { imageSizeOf, type ImageSet } from './imageSet.js';
import { scaleImages } from './resizedCrop.js';
import { syntheticImages, syntheticName } from './synthetic.js';

/** Options of `loadData`. */
export interface DataOptions {
  /** Seed of the synthetic images (default 0); files and the split do not depend on it. */
  seed?: number;
  /**
   * How many images to keep of each part: its first ones. Default: all of CIFAR-10 (45,000, 5,000, 10,000) or of a
   * folder; 4,000, 1,000 and 2,000 synthetic images.
   */
  sizes?: DataSizes;
  /** Replaces the data's own name. */
  name?: string;
  /**
   * HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS, as in '28x28x1': the size in which synthetic images are drawn (default
   * 32x32x3), and to which all other images are scaled (default: their own size).
   */
  imageSize?: string;
  /** How many classes the synthetic images have. Default 10. */
  classes?: number;
}

/**
 * Returns the name of the best data available: 'cifar10' once it has been downloaded, else 'synthetic', which needs no
 * file.
 */
export function presentData(): 'cifar10' | 'synthetic' {
  return existsSync(join(dataFolder(), cifar10Folder)) ? 'cifar10' : 'synthetic';
}

const syntheticSizes = { train: 4000, validation: 1000, test: 2000 };

function loadSynthetic({ seed = 0, sizes = {}, name = syntheticName, imageSize, classes }: DataOptions): DataSplits {
  checkSizes(sizes, { train: Infinity, validation: Infinity, test: Infinity }, name);
  const { train, validation, test } = { ...syntheticSizes, ...sizes };
  const size = imageSize === undefined ? undefined : imageSizeOf(imageSize);
  const options = { shape: size && [size.height, size.width, size.channels ?? 3], classes };
  const images = (count: number, part: string): ImageSet => syntheticImages(count, deriveSeed(seed, part), options);
  return splitImages(
    { train: images(train + validation, 'training'), test: images(test, 'test') },
    { validation, name },
  );
}

async function loadFolder(folder: string, options: DataOptions, archive: Archive): Promise<DataSplits> {
  const { sizes, imageSize, classes } = options;
  const size = imageSize === undefined ? undefined : imageSizeOf(imageSize);
  const cifar10 = isCifar10(folder) ? await readCifar10(folder, archive) : undefined;
  const given = cifar10 ? { train: cifar10.training, test: cifar10.test } : await readImageFolder(folder, size);
  const name = options.name ?? cifar10?.name ?? given.train.name;
  const { classNames } = given.train;
  if (classes !== undefined && classes !== classNames.length) {
    throw new UserError(
      `classes must be the number that ${name} has, ${classNames.length}; received ${classes}. Leave it out.`,
    );
  }
  const data = splitImages(given, { sizes, name });
  if (!size) return data;
  const [train, validation, test] = [data.train, data.validation, data.test].map((set) => scaleImages(set, size));
  return { ...data, train, validation, test };
}

/**
 * Loads a data set by name: 'synthetic' (procedural images, no file), 'cifar10' (as downloaded by
 * `sparsebook data get cifar10`), or a folder: either images by class (`PATH/cat/1.png`, or `PATH/train/cat/1.png` and
 * `PATH/test/…`), or the binary files of CIFAR-10.
 *
 * If a folder has no test or no validation images, a tenth of the training images is split off for them, always in the
 * same way. CIFAR-10's files are checked against `archive`. Throws a UserError that names the file and the rule if the
 * data is missing or damaged, or a size is not available.
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
  } else if (existsSync(data) && statSync(data).isDirectory()) return loadFolder(data, options, archive);
  return missingImages(data);
}
