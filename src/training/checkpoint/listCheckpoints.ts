import { basename, dirname, existsSync, join, readdir, readFile, resolve } from '#platform';
import { UserError } from '../../errors.js';
import { type FileSystem, realFiles } from '../../platform/fileSystem.js';
import { deleteFolder } from '../../platform/writeFolder.js';
import type { Scores } from '../events.js';
import { runFiles } from '../log/readRun.js';
import { checkpointFiles, formatName } from './checkpoint.js';

/** A checkpoint's description of itself. */
export interface CheckpointSummary {
  name: string;
  path: string;
  /** The number of the save in its folder: the last one has the largest. */
  order: number;
  step: number;
  epoch: number;
  validation?: Scores;
  /** Whether it is too early in its run to be the best one if there are later ones. */
  early?: boolean;
}

/** The checkpoints of a folder. */
export interface CheckpointList {
  /** In the order in which they were saved. */
  checkpoints: CheckpointSummary[];
  /** Paths of checkpoints that cannot be read. */
  damaged: string[];
}

/** Whether a folder is a checkpoint, whole or damaged: it has at least one of these files. */
export const isCheckpoint = (path: string): boolean =>
  [checkpointFiles.description, checkpointFiles.sums].some((file) => existsSync(join(path, file)));

/** Whether a checkpoint's folder has its weights: if they were left out, it has only the description. */
export const hasWeights = (path: string): boolean => existsSync(join(path, checkpointFiles.weights));

/** The checkpoints in `dir`, from their descriptions; only loading one verifies its checksums. Skips other folders. */
export async function listCheckpoints(dir: string): Promise<CheckpointList> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const list: CheckpointList = { checkpoints: [], damaged: [] };
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const path = join(dir, entry.name);
    const summary = await summaryOf(entry.name, path);
    if (summary) list.checkpoints.push(summary);
    else if (isCheckpoint(path)) list.damaged.push(path);
  }
  list.checkpoints.sort((a, b) => a.order - b.order);
  return list;
}

type Scored = Pick<CheckpointSummary, 'validation' | 'early'>;

/** Whether a checkpoint is better than another: not early if the other is, or else of higher validation accuracy. */
export function isBetter(one: Scored, other: Scored | undefined): boolean {
  if (!one.validation || !other?.validation) return one.validation !== undefined;
  if (Boolean(one.early) !== Boolean(other.early)) return !one.early;
  return one.validation.accuracy > other.validation.accuracy;
}

/**
 * The best checkpoint of a list, in the order of saving; the earliest of several that are equally good. Checkpoints of
 * steps that were repeated later are left out: a run that continued from an earlier checkpoint differs from there on.
 */
export function bestOf(checkpoints: readonly CheckpointSummary[]): CheckpointSummary | undefined {
  return checkpoints
    .filter(({ step }, i) => checkpoints.slice(i + 1).every((later) => later.step >= step))
    .reduce<CheckpointSummary | undefined>(
      (best, checkpoint) => (isBetter(checkpoint, best) ? checkpoint : best),
      undefined,
    );
}

async function summaryOf(name: string, path: string): Promise<CheckpointSummary | undefined> {
  try {
    const text = await readFile(join(path, checkpointFiles.description), 'utf8');
    const { format, order, step, epoch, validation, early } = JSON.parse(text) as Record<string, unknown>;
    if (format !== formatName) return undefined;
    if (![order, step, epoch].every((n) => Number.isSafeInteger(n))) return undefined;
    return { name, path, order, step, epoch, validation, early } as CheckpointSummary;
  } catch {
    return undefined;
  }
}

/**
 * Resolves a path, as `loadCheckpoint` takes it, to the folder of a checkpoint. Throws a UserError if there is none.
 */
export async function findCheckpoint(given: string): Promise<string> {
  const path = resolve(given);
  if (existsSync(path)) {
    const ofRun = join(path, runFiles.checkpoints);
    return existsSync(ofRun) && !isCheckpoint(path) ? findCheckpoint(join(ofRun, 'last')) : path;
  }
  const name = basename(path);
  const { checkpoints, damaged } = await listCheckpoints(dirname(path));
  const wanted = name === 'last' ? checkpoints.at(-1) : name === 'best' ? bestOf(checkpoints) : undefined;
  if (wanted && damaged.length === 0) return wanted.path;
  if (wanted) {
    throw new UserError(
      `The ${name} checkpoint cannot be determined while ${damaged[0]} is damaged. Name one, such as ${wanted.path}, or ` +
        'delete the damaged folder.',
    );
  }
  const names = checkpoints.map((checkpoint) => checkpoint.name);
  const others = names.length > 0 ? `There are: ${[...names, 'last', 'best'].join(', ')}` : 'There are none beside it';
  throw new UserError(`There is no checkpoint ${path}. ${others}.`);
}

/**
 * Deletes all checkpoints of a folder except the best one and the last `keep`; returns the paths of the deleted ones.
 * Folders that cannot be read as checkpoints are left alone.
 */
export async function pruneCheckpoints(dir: string, keep: number, files: FileSystem = realFiles): Promise<string[]> {
  const { checkpoints } = await listCheckpoints(dir);
  const best = bestOf(checkpoints);
  const old = checkpoints.slice(0, Math.max(0, checkpoints.length - keep)).filter((checkpoint) => checkpoint !== best);
  for (const { path } of old) await deleteFolder(path, files);
  return old.map(({ path }) => path);
}
