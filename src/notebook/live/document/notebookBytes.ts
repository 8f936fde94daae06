import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { UserError } from '../../../errors.js';
import { reasonOf } from '../fence.js';

/** The largest notebook that is opened, in bytes. */
export const LARGEST_NOTEBOOK = 100_000_000;

/**
 * The bytes of a file; undefined where there is none. Throws a UserError for a folder, a pipe or a device, which might be read without
 * end, for a file that is too large, and for one that cannot be read.
 */
export async function readBytes(path: string): Promise<Buffer | undefined> {
  // Opening a pipe would otherwise wait for somebody who writes into it.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UserError(`${path} cannot be read: ${reasonOf(error)}`);
  });
  if (!file) return undefined;
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new UserError(`${path} is not a file`);
    if (stats.size > LARGEST_NOTEBOOK) throw new UserError(`${path} ${tooLarge(stats.size)}`);
    return await file.readFile();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} cannot be read: ${reasonOf(error)}`);
  } finally {
    await file.close();
  }
}

/** What is said of a notebook of so many bytes. */
export function tooLarge(size: number): string {
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  return `has ${megabytes(size)}; notebooks of up to ${megabytes(LARGEST_NOTEBOOK)} are opened. Clear its outputs`;
}
