import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { imageBytes } from '../imageSet.js';
import type { ImageSet } from '../imageSet.js';
import { officialArchive } from './archive.js';
import type { Archive } from './archive.js';
import { decodeRecords } from './decodeRecords.js';
import { cifar10ClassNames, cifar10Folder, classNamesFile, testFile, trainingFiles } from './files.js';
import { originFile, readOrigin, sha256 } from './origin.js';
import type { Origin } from './origin.js';

const advice = 'Get the data with: sparsebook data get cifar10';

/** The two sets that CIFAR-10 is published as, and the name that says which copy they are. */
export interface Cifar10 {
  name: string;
  training: ImageSet;
  test: ImageSet;
}

async function readOrAdvise(folder: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const wanted = [...trainingFiles, testFile, classNamesFile].join(', ');
    throw new UserError(`A folder of CIFAR-10 holds ${wanted}; there is no ${file} in ${folder}. ${advice}`);
  }
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
 * The name is "CIFAR-10" only where origin.json proves that the files come from the official archive; a copy can be
 * named there, and is otherwise "CIFAR-10 (unverified copy)". Throws a UserError that names the file, and the byte
 * offset within it, where a file is missing, has the wrong size, a wrong label, or changed since its download.
 */
export async function readCifar10(folder: string, archive: Archive = officialArchive): Promise<Cifar10> {
  if (existsSync(join(folder, cifar10Folder))) folder = join(folder, cifar10Folder);
  checkClassNames(new TextDecoder().decode(await readOrAdvise(folder, classNamesFile)), join(folder, classNamesFile));
  const origin = await readOrigin(folder);
  const name = nameOfCopy(origin, archive);
  const count = archive.recordsPerFile;

  async function read(files: string[], set: string): Promise<ImageSet> {
    const images = new Uint8Array(files.length * count * imageBytes);
    const labels = new Uint8Array(files.length * count);
    for (const [i, file] of files.entries()) {
      const path = join(folder, file);
      const bytes = await readOrAdvise(folder, file);
      decodeRecords(bytes, path, count, images.subarray(i * count * imageBytes), labels.subarray(i * count));
      const expected = origin?.files?.[file];
      if (expected !== undefined && sha256(bytes) !== expected) {
        throw new UserError(
          `${path} must have the SHA-256 that ${originFile} states for it, ${expected}; it has ${sha256(bytes)}, so it ` +
            `changed since it was downloaded. ${advice}`,
        );
      }
    }
    return { name: `${name}, ${set}`, images, labels, classNames: cifar10ClassNames };
  }

  return { name, training: await read(trainingFiles, 'training'), test: await read([testFile], 'test') };
}
