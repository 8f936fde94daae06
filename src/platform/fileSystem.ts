import type { Stats } from 'node:fs';
import type * as nodeFiles from 'node:fs/promises';
import { dirname, link, mkdir, open, readdir, realpath, rename, rm, stat, windows } from '#platform';

/** What writing needs of the file system: a parameter, so that tests can let each of its calls fail. */
export type FileSystem = Pick<
  typeof nodeFiles,
  'link' | 'mkdir' | 'open' | 'readdir' | 'realpath' | 'rename' | 'rm' | 'stat'
>;

/** The real one. */
export const realFiles: FileSystem = { link, mkdir, open, readdir, realpath, rename, rm, stat };

/** The most bytes that one call writes: Linux takes less than 2 GiB at a time. */
const LARGEST_WRITE = 2 ** 30;

/** Writes a new file to its last byte and waits until the disk has it; a disk that takes fewer bytes is an error. */
export async function writeDurably(path: string, bytes: Uint8Array, files: FileSystem, mode = 0o666): Promise<void> {
  const file = await files.open(path, 'wx', mode);
  try {
    for (let written = 0; written < bytes.length;) {
      const { bytesWritten } = await file.write(bytes, written, Math.min(LARGEST_WRITE, bytes.length - written));
      if (bytesWritten <= 0) throw new Error(`the disk took ${written} of ${bytes.length} bytes`);
      written += bytesWritten;
    }
    await file.sync();
    const { size } = await file.stat();
    if (size !== bytes.length) throw new Error(`the disk holds ${size} of ${bytes.length} bytes`);
  } finally {
    await file.close();
  }
}

/** Makes a folder and those above it that are missing, one by one: Node's `recursive` never ends below /proc. */
export async function makeFolder(path: string, files: FileSystem): Promise<void> {
  const make = (): Promise<unknown> =>
    files.mkdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST' && error.code !== 'EISDIR') throw error;
    });
  await make().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path), files);
    await make();
  });
}

/** Waits until the disk has a folder's list of names: without it, a renamed file may be gone after a power cut. */
export async function syncFolder(path: string, files: FileSystem): Promise<void> {
  // Windows has no such call, and opens no folders.
  if (windows) return;
  const folder = await files.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** What there is at a path; undefined where there is nothing. */
export async function statOf(path: string, files: FileSystem): Promise<Stats | undefined> {
  return files.stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
