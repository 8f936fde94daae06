import { bestOf, listCheckpoints } from './listCheckpoints.js';
import { realFiles, type FileSystem } from '../../platform/fileSystem.js';
import { deleteFolder } from '../../platform/writeFolder.js';

/**
 * Deletes all checkpoints of a folder but the `keep` that were saved last and the best one; returns the paths of those
 * deleted. Folders that cannot be read as checkpoints are left alone.
 */
export async function pruneCheckpoints(dir: string, keep: number, files: FileSystem = realFiles): Promise<string[]> {
  const { checkpoints } = await listCheckpoints(dir);
  const best = bestOf(checkpoints);
  const old = checkpoints.slice(0, Math.max(0, checkpoints.length - keep)).filter((checkpoint) => checkpoint !== best);
  for (const { path } of old) await deleteFolder(path, files);
  return old.map(({ path }) => path);
}
