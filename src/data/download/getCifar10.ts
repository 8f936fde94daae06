import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { realFiles, writeDurably } from '../../platform/fileSystem.js';
import { checkReplaceable, deleteFolder, type FolderKind } from '../../platform/writeFolder.js';
import { archiveFile, officialArchive } from '../cifar10/archive.js';
import type { Archive } from '../cifar10/archive.js';
import { cifar10Folder, classNamesFile, testFile, trainingFiles } from '../cifar10/files.js';
import { originFile, readOrigin } from '../cifar10/origin.js';
import type { Origin } from '../cifar10/origin.js';
import { readCifar10 } from '../cifar10/readCifar10.js';
import { download } from './download.js';
import type { DownloadOptions } from './download.js';

/** Where CIFAR-10 comes from and goes to. */
export interface GetOptions extends DownloadOptions {
  /** The folder that cifar-10-batches-bin is put into; made where it is missing. */
  to: string;
  /** What is fetched; the official archive by default. */
  archive?: Archive;
}

const unpacked: FolderKind = {
  name: 'what this command unpacked',
  files: [...trainingFiles, testFile, classNamesFile, originFile],
  mark: originFile,
};

/** Whether the folder already holds the whole data; throws a UserError where it holds something of the user's. */
async function alreadyThere(folder: string, archive: Archive): Promise<boolean> {
  if (!existsSync(folder)) return false;
  const origin = await readOrigin(folder).catch(() => undefined);
  if (origin?.archiveSha256 !== archive.sha256) {
    throw new UserError(
      `${folder} exists and was not made by this command, so it is left alone. Move it away, or choose another --to.`,
    );
  }
  // What this command made and something else damaged, this command may replace.
  return readCifar10(folder, archive).then(
    () => true,
    () => false,
  );
}

/**
 * Downloads, checks and unpacks CIFAR-10; returns its folder, which appears under its name only when it is whole.
 *
 * Data that is there already, and intact, is not fetched again. Throws a UserError where that is not possible.
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
    // Loaded only here: whoever trains needs no tar reader.
    const { extractCifar10 } = await import('./extractCifar10.js');
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
      `${folder} cannot be written: ${(error as Error).message}. The archive is kept: make room on the disk, then run the same command again.`,
      { cause: error },
    );
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  await rm(archivePath, { force: true });
  return folder;
}
