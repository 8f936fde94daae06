import * as tf from '@tensorflow/tfjs';
import { type DataSplits, dataHash } from '../data/dataSplits.js';
import { UserError } from '../errors.js';
// A topology names layers by their class, which must be registered by then.
import '../layers/index.js';
import { restoreWeights, resumeFrom, type Checkpoint } from '../training/checkpoint/index.js';
import { asEvaluated } from './asEvaluated.js';
import type { AnyExperiment, ExperimentRun } from './experiment.js';
import type { RunSettings } from './runSettings.js';
import { readSavedRun, type SavedRun } from './savedRun.js';

/** A run with the network of a checkpoint, its weights not yet restored. */
async function runOf(
  { settings: saved, path }: Checkpoint,
  data: DataSplits,
  now?: RunSettings,
): Promise<ExperimentRun> {
  const { experiment, settings, topology } = readSavedRun(saved, path);
  const network = topology && (await tf.models.modelFromJSON(topology as tf.io.ModelJSON));
  return experiment.run(data, now ?? settings, undefined, network);
}

/**
 * The network of a checkpoint, built anew, with its weights, their averages and what its sparsity method knows, so that it is
 * measured as its run was; the caller disposes the run.
 */
export async function restoredRun(checkpoint: Checkpoint, data: DataSplits): Promise<ExperimentRun> {
  const run = await runOf(checkpoint, data);
  restoreWeights(checkpoint, run.model);
  if (checkpoint.averages) run.averages?.restore(checkpoint.averages);
  if (checkpoint.sparsifier) run.sparsifier?.restore(checkpoint.sparsifier.state);
  return run;
}

/** A run that goes on from a checkpoint, or starts from its weights, or from nothing. */
export interface StartedRun {
  run: ExperimentRun;
  /** Steps already made. */
  startStep: number;
}

/**
 * Builds a run as its settings say: a new one, one with the weights that a checkpoint's network is evaluated with
 * (`ckpt_path`), or one that goes on (`resume_training`). Throws a UserError for a checkpoint of another experiment, network or data.
 */
export async function startRun(
  { experiment, settings }: SavedRun,
  data: DataSplits,
  checkpoint?: Checkpoint,
): Promise<StartedRun> {
  if (!checkpoint) return { run: await experiment.run(data, settings), startStep: 0 };
  checkExperiment(checkpoint, experiment);
  if (settings.resume_training) {
    checkData(checkpoint, data);
    const run = await runOf(checkpoint, data, settings);
    return { run, startStep: resumeFrom(checkpoint, run) };
  }
  const from = await restoredRun(checkpoint, data);
  try {
    return { run: await asEvaluated(from, () => experiment.run(data, settings, from.model)), startStep: 0 };
  } finally {
    from.dispose();
  }
}

function checkExperiment({ path, settings }: Checkpoint, { name }: AnyExperiment): void {
  const saved = readSavedRun(settings, path).experiment.name;
  if (saved !== name) throw new UserError(`The checkpoint ${path} is of the experiment ${saved}, not of ${name}.`);
}

function checkData({ path, provenance }: Checkpoint, data: DataSplits): void {
  const saved = provenance?.data;
  if (!saved || saved.hash === dataHash(data)) return;
  throw new UserError(
    `The run of the checkpoint ${path} was trained on other images than these, and cannot go on: ${saved.name} ` +
      `(split ${saved.splitHash}), not ${data.name} (split ${data.splitHash}).`,
  );
}
