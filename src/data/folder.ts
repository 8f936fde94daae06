import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import type { Metadata, Sharp } from 'sharp';
import { UserError } from '../errors.js';
import { cifar10Folder } from './cifar10.js';
import { dataFolder } from './dataFolder.js';
import { fixedOrder, type DataParts } from './dataSplits.js';
import { bytesFor, labelsFor, valuesOf, type ImageSet, type ImageShape, type ImageSize } from './imageSet.js';

/** Names that are not part of the data: hidden files, files that operating systems leave behind, notes on the data. */
const passedOver = /^(\..*|thumbs\.db|desktop\.ini|(readme|licen[cs]e)(\.(md|txt|rst))?)$/i;
const imageFile = /^\.(png|jpe?g)$/i;

interface Entry {
  name: string;
  path: string;
  isFolder: boolean;
}

/**
 * Lists a folder's entries in the order of their names' characters, following links. Throws a UserError if one cannot
 * be read.
 */
async function entriesOf(folder: string): Promise<Entry[]> {
  const entryOf = async (entry: Dirent): Promise<Entry> => {
    const path = join(folder, entry.name);
    const isFolder = entry.isSymbolicLink() ? (await stat(path)).isDirectory() : entry.isDirectory();
    // File systems differ in how they encode é; use one form.
    return { name: entry.name.normalize('NFC'), path, isFolder };
  };
  try {
    const found = await readdir(folder, { withFileTypes: true });
    const entries = await Promise.all(found.filter(({ name }) => !passedOver.test(name)).map(entryOf));
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw new UserError(`All that is in ${folder} must be readable: ${(error as Error).message}.`);
  }
}

/** Throws the UserError for missing images. */
export function missingImages(data: string): never {
  throw new UserError(
    data === 'cifar10'
      ? `CIFAR-10 is not in ${join(dataFolder(), cifar10Folder)}. Download it (162 MiB) with: sparsebook data get cifar10. ` +
          `Or use data=synthetic, which needs no file, or data=FOLDER where you have the binary files.`
      : `data must be synthetic, cifar10 or a folder of images by class or of CIFAR-10's binary files; received ${data}.`,
  );
}

const layout =
  'A folder of images must have a folder for each class, with PNG and JPEG files in it; or train/, test/ and validation/ (or val/) ' +
  'with such folders in them, of which only train/ must be there';

interface ImagePath {
  path: string;
  label: number;
}

/** The images of a part in a random but fixed order, so that the first ones are a fair sample. */
interface Part {
  classNames: string[];
  files: ImagePath[];
}

async function listPart(folder: string): Promise<Part> {
  const classes = await entriesOf(folder);
  const stray = classes.find(({ isFolder }) => !isFolder);
  if (stray) throw new UserError(`${layout}; ${stray.path} is no folder of a class.`);
  if (classes.length < 2) {
    const has = classes.length === 0 ? 'none' : `only ${classes[0].name}`;
    throw new UserError(`${layout}, of two classes or more; ${folder} has ${has}.`);
  }
  const files: ImagePath[] = [];
  for (const [label, { path, name }] of classes.entries()) {
    if (name === classes[label - 1]?.name) {
      throw new UserError(
        `Classes must have different names; ${folder} has two folders ${name}, spelt with other bytes.`,
      );
    }
    const inside = await entriesOf(path);
    if (inside.length === 0) throw new UserError(`A class must have images; ${path} is empty. Delete it, or fill it.`);
    for (const file of inside) {
      if (file.isFolder || !imageFile.test(extname(file.name))) {
        const what = file.isFolder ? 'a folder' : 'something else';
        throw new UserError(
          `The folder of a class must hold PNG and JPEG files alone (.png, .jpg, .jpeg); ${file.path} is ${what}.`,
        );
      }
      files.push({ path: file.path, label });
    }
  }
  const order = fixedOrder(files.length);
  return { classNames: classes.map(({ name }) => name), files: Array.from(order, (i) => files[i]) };
}

type PartName = keyof DataParts;
const partFolders: Record<string, PartName> = {
  train: 'train',
  validation: 'validation',
  val: 'validation',
  test: 'test',
};

async function listParts(folder: string): Promise<Map<PartName, Part>> {
  const entries = await entriesOf(folder);
  const train = entries.find(({ name, isFolder }) => name === 'train' && isFolder);
  // A class may also be called train; its folder then holds images.
  const inParts = train && (await entriesOf(train.path)).some(({ isFolder }) => isFolder);
  if (!train || !inParts) return new Map([['train', await listPart(folder)]]);
  const parts = new Map<PartName, Part>([['train', await listPart(train.path)]]);
  const { classNames } = parts.get('train')!;
  for (const { name, path, isFolder } of entries) {
    if (name === 'train') continue;
    const part = isFolder && Object.hasOwn(partFolders, name) ? partFolders[name] : undefined;
    if (part === undefined || parts.has(part)) throw new UserError(`${layout}, and nothing else; found ${path}.`);
    const listed = await listPart(path);
    const missing = classNames.find((one) => !listed.classNames.includes(one));
    const strange = listed.classNames.find((one) => !classNames.includes(one));
    if (missing !== undefined || strange !== undefined) {
      const what = strange === undefined ? `has no ${missing}` : `also has ${strange}`;
      throw new UserError(`All parts must have the same classes as ${train.path}; ${path} ${what}.`);
    }
    parts.set(part, listed);
  }
  return parts;
}

/**
 * Runs `work` for each item, a few at a time, because decoding runs in threads. Throws the error of the first failing
 * item in the list, whichever fails first.
 */
async function forEachInParallel<T>(items: readonly T[], work: (item: T, i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const errors = new Map<number, unknown>();
  const worker = async (): Promise<void> => {
    while (next < items.length && errors.size === 0) {
      const i = next++;
      await work(items[i], i).catch((error: unknown) => errors.set(i, error));
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  if (errors.size > 0) throw errors.get(Math.min(...errors.keys()));
}

type Decoder = (path: string) => Sharp;

/**
 * Loads a decoder that rotates images as their EXIF data says. sharp is loaded here because only image files need it.
 * Throws a UserError if it cannot be loaded.
 */
async function decoder(): Promise<Decoder> {
  const { default: sharp } = await import('sharp').catch((error: unknown) => {
    throw new UserError(
      `Image files are decoded by the package sharp, which cannot be loaded here: ${(error as Error).message}. Install it anew, ` +
        'or give the images as arrays.',
    );
  });
  // sharp's cache would return the old pixels of a file that has changed.
  sharp.cache(false);
  return (path) => sharp(path).autoOrient();
}

const refusing =
  (path: string) =>
  ({ message }: Error): never => {
    throw new UserError(`${path} must be a whole PNG or JPEG image; it cannot be decoded: ${message.trim()}.`);
  };

/** Reads the header of an image. Throws a UserError unless it is a PNG or JPEG with 8 bits per value. */
async function headerOf(decode: Decoder, path: string): Promise<Metadata> {
  const header = await decode(path).metadata().catch(refusing(path));
  const { format, depth } = header;
  if (format !== 'png' && format !== 'jpeg') {
    throw new UserError(`Images must be PNG or JPEG, whatever their names end in; ${path} is ${format.toUpperCase()}.`);
  }
  if (depth !== 'uchar') {
    throw new UserError(
      `Images must have 8 bits a value; ${path} has 16 (${depth}). Convert it: its values would be rounded.`,
    );
  }
  return header;
}

/**
 * Returns the shape that all images get: `size`, or that of the first image; channels that `size` leaves out are 1 if
 * all images are grey, else 3. Throws a UserError if sizes differ and `size` is missing, or channels are not 1, 3 or 4.
 */
async function commonShape(decode: Decoder, files: readonly ImagePath[], size?: ImageSize): Promise<ImageShape> {
  const headers: Metadata[] = [];
  await forEachInParallel(files, async ({ path }, i) => void (headers[i] = await headerOf(decode, path)));
  const grey = headers.every(({ space }) => space === 'b-w');
  const { height, width } = size ?? headers[0].autoOrient;
  const channels = size?.channels ?? (grey ? 1 : 3);
  if (![1, 3, 4].includes(channels)) {
    throw new UserError(
      `Images from files must have 1, 3 or 4 channels (grey, colour, colour and transparency); received ${channels}.`,
    );
  }
  const other = size ? -1 : headers.findIndex(({ autoOrient: now }) => now.height !== height || now.width !== width);
  if (other >= 0) {
    const { height: otherHeight, width: otherWidth } = headers[other].autoOrient;
    throw new UserError(
      `Images must be of one size, height by width; ${files[other].path} is ${otherHeight}x${otherWidth}, and ` +
        `${files[0].path} is ${height}x${width}. Give a size that all are scaled to: image_size=${height}x${width}.`,
    );
  }
  return [height, width, channels];
}

/**
 * Decodes an image of the size of `shape` into `to`; `path` names it in errors. Throws a UserError for transparent
 * pixels unless there are four channels.
 */
async function decodeInto(
  image: Sharp,
  path: string,
  [height, width, channels]: ImageShape,
  to: Uint8Array,
): Promise<void> {
  const coloured = image.toColourspace('srgb');
  const { data, info } = await (channels === 4 ? coloured.ensureAlpha() : coloured)
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(refusing(path));
  if (channels === 4) return to.set(data);
  for (let from = 0, at = 0; from < data.length; from += info.channels, at += channels) {
    if (info.channels === 4 && data[from + 3] !== 255) {
      throw new UserError(
        `Images of ${channels === 1 ? 'one channel' : 'three channels'} must be opaque; ${path} has transparent pixels. Put it on ` +
          `a background, or ask for four channels: image_size=${height}x${width}x4.`,
      );
    }
    // Luma as in JPEG and in Python's Pillow; a grey pixel keeps its value.
    if (channels === 1) to[at] = Math.round(0.299 * data[from] + 0.587 * data[from + 1] + 0.114 * data[from + 2]);
    else for (let k = 0; k < 3; k++) to[at + k] = data[from + k];
  }
}

/**
 * Reads a folder of images by class, with all the parts that it has, as sets named after it.
 *
 * Classes are sorted by name. Images are rotated as their EXIF data says, greyscale images become colour if any image
 * has colour, and all get `size`, if given: scaled to cover it and cropped in the middle. Throws a UserError that names
 * the file and the rule for a folder of another layout, and for a file that is not an 8-bit PNG or JPEG, is transparent
 * without a fourth channel, or differs in size.
 */
export async function readImageFolder(folder: string, size?: ImageSize): Promise<DataParts> {
  const parts = await listParts(folder);
  const decode = await decoder();
  const all = [...parts.values()].flatMap(({ files }) => files);
  const shape = await commonShape(decode, all, size);
  const name = basename(resolve(folder));
  const read = async ({ files, classNames }: Part): Promise<ImageSet> => {
    const images = bytesFor(files.length, shape);
    const labels = labelsFor(files.length, classNames.length);
    const values = valuesOf(shape);
    await forEachInParallel(files, async ({ path, label }, i) => {
      labels[i] = label;
      const image = size ? decode(path).resize({ height: size.height, width: size.width, fit: 'cover' }) : decode(path);
      await decodeInto(image, path, shape, images.subarray(i * values, (i + 1) * values));
    });
    return { name, shape, images, labels, classNames };
  };
  const sets: Partial<DataParts> = {};
  for (const [part, listed] of parts) sets[part] = await read(listed);
  return sets as DataParts;
}
