import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReadEntry } from 'tar';
import { UserError } from '../errors.js';
import { realFiles, writeDurably } from '../platform/fileSystem.js';
import { checkReplaceable, deleteFolder, type FolderKind } from '../platform/writeFolder.js';
import {
  archiveFile,
  cifar10Folder,
  classNamesFile,
  officialArchive,
  originFile,
  readCifar10,
  readOrigin,
  recordBytes,
  sha256,
  testFile,
  trainingFiles,
} from './cifar10.js';
import type { Archive, Origin } from './cifar10.js';
import { download, type DownloadOptions } from './download.js';

const dataFiles = [...trainingFiles, testFile];
/** A file of the official archive that is not needed. */
const skippedFile = 'readme.html';
const longestText = 4096;

/**
 * Returns the name of the file that an archive entry becomes, or null for an entry to skip. Throws a UserError for any
 * other entry.
 */
function fileOf({ path, type, size }: ReadEntry, records: number): string | null {
  const refuse = (found: string): UserError =>
    new UserError(
      `The archive of CIFAR-10 must hold ${[...dataFiles, classNamesFile].join(', ')} in ${cifar10Folder}/ and nothing ` +
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
 * The archive's paths are never used: each entry must be an expected file of the expected size and is written under the
 * expected name; otherwise the whole archive is refused with a UserError.
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
      if (contents.has(name))
        throw new UserError(`The archive must hold each file once; ${name} is there twice. Nothing was unpacked.`);
      const content = entry.concat();
      // If the parser fails, its own error is reported instead of this one.
      content.catch(() => undefined);
      contents.set(name, content);
    } catch (error) {
      // An error thrown inside the parser's stream would be unhandled, so it is kept until the parser is done.
      refusals.push(error);
      entry.resume();
    }
  };
  // Loaded only here: training needs no tar reader.
  const { list } = await import('tar');
  try {
    await list({ file: archivePath, strict: true, onReadEntry });
  } catch (error) {
    throw new UserError(`${archivePath} is not a whole .tar.gz: ${(error as Error).message}.`);
  }
  if (refusals.length > 0) throw refusals[0];

  const missing = [classNamesFile, ...dataFiles].find((name) => !contents.has(name));
  if (missing !== undefined) {
    throw new UserError(`The archive of CIFAR-10 must hold ${missing}; it is missing. Nothing was unpacked.`);
  }
  const hashes: Record<string, string> = {};
  for (const [name, pending] of contents) {
    const content = await pending;
    await writeDurably(join(target, name), content, realFiles);
    hashes[name] = sha256(content);
  }
  return hashes;
}

/** Where CIFAR-10 comes from and goes to. */
export interface GetOptions extends DownloadOptions {
  /** The folder to put cifar-10-batches-bin into; created if missing. */
  to: string;
  /** The archive to fetch; by default the official one. */
  archive?: Archive;
}

const unpacked: FolderKind = {
  name: 'what this command unpacked',
  files: [...trainingFiles, testFile, classNamesFile, originFile],
  mark: originFile,
};

/** Whether the folder already holds the complete data. Throws a UserError if this command did not make it. */
async function alreadyThere(folder: string, archive: Archive): Promise<boolean> {
  if (!existsSync(folder)) return false;
  const origin = await readOrigin(folder).catch(() => undefined);
  if (origin?.archiveSha256 !== archive.sha256) {
    throw new UserError(
      `${folder} exists and was not made by this command, so it is left alone. Move it away, or choose another --to.`,
    );
  }
  // Data that this command made and something else damaged may be replaced.
  return readCifar10(folder, archive).then(
    () => true,
    () => false,
  );
}

/**
 * Downloads, checks and unpacks CIFAR-10. Returns its folder, which appears under its name only once it is complete.
 *
 * Intact data that is already there is not fetched again. Throws a UserError if the data cannot be fetched, checked or
 * written.
 */
export async function getCifar10({ to, archive = officialArchive, ...options }: GetOptions): Promise<string> {
  const folder = join(to, cifar10Folder);
  if (await alreadyThere(folder, archive)) return folder;
  await mkdir(to, { recursive: true });
  const archivePath = join(to, archiveFile);
  await download(archive, archivePath, options);

  const aside = join(to, '.cifar-10-unpacking');
  await rm(aside, { recursive: true, force: true });
  try {
    await mkdir(aside);
    const files = await extractCifar10(archivePath, aside, archive);
    const origin: Origin = { name: 'CIFAR-10', archiveSha256: archive.sha256, files };
    await writeDurably(join(aside, originFile), Buffer.from(JSON.stringify(origin, null, 2) + '\n'), realFiles);
    await readCifar10(aside, archive);
    await checkReplaceable(folder, unpacked);
    if (existsSync(folder)) await deleteFolder(folder);
    await rename(aside, folder);
  } catch (error) {
    if (error instanceof UserError) {
      await rm(archivePath, { force: true });
      throw error;
    }
    throw new UserError(
      `${folder} cannot be written: ${(error as Error).message}. The archive is kept: free space on the disk, then run the same command again.`,
      { cause: error },
    );
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  await rm(archivePath, { force: true });
  return folder;
}
