import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { orphanOf } from './asideName.js';
import { realFiles, type FileSystem } from './fileSystem.js';

/**
 * Clears away what writers that were killed have left in a folder of checkpoints: half-written ones are deleted, one
 * that was about to be replaced is put back. Returns how many there were. A folder that is not there is clean.
 */
export async function cleanCheckpoints(dir: string, files: FileSystem = realFiles): Promise<number> {
  const entries = await entriesOf(dir, files);
  const orphans = entries.flatMap((entry) => {
    const orphan = orphanOf(entry);
    return orphan ? [{ entry, ...orphan }] : [];
  });
  for (const { entry, name, fate } of orphans) {
    const path = join(dir, entry);
    try {
      if (fate === 'old' && !entries.includes(name)) await files.rename(path, join(dir, name));
      else await files.rm(path, { recursive: true });
    } catch (error) {
      throw new UserError(
        `${path} is left of a process that was stopped and cannot be cleared away: ${(error as Error).message}. ` +
          'Make its folder writable.',
        { cause: error },
      );
    }
  }
  return orphans.length;
}

async function entriesOf(dir: string, files: FileSystem): Promise<string[]> {
  try {
    return await files.readdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new UserError(`${dir} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}
