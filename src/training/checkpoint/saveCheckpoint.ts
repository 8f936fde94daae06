import { Buffer, createHash, join } from '#platform';
import { UserError } from '../../errors.js';
import { checkpointFiles, formatName, formatVersion, packState, type CheckpointState } from './checkpoint.js';
import { realFiles, type FileSystem } from '../../platform/fileSystem.js';
import { listCheckpoints } from './listCheckpoints.js';
import { encodeSafetensors, type SavedTensor } from '../../formats/safetensors.js';
import { writeFolderWhole, type FolderKind } from '../../platform/writeFolder.js';

const checkpointFolder: FolderKind = {
  name: 'a checkpoint',
  files: Object.values(checkpointFiles),
  mark: checkpointFiles.description,
};

/**
 * Saves a checkpoint as the folder `dir`/`name` and returns its path. The folder appears complete and on the disk, or
 * not at all; a checkpoint of the same name is replaced, any other folder is left alone.
 *
 * Throws a UserError that names the path if it cannot be saved; the earlier checkpoints then stay unchanged.
 */
export async function saveCheckpoint(
  dir: string,
  name: string,
  state: CheckpointState,
  files: FileSystem = realFiles,
): Promise<string> {
  if (!/^\w[\w.-]*$/.test(name)) {
    throw new UserError(`A checkpoint's name must be made of letters, digits, '.', '-' and '_'; received '${name}'.`);
  }
  const order = 1 + Math.max(-1, ...(await listCheckpoints(dir)).checkpoints.map((other) => other.order));
  const path = join(dir, name);
  await writeFolderWhole(path, contentsOf(state, order), checkpointFolder, files);
  return path;
}

/** The files of a checkpoint by name; `order` counts the saves in its folder. */
function contentsOf(state: CheckpointState, order: number): Map<string, Uint8Array> {
  const { weights, optimizer, sparsifier, averages, cut, ...plain } = state;
  const arrays = new Map<string, SavedTensor>();
  const description = {
    ...{ format: formatName, version: formatVersion, order },
    ...plain,
    optimizer: { ...optimizer, state: packState(optimizer.state, '/optimizer', arrays) },
    sparsifier: sparsifier && { ...sparsifier, state: packState(sparsifier.state, '/sparsifier', arrays) },
    averages: averages && packState(averages, '/averages', arrays),
    cut: cut && packState(cut, '/cut', arrays),
  };
  const contents = new Map<string, Uint8Array>([
    [checkpointFiles.weights, encodeSafetensors(weights)],
    [checkpointFiles.state, encodeSafetensors(arrays)],
    [checkpointFiles.description, Buffer.from(`${JSON.stringify(description, null, 2)}\n`)],
  ]);
  const sums = [...contents].map(([file, bytes]) => `${createHash('sha256').update(bytes).digest('hex')}  ${file}\n`);
  return contents.set(checkpointFiles.sums, Buffer.from(sums.join('')));
}
