import * as nodeFiles from 'node:fs/promises';

/** What saving needs of the file system: a parameter, so that tests can let each of its calls fail. */
export type FileSystem = Pick<typeof nodeFiles, 'mkdir' | 'open' | 'readdir' | 'rename' | 'rm'>;

/** The real one. */
export const realFiles: FileSystem = nodeFiles;

/** Writes a new file and waits until the disk has it. */
export async function writeDurably(path: string, bytes: Uint8Array, files: FileSystem): Promise<void> {
  const file = await files.open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Waits until the disk has a folder's list of names: without it, a renamed file may be gone after a power cut. */
export async function syncFolder(path: string, files: FileSystem): Promise<void> {
  // Windows has no such call, and opens no folders.
  if (process.platform === 'win32') return;
  const folder = await files.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
