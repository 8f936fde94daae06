import { createHash, existsSync, join, readFile } from '#platform';
import { UserError } from '../errors.js';
import type { Source } from './download.js';
import { bytesFor, labelsFor, valuesOf, type ImageSet, type ImageShape, type Labels } from './imageSet.js';

/** The folder inside the official archive, and its name on disk. */
export const cifar10Folder = 'cifar-10-batches-bin';
export const trainingFiles = [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`);
export const testFile = 'test_batch.bin';
export const classNamesFile = 'batches.meta.txt';
export const cifar10ClassNames = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');

const shape: ImageShape = [32, 32, 3];

/** Whether a folder holds files of CIFAR-10, or the folder unpacked from its archive. */
export function isCifar10(folder: string): boolean {
  return [cifar10Folder, classNamesFile, testFile, ...trainingFiles].some((name) => existsSync(join(folder, name)));
}

/** Bytes of one record: a label byte, then the red, the green and the blue plane, row by row. */
export const recordBytes = 1 + valuesOf(shape);
/** Records in each of the six files of the official archive. */
const recordsPerFile = 10_000;

/** An archive of CIFAR-10 in its binary form. */
export interface Archive extends Source {
  recordsPerFile: number;
}

/** The archive's file name, on the server and on disk. */
export const archiveFile = 'cifar-10-binary.tar.gz';

/** The archive that the authors of CIFAR-10 publish. */
export const officialArchive: Archive = {
  url: `https://www.cs.toronto.edu/~kriz/${archiveFile}`,
  bytes: 170_052_171,
  sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
  md5: 'c32a1d4ab5d03f1284b67883e8d87530',
  recordsPerFile,
};

/** The note beside the data files that says where they come from. */
export const originFile = 'origin.json';

/** Content of the note: written by the downloader, or by hand to name your own copy. */
export interface Origin {
  /** The name printed with results: "CIFAR-10 (JPEG copy)". */
  name: string;
  /** SHA-256 of the archive that the files were taken from. */
  archiveSha256?: string;
  /** SHA-256 of each data file; a file that no longer has it is refused. */
  files?: Record<string, string>;
}

/** SHA-256 of bytes, as lower-case hexadecimal digits. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Reads a file; returns undefined if it does not exist. Throws a UserError that names it if it cannot be read. */
async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new UserError(`${path} must be a readable file; it cannot be read: ${error.message}.`);
  });
}

/** Reads the note in a folder; returns undefined if there is none. Throws a UserError if it is not valid. */
export async function readOrigin(folder: string): Promise<Origin | undefined> {
  const path = join(folder, originFile);
  const bytes = await readIfThere(path);
  if (bytes === undefined) return undefined;
  const rule = `${path} must be JSON like {"name": "CIFAR-10 (my copy)"}`;
  let note: unknown;
  try {
    note = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new UserError(`${rule}; it cannot be parsed: ${(error as Error).message}`);
  }
  const { name, archiveSha256, files } = (note ?? {}) as Record<string, unknown>;
  if (typeof name !== 'string' || name.trim() === '') {
    throw new UserError(`${rule}, with a non-empty text as its name; received ${JSON.stringify(name) ?? 'none'}`);
  }
  if (archiveSha256 !== undefined && typeof archiveSha256 !== 'string') {
    throw new UserError(`${rule}; archiveSha256, where given, is a text; received ${JSON.stringify(archiveSha256)}`);
  }
  const isMap = typeof files === 'object' && files !== null && !Array.isArray(files);
  if (files !== undefined && !(isMap && Object.values(files).every((hash) => typeof hash === 'string'))) {
    throw new UserError(`${rule}; files, where given, maps file names to SHA-256; received ${JSON.stringify(files)}`);
  }
  return { name, archiveSha256, files: files as Record<string, string> | undefined };
}

/**
 * Decodes one CIFAR-10 file: each record's planes become interleaved [32, 32, 3] pixels in `images`, and its label goes
 * to `labels`, both starting at their first entry. `path` names the file in errors. Throws a UserError if the file does
 * not hold exactly `records` records, or a label is not in 0..9.
 */
function decodeRecords(bytes: Uint8Array, path: string, records: number, images: Uint8Array, labels: Labels): void {
  const expected = records * recordBytes;
  if (bytes.length !== expected) {
    const where =
      bytes.length < expected
        ? `it ends at byte offset ${bytes.length}, in record ${Math.floor(bytes.length / recordBytes)}`
        : `the surplus starts at byte offset ${expected}`;
    throw new UserError(
      `${path} must hold ${records} records of ${recordBytes} bytes, ${expected} bytes in all; it has ${bytes.length} ` +
        `(${where}). Get a whole copy: sparsebook data get cifar10`,
    );
  }
  const values = valuesOf(shape);
  const plane = values / 3;
  for (let record = 0; record < records; record++) {
    const from = record * recordBytes;
    const label = bytes[from];
    if (label >= cifar10ClassNames.length) {
      throw new UserError(
        `${path}: a label must be a byte from 0 to ${cifar10ClassNames.length - 1}; found ${label} at byte offset ${from} ` +
          `(record ${record}). Get an intact copy: sparsebook data get cifar10`,
      );
    }
    labels[record] = label;
    const to = record * values;
    for (let pixel = 0; pixel < plane; pixel++) {
      const source = from + 1 + pixel;
      const target = to + 3 * pixel;
      images[target] = bytes[source];
      images[target + 1] = bytes[source + plane];
      images[target + 2] = bytes[source + 2 * plane];
    }
  }
}

const advice = 'Get the data with: sparsebook data get cifar10';

/** The two published sets of CIFAR-10, and a name that says which copy they come from. */
export interface Cifar10 {
  name: string;
  training: ImageSet;
  test: ImageSet;
}

async function readOrAdvise(folder: string, file: string): Promise<Uint8Array> {
  const bytes = await readIfThere(join(folder, file));
  if (bytes !== undefined) return bytes;
  const wanted = [...trainingFiles, testFile, classNamesFile].join(', ');
  throw new UserError(`A folder of CIFAR-10 must hold ${wanted}; there is no ${file} in ${folder}. ${advice}`);
}

function checkClassNames(text: string, path: string): void {
  const lines = text.split(/\r?\n/);
  cifar10ClassNames.forEach((name, i) => {
    if (lines[i]?.trim() !== name) {
      throw new UserError(`${path}, line ${i + 1}: must be "${name}"; found "${lines[i] ?? ''}". ${advice}`);
    }
  });
}

function nameOfCopy(origin: Origin | undefined, archive: Archive): string {
  if (origin === undefined) return 'CIFAR-10 (unverified copy)';
  const proven = origin.archiveSha256 === archive.sha256 && origin.files !== undefined;
  return origin.name === 'CIFAR-10' && !proven ? 'CIFAR-10 (unverified copy)' : origin.name;
}

/**
 * Reads the six binary files of CIFAR-10 and its class names from `folder`, or from cifar-10-batches-bin inside it.
 *
 * The name is "CIFAR-10" only if origin.json proves that the files come from the official archive. origin.json may give
 * a copy another name; otherwise the name is "CIFAR-10 (unverified copy)". Throws a UserError that names the file, and
 * the byte offset of wrong content, if a file is missing, has the wrong size, has a wrong label, or changed since its
 * download.
 */
export async function readCifar10(folder: string, archive: Archive = officialArchive): Promise<Cifar10> {
  if (existsSync(join(folder, cifar10Folder))) folder = join(folder, cifar10Folder);
  checkClassNames(new TextDecoder().decode(await readOrAdvise(folder, classNamesFile)), join(folder, classNamesFile));
  const origin = await readOrigin(folder);
  const name = nameOfCopy(origin, archive);
  const count = archive.recordsPerFile;

  async function read(files: string[], set: string): Promise<ImageSet> {
    const images = bytesFor(files.length * count, shape);
    const labels = labelsFor(files.length * count, cifar10ClassNames.length);
    for (const [i, file] of files.entries()) {
      const path = join(folder, file);
      const bytes = await readOrAdvise(folder, file);
      decodeRecords(bytes, path, count, images.subarray(i * count * valuesOf(shape)), labels.subarray(i * count));
      const expected = origin?.files?.[file];
      if (expected !== undefined && sha256(bytes) !== expected) {
        throw new UserError(
          `${path} must have the SHA-256 that ${originFile} states for it, ${expected}; it has ${sha256(bytes)}, so it ` +
            `changed since it was downloaded. ${advice}`,
        );
      }
    }
    return { name: `${name}, ${set}`, shape, images, labels, classNames: cifar10ClassNames };
  }

  return { name, training: await read(trainingFiles, 'training'), test: await read([testFile], 'test') };
}
