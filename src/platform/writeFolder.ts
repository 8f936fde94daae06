import { basename, dirname, join } from '#platform';
import { UserError } from '../errors.js';
import { clearOrphans, namesAside } from './asideName.js';
import { makeFolder, realFiles, statOf, syncFolder, writeDurably, type FileSystem } from './fileSystem.js';

/** A kind of folder: a folder may only be replaced by another of its kind. */
export interface FolderKind {
  /** Its name in errors, such as `a checkpoint`. */
  name: string;
  /** The files that such a folder may hold: a folder with any other file is not ours. */
  files: readonly string[];
  /** The file among them that every such folder has. */
  mark: string;
}

/**
 * Writes a folder of files atomically, replacing nothing, an empty folder or a folder of its kind: each file and the
 * folder are synced to the disk under a hidden name beside `path`, then the folder is renamed.
 *
 * Throws a UserError that names the path if anything fails; the previous folder at `path` is then unchanged.
 */
export async function writeFolderWhole(
  path: string,
  contents: ReadonlyMap<string, Uint8Array>,
  kind: FolderKind,
  files: FileSystem = realFiles,
): Promise<void> {
  await beside(path, kind, files, async (aside) => {
    await clearOrphans(dirname(path), files, basename(path));
    await files.mkdir(aside('new'));
    for (const [name, bytes] of contents) await writeDurably(join(aside('new'), name), bytes, files);
    await syncFolder(aside('new'), files);
    await putInPlace(path, aside, files);
  });
}

/**
 * Throws the UserError that `writeFolderWhole` would throw, as far as that can be known before there is anything to
 * write.
 */
export async function checkFolderWritable(path: string, kind: FolderKind): Promise<void> {
  await beside(path, kind, realFiles, async (aside) => {
    await realFiles.mkdir(aside('new'));
    await realFiles.rm(aside('new'), { recursive: true });
  });
}

/** Runs `work` with hidden names beside a folder, after checking that the folder may be replaced. */
async function beside(
  path: string,
  kind: FolderKind,
  files: FileSystem,
  work: (aside: ReturnType<typeof namesAside>['aside']) => Promise<void>,
): Promise<void> {
  const { aside, done } = namesAside(path);
  try {
    await makeFolder(dirname(path), files);
    await checkReplaceable(path, kind, files);
    await work(aside);
  } catch (error) {
    await files.rm(aside('new'), { recursive: true, force: true }).catch(() => undefined);
    throw cannotSave(path, error);
  } finally {
    done();
  }
}

function cannotSave(path: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  return new UserError(
    `${path} cannot be saved: ${(error as Error).message}. Whatever was saved before is unchanged. ` +
      'Free space on the disk, or save in a folder that can be written.',
    { cause: error },
  );
}

/** Throws a UserError if something is at `path` that a folder of this kind must not replace. */
export async function checkReplaceable(path: string, kind: FolderKind, files: FileSystem = realFiles): Promise<void> {
  const there = await statOf(path, files);
  if (!there) return;
  const rule = `${path} is not written: only ${kind.name} or an empty folder may be replaced`;
  if (!there.isDirectory()) throw new UserError(`${rule}, and there is a file. Give another name.`);
  const entries = await files.readdir(path);
  const isMarked = entries.includes(kind.mark);
  const foreign = isMarked ? entries.filter((entry) => !kind.files.includes(entry)) : entries;
  if (foreign.length > 0) {
    const named = foreign.slice(0, 3).join(', ') + (foreign.length > 3 ? ', ...' : '');
    throw new UserError(
      isMarked
        ? `${rule}, and ${named} was added to this one. Move that away (and put it back afterwards), or give another name.`
        : `${rule}, and this folder holds ${named}. Move it away, or give another name.`,
    );
  }
}

/** Deletes a folder such that it is never partly there. Throws a UserError that names it. */
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
  // The new folder is in place: if the old one cannot be deleted now, the next start clears it away.
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
