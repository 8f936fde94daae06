import { createHash, join, readFile } from '#platform';
import { UserError } from '../../errors.js';
import type { State } from '../../sparsity/sparsifier.js';
import { checkpointFiles, formatName, formatVersion, unpackState, type Checkpoint } from './checkpoint.js';
import { findCheckpoint, listCheckpoints } from './listCheckpoints.js';
import { decodeSafetensors } from '../../formats/safetensors.js';

/**
 * Reads a checkpoint and verifies its checksums. In place of a checkpoint's folder, `last` and `best` (see bestOf)
 * select a checkpoint of the same folder: loadCheckpoint('data/runs/.../checkpoints/best'). The folder of a run means
 * its last checkpoint.
 *
 * Throws a UserError that names the file, and the tensor if there is one, if the checkpoint is missing or damaged.
 */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  const folder = await findCheckpoint(path);
  const files = await readFiles(folder);
  const file = (name: keyof typeof checkpointFiles): string => join(folder, checkpointFiles[name]);
  const description = parseDescription(files.description, file('description'));
  const { step, epoch, validation, early, settings, provenance, draws, optimizer, sparsifier, averages, cut } =
    description;
  const arrays = decodeSafetensors(files.state, file('state'));
  const unpack = (state: unknown): State => unpackState(state, arrays, file('state'));
  const named = ({ name, state }: { name: string; state: unknown }) => ({ name, state: unpack(state) });
  return {
    path: folder,
    step,
    epoch,
    validation,
    early,
    settings,
    provenance,
    draws,
    weights: decodeSafetensors(files.weights, file('weights')),
    optimizer: named(optimizer),
    sparsifier: sparsifier && named(sparsifier),
    averages: averages === undefined ? undefined : unpack(averages),
    ...(cut !== undefined && { cut: unpack(cut) }),
  };
}

/** The last checkpoint in `dir`, from which a run continues; undefined if there is none. */
export async function loadLatest(dir: string): Promise<Checkpoint | undefined> {
  const last = (await listCheckpoints(dir)).checkpoints.at(-1);
  return last && loadCheckpoint(last.path);
}

/** The bytes of a checkpoint's files, verified against their checksums. */
async function readFiles(folder: string): Promise<Record<keyof typeof checkpointFiles, Buffer>> {
  const read = async (name: keyof typeof checkpointFiles): Promise<Buffer> => {
    const path = join(folder, checkpointFiles[name]);
    try {
      return await readFile(path);
    } catch (error) {
      throw new UserError(
        `${path} cannot be read: ${(error as Error).message}. A checkpoint is a folder with the files ` +
          `${Object.values(checkpointFiles).join(', ')}.`,
        { cause: error },
      );
    }
  };
  const sums = await read('sums');
  const lines = sums.toString('latin1').split('\n');
  const expected = new Map(
    lines.map((line) => {
      const [, sum, file] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
      return [file, sum];
    }),
  );
  const checked = async (name: keyof typeof checkpointFiles): Promise<Buffer> => {
    const bytes = await read(name);
    if (createHash('sha256').update(bytes).digest('hex') === expected.get(checkpointFiles[name])) return bytes;
    throw new UserError(
      `${join(folder, checkpointFiles[name])} is damaged or was changed: its SHA-256 is not the one in ` +
        `${checkpointFiles.sums}. Take another checkpoint.`,
    );
  };
  return {
    sums,
    weights: await checked('weights'),
    state: await checked('state'),
    description: await checked('description'),
  };
}

interface Description extends Omit<Checkpoint, 'path' | 'weights' | 'optimizer' | 'sparsifier' | 'averages' | 'cut'> {
  optimizer: { name: string; state: unknown };
  sparsifier?: { name: string; state: unknown };
  averages?: unknown;
  cut?: unknown;
}

function parseDescription(bytes: Buffer, path: string): Description {
  const refuse = (reason: string): UserError =>
    new UserError(`${path} does not describe a checkpoint: ${reason}. Take another checkpoint.`);
  let found: Record<string, unknown>;
  try {
    found = Object(JSON.parse(bytes.toString('utf8'))) as Record<string, unknown>;
  } catch (error) {
    throw refuse((error as Error).message);
  }
  if (found.format !== formatName) throw refuse(`its format is ${JSON.stringify(found.format)}, not "${formatName}"`);
  if (found.version !== formatVersion) {
    throw refuse(`its version is ${JSON.stringify(found.version)}, and this program reads version ${formatVersion}`);
  }
  const parts = [found.optimizer, ...(found.sparsifier === undefined ? [] : [found.sparsifier])];
  const named = (part: unknown): boolean => typeof (part as { name?: unknown } | null | undefined)?.name === 'string';
  if (!parts.every(named)) throw refuse('its optimizer or sparsifier has no name');
  for (const count of ['step', 'epoch'] as const) {
    if (!Number.isSafeInteger(found[count]) || (found[count] as number) < 0) {
      throw refuse(`its ${count} is ${JSON.stringify(found[count])}`);
    }
  }
  if (typeof found.draws !== 'object' || found.draws === null) throw refuse('it has no draws');
  return found as unknown as Description;
}
