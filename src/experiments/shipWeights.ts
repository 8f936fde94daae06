import { basename, dirname, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { averagedWeights, loadCheckpoint, saveCheckpoint } from '../training/checkpoint/index.js';
import { readSavedRun, resumedSettings, savedForm } from './savedRun.js';
import { givenIn } from './settings/given.js';

const noOptimizer = 'no optimizer';

/** Throws a UserError where a checkpoint lies from which its run could go on: a copy without its state must not replace it. */
async function refuseResumable(folder: string): Promise<void> {
  const checkpoint = await loadCheckpoint(folder).catch(() => undefined);
  if (!checkpoint || checkpoint.optimizer.name === noOptimizer) return;
  throw new UserError(
    `${folder} is not written: a run can go on from the checkpoint there, and could not from its weights alone. ` +
      'Give another folder.',
  );
}

/**
 * Copies a checkpoint to the folder `to` without what only a resumed run needs (a third of its size is left for AdamW), and
 * returns that path. What its method has closed stays closed. Its weights are those that the network is evaluated with: their averages, where the run keeps any. `data` is
 * what the copy says its images are, where those of the run lay in a folder of somebody's own.
 *
 * The copy can be tested and started from; a run that asks to go on from it is refused, since it has no optimizer. Throws
 * a UserError for a checkpoint that cannot be read, and where it would replace one that a run can go on from.
 */
export async function shipWeights(from: string, to: string, data?: string): Promise<string> {
  const { path: _, averages, ...checkpoint } = await loadCheckpoint(from);
  const weights = averagedWeights({ ...checkpoint, averages });
  const saved = readSavedRun(checkpoint.settings, from);
  const changed = givenIn({ data, ckpt_path: null, resume_training: false });
  const settings = savedForm({ ...saved, settings: resumedSettings(saved, changed) });
  const optimizer = { name: noOptimizer, state: {} };
  const folder = resolve(to);
  await refuseResumable(folder);
  return saveCheckpoint(dirname(folder), basename(folder), { ...checkpoint, weights, settings, optimizer });
}
