import type { Stats } from 'node:fs';
import type * as nodeFiles from 'node:fs/promises';
import { dirname, link, mkdir, open, readdir, realpath, rename, rm, stat, windows } from '#platform';

/** The file system calls that writing needs: a parameter, so that tests can make each of them fail. */
export type FileSystem = Pick<
  typeof nodeFiles,
  'link' | 'mkdir' | 'open' | 'readdir' | 'realpath' | 'rename' | 'rm' | 'stat'
>;

/** The real file system. */
export const realFiles: FileSystem = { link, mkdir, open, readdir, realpath, rename, rm, stat };

/** The most bytes to write in one call: Linux takes less than 2 GiB at a time. */
const LARGEST_WRITE = 2 ** 30;

/** Writes a new file completely and waits until it is on the disk. Throws if the disk takes fewer bytes. */
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

/** Makes a folder and its missing parents, one by one: Node's `recursive` never ends below /proc. */
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

/** Waits until a folder's list of names is on the disk: otherwise a renamed file may be gone after a power cut. */
export async function syncFolder(path: string, files: FileSystem): Promise<void> {
  // Windows cannot open folders, nor sync them.
  if (windows) return;
  const folder = await files.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Returns the stats of a path; undefined if nothing is there. */
export async function statOf(path: string, files: FileSystem): Promise<Stats | undefined> {
  return files.stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
