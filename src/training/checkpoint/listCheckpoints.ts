import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Scores } from '../events.js';
import { checkpointFiles, formatName } from './checkpoint.js';

/** What a checkpoint says of itself. */
export interface CheckpointSummary {
  name: string;
  path: string;
  /** Counts the saves in its folder: the last one has the largest. */
  order: number;
  step: number;
  epoch: number;
  validation?: Scores;
}

/** The checkpoints of a folder. */
export interface CheckpointList {
  /** In the order in which they were saved. */
  checkpoints: CheckpointSummary[];
  /** Paths of folders that should be checkpoints and cannot be read. */
  damaged: string[];
}

/** The checkpoints in `dir`, by their descriptions alone: that all their bytes are good, only loading can tell. */
export async function listCheckpoints(dir: string): Promise<CheckpointList> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const list: CheckpointList = { checkpoints: [], damaged: [] };
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const path = join(dir, entry.name);
    const summary = await summaryOf(entry.name, path);
    if (summary) list.checkpoints.push(summary);
    else list.damaged.push(path);
  }
  list.checkpoints.sort((a, b) => a.order - b.order);
  return list;
}

/** The best checkpoint of a list, by validation accuracy; the earliest of several. */
export function bestOf(checkpoints: readonly CheckpointSummary[]): CheckpointSummary | undefined {
  const accuracy = (checkpoint?: CheckpointSummary): number => checkpoint?.validation?.accuracy ?? -1;
  return checkpoints.reduce<CheckpointSummary | undefined>(
    (best, checkpoint) => (accuracy(checkpoint) > accuracy(best) ? checkpoint : best),
    undefined,
  );
}

async function summaryOf(name: string, path: string): Promise<CheckpointSummary | undefined> {
  try {
    const text = await readFile(join(path, checkpointFiles.description), 'utf8');
    const { format, order, step, epoch, validation } = JSON.parse(text) as Record<string, unknown>;
    if (format !== formatName) return undefined;
    if (![order, step, epoch].every((n) => Number.isSafeInteger(n))) return undefined;
    return { name, path, order, step, epoch, validation } as CheckpointSummary;
  } catch {
    return undefined;
  }
}
