import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findCheckpoint } from '../training/checkpoint/index.js';
import { reopenRun, type Run } from '../training/log/index.js';

/**
 * Opens the folder of the run that a checkpoint belongs to; undefined for a checkpoint that lies elsewhere. Throws a
 * UserError for a run that another process trains.
 */
export async function reopenRunOf(checkpoint: string): Promise<Run | undefined> {
  const dir = dirname(dirname(await findCheckpoint(checkpoint)));
  const isRun = existsSync(join(dir, 'settings.json')) && existsSync(join(dir, 'metrics.jsonl'));
  return isRun ? reopenRun(dir) : undefined;
}
