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

/** A kind of file: what may be replaced by another one of its kind. */
export interface FileKind {
  /** What it is called in an error, such as `a notebook`. */
  name: string;
  /** Whether a file that begins with these bytes is one. */
  isOne(head: globalThis.Buffer): boolean;
}

export const jsonFile: FileKind = { name: 'a JSON file', isOne: (head) => /^\uFEFF?\s*[[{]/.test(head.toString()) };

/** For a file that must be new. */
export const newFile: FileKind = { name: 'a new file', isOne: () => false };

const HEAD_BYTES = 4096;

/**
 * Writes a file whole, in place of nothing, an empty file or one of its kind: under a hidden name beside it, to the
 * last byte and on the disk, then renamed. Its folder is made where it is missing; a symbolic link stays one, and what
 * it leads to is replaced; permissions stay.
 *
 * Throws a UserError that names the path and the cause; what was there is then as it was, and nothing lies beside it.
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
 * Throws the UserError that `writeFileWhole` would throw, so far as that can be known before there is anything to
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
 * `writeFileWhole` for a cell of a notebook, which cannot wait: the same promises, but for what a failing folder
 * undoes.
 */
export function writeFileWholeSync(path: string, contents: Uint8Array | string, kind: FileKind): void {
  // Links are followed, so that what they lead to is replaced, and not they.
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
    // A second name of the old file, so that it can be put back; where the disk knows no second names it goes without.
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

/** What is at a path, if a file of this kind may take its place; throws a UserError if not. */
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
    `${path} cannot be written: ${(error as Error).message}. What was there is as it was. ` +
      'Free space on the disk, or choose a place that can be written.',
    { cause: error },
  );
}
