import { dirname, join } from 'node:path';
import { UserError } from '../../errors.js';
import { namesAside } from './asideName.js';
import { realFiles, syncFolder, writeDurably, type FileSystem } from './fileSystem.js';

/**
 * Writes a folder of files that is either whole or not there: under a hidden name beside `path`, each file and the
 * folder on the disk, then renamed. A folder that was at `path` is replaced.
 *
 * Throws a UserError that names the path if anything fails; what was at `path` is then as it was.
 */
export async function writeFolder(
  path: string,
  contents: ReadonlyMap<string, Uint8Array>,
  files: FileSystem = realFiles,
): Promise<void> {
  const { aside, done } = namesAside(path);
  try {
    await files.mkdir(dirname(path), { recursive: true });
    await files.mkdir(aside('new'));
    for (const [name, bytes] of contents) await writeDurably(join(aside('new'), name), bytes, files);
    await syncFolder(aside('new'), files);
    await putInPlace(path, aside, files);
  } catch (error) {
    await files.rm(aside('new'), { recursive: true, force: true }).catch(() => undefined);
    throw new UserError(
      `${path} cannot be saved: ${(error as Error).message}. Whatever was saved before is as it was. ` +
        'Make room on the disk, or save in a folder that can be written.',
      { cause: error },
    );
  } finally {
    done();
  }
}

/** Deletes a folder such that it is never there in part. Throws a UserError that names it. */
export async function deleteFolder(path: string, files: FileSystem = realFiles): Promise<void> {
  const { aside, done } = namesAside(path);
  try {
    await files.rename(path, aside('gone'));
    await files.rm(aside('gone'), { recursive: true });
  } catch (error) {
    throw new UserError(`${path} cannot be deleted: ${(error as Error).message}.`, { cause: error });
  } finally {
    done();
  }
}

async function putInPlace(
  path: string,
  aside: ReturnType<typeof namesAside>['aside'],
  files: FileSystem,
): Promise<void> {
  const replaces = await renameIfThere(path, aside('old'), files);
  try {
    await files.rename(aside('new'), path);
    await syncFolder(dirname(path), files);
  } catch (error) {
    await renameIfThere(path, aside('new'), files);
    if (replaces) await files.rename(aside('old'), path);
    throw error;
  }
  if (!replaces) return;
  // The new one is in place: if the old one cannot be deleted now, cleaning does it at the next start.
  await files
    .rename(aside('old'), aside('gone'))
    .then(() => files.rm(aside('gone'), { recursive: true }))
    .catch(() => undefined);
}

async function renameIfThere(from: string, to: string, files: FileSystem): Promise<boolean> {
  try {
    await files.rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
