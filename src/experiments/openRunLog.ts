import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRun, reopenRun, type Provenance, type Run } from '../training/log/index.js';
import type { Checkpoint } from '../training/checkpoint/index.js';
import { runsFolder } from './runsFolder.js';
import { savedForm, type SavedRun } from './savedRun.js';

/** The folder that a run is logged in: a new one, or the one of the run that goes on, if its checkpoint lies in one. */
export async function openRunLog(run: SavedRun, provenance: Provenance, checkpoint?: Checkpoint): Promise<Run> {
  if (checkpoint && run.settings.resume_training) {
    const dir = dirname(dirname(checkpoint.path));
    if (existsSync(join(dir, 'settings.json')) && existsSync(join(dir, 'metrics.jsonl'))) return reopenRun(dir);
  }
  return createRun(runsFolder(), run.experiment.name, { settings: savedForm(run), provenance });
}
