import type { Stats } from 'node:fs';
import {
  basename,
  Buffer,
  dirname,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from '#platform';
import { UserError } from '../errors.js';
import { clearOrphans, namesAside } from './asideName.js';
import { makeFolder, realFiles, statOf, syncFolder, writeDurably, type FileSystem } from './fileSystem.js';

/** A kind of file: a file may only be replaced by another of its kind. */
export interface FileKind {
  /** Its name in errors, such as `a notebook`. */
  name: string;
  /** Whether a file that begins with these bytes is of this kind. */
  isOne(head: globalThis.Buffer): boolean;
}

export const jsonFile: FileKind = { name: 'a JSON file', isOne: (head) => /^\uFEFF?\s*[[{]/.test(head.toString()) };

/** For a file that must be new. */
export const newFile: FileKind = { name: 'a new file', isOne: () => false };

const HEAD_BYTES = 4096;

/**
 * Writes a file atomically, replacing nothing, an empty file or a file of its kind: it is written completely and synced
 * to the disk under a hidden name beside `path`, then renamed. Its folder is created if missing; a symbolic link stays
 * a link and its target is replaced; permissions are kept.
 *
 * Throws a UserError that names the path and the cause; the previous file is then unchanged, and nothing is left beside
 * it.
 */
export async function writeFileWhole(
  path: string,
  contents: Uint8Array | string,
  kind: FileKind,
  files: FileSystem = realFiles,
): Promise<void> {
  try {
    await makeFolder(dirname(path), files);
    const target = await files.realpath(path).catch(() => path);
    const before = await replaceable(path, target, kind, files);
    await clearOrphans(dirname(target), files, basename(target));
    await write(target, Buffer.from(contents as string), before, files);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/**
 * Throws the UserError that `writeFileWhole` would throw, as far as that can be known before there is anything to
 * write.
 */
export async function checkWritable(path: string, kind: FileKind): Promise<void> {
  try {
    await makeFolder(dirname(path), realFiles);
    const target = await realFiles.realpath(path).catch(() => path);
    const before = await replaceable(path, target, kind, realFiles);
    const { aside, done } = namesAside(target);
    await writeDurably(aside('new'), Buffer.alloc(0), realFiles, before?.mode).finally(async () => {
      await realFiles.rm(aside('new'), { force: true }).catch(() => undefined);
      done();
    });
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/**
 * `writeFileWhole` for a notebook cell, which cannot wait. It gives the same guarantees, except that it does not sync
 * the folder and does not keep the permissions of a file that it replaces.
 */
export function writeFileWholeSync(path: string, contents: Uint8Array | string, kind: FileKind): void {
  // Links are followed, so that their target is replaced and not the link itself.
  const target = existsSync(path) ? realpathSync(path) : path;
  const { aside, done } = namesAside(target);
  try {
    mkdirSync(dirname(path), { recursive: true });
    if (existsSync(target))
      refuseOther(path, statSync(target), kind, () => readFileSync(target).subarray(0, HEAD_BYTES));
    writeFileSync(aside('new'), contents, { flag: 'wx', flush: true });
    renameSync(aside('new'), target);
  } catch (error) {
    rmSync(aside('new'), { force: true });
    throw cannotWrite(path, error);
  } finally {
    done();
  }
}

async function write(target: string, bytes: Buffer, before: Stats | undefined, files: FileSystem): Promise<void> {
  const { aside, done } = namesAside(target);
  try {
    await writeDurably(aside('new'), bytes, files, before?.mode);
    // A second name for the old file, so that it can be put back; skipped if the disk does not support hard links.
    const kept =
      before !== undefined &&
      (await files.link(target, aside('old')).then(
        () => true,
        () => false,
      ));
    try {
      await files.rename(aside('new'), target);
      await syncFolder(dirname(target), files);
    } catch (error) {
      if (kept) await files.rename(aside('old'), target);
      else if (!before) await files.rm(target, { force: true });
      throw error;
    }
  } finally {
    for (const fate of ['new', 'old'] as const) await files.rm(aside(fate), { force: true }).catch(() => undefined);
    done();
  }
}

/** Returns the stats of what is at a path, if a file of this kind may replace it; otherwise throws a UserError. */
async function replaceable(
  path: string,
  target: string,
  kind: FileKind,
  files: FileSystem,
): Promise<Stats | undefined> {
  const before = await statOf(target, files);
  if (!before) return undefined;
  const file = before.isFile() ? await files.open(target, 'r') : undefined;
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const length = (await file?.read(head, 0, HEAD_BYTES, 0))?.bytesRead;
    refuseOther(path, before, kind, () => head.subarray(0, length));
  } finally {
    await file?.close();
  }
  return before;
}

function refuseOther(path: string, stats: Stats, kind: FileKind, head: () => Buffer): void {
  const rule = `${path} is not written: only ${kind.name} may be replaced`;
  if (!stats.isFile()) {
    throw new UserError(
      `${rule}, and there is ${stats.isDirectory() ? 'a folder' : 'no plain file'}. Give another name.`,
    );
  }
  if (stats.size > 0 && !kind.isOne(head())) {
    throw new UserError(`${rule}, and there is a file of another kind. Move it away, or give another name.`);
  }
}

function cannotWrite(path: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  return new UserError(
    `${path} cannot be written: ${(error as Error).message}. What was there is unchanged. ` +
      'Free space on the disk, or choose a place that can be written.',
    { cause: error },
  );
}
