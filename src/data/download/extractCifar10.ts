import { join } from 'node:path';
import { list } from 'tar';
import type { ReadEntry } from 'tar';
import { UserError } from '../../errors.js';
import { realFiles, writeDurably } from '../../platform/fileSystem.js';
import type { Archive } from '../cifar10/archive.js';
import { cifar10Folder, classNamesFile, recordBytes, testFile, trainingFiles } from '../cifar10/files.js';
import { sha256 } from '../cifar10/origin.js';

const dataFiles = [...trainingFiles, testFile];
/** In the official archive, of no use here. */
const skippedFile = 'readme.html';
const longestText = 4096;

/** The file that an entry is to become; null for one to pass over. Throws a UserError for any other entry. */
function fileOf({ path, type, size }: ReadEntry, records: number): string | null {
  const refuse = (found: string): UserError =>
    new UserError(
      `The archive of CIFAR-10 holds ${[...dataFiles, classNamesFile].join(', ')} in ${cifar10Folder}/ and nothing ` +
        `else; found ${found}. Nothing was unpacked.`,
    );
  if (type === 'Directory' && path.replace(/\/$/, '') === cifar10Folder) return null;
  if (type !== 'File' && type !== 'OldFile') throw refuse(`${path}, a ${type}`);
  const name = [...dataFiles, classNamesFile, skippedFile].find((file) => path === `${cifar10Folder}/${file}`);
  if (name === undefined) throw refuse(path);
  if (name === skippedFile) return null;
  const fits = name === classNamesFile ? size <= longestText : size === records * recordBytes;
  if (!fits) throw refuse(`${path} with ${size} bytes`);
  return name;
}

/**
 * Unpacks the files of CIFAR-10 from `archivePath` (.tar.gz) into the existing folder `target`; returns the SHA-256 of
 * each.
 *
 * No path of the archive is ever used: an entry either is one of the expected files, of the expected size, and is
 * written under that name, or everything is refused with a UserError.
 */
export async function extractCifar10(
  archivePath: string,
  target: string,
  { recordsPerFile }: Pick<Archive, 'recordsPerFile'>,
): Promise<Record<string, string>> {
  const contents = new Map<string, Promise<Buffer>>();
  const refusals: unknown[] = [];
  const onReadEntry = (entry: ReadEntry): void => {
    try {
      const name = refusals.length > 0 ? null : fileOf(entry, recordsPerFile);
      if (name === null) return void entry.resume();
      if (contents.has(name)) throw new UserError(`The archive holds ${name} twice. Nothing was unpacked.`);
      const content = entry.concat();
      // Where the parser fails, its own error is the one that is told.
      content.catch(() => undefined);
      contents.set(name, content);
    } catch (error) {
      // An error thrown inside the parser's stream would be nobody's; it is kept until the parser is done.
      refusals.push(error);
      entry.resume();
    }
  };
  try {
    await list({ file: archivePath, strict: true, onReadEntry });
  } catch (error) {
    throw new UserError(`${archivePath} is not a whole .tar.gz: ${(error as Error).message}.`);
  }
  if (refusals.length > 0) throw refusals[0];

  const missing = [classNamesFile, ...dataFiles].find((name) => !contents.has(name));
  if (missing !== undefined) {
    throw new UserError(`The archive of CIFAR-10 holds ${missing}; it is missing. Nothing was unpacked.`);
  }
  const hashes: Record<string, string> = {};
  for (const [name, pending] of contents) {
    const content = await pending;
    await writeDurably(join(target, name), content, realFiles);
    hashes[name] = sha256(content);
  }
  return hashes;
}
