import type { DataSplits } from '../../data/dataSplits.js';
import { loadCheckpoint, restoreWeights } from '../../training/checkpoint/index.js';
import { readSavedRun } from '../savedRun.js';
import { l0Run, type L0Run } from './l0Run.js';
import { l0Settings, type L0Settings } from './l0Settings.js';

/** A network that has been trained before, and what with. */
export interface Pretrained {
  /** The run as it ended: to be measured, or to start others from. */
  run: L0Run;
  /** The images it was trained on, by name. */
  trainedOn: string;
  epochs: number;
  /** What it was trained with: backend and machine. */
  backend: string;
}

/**
 * A GoogleNet with the weights of a checkpoint, ready for `data`: outputs/01-l0-googlenet/pretrained-cifar10 and
 * .../pretrained-synthetic are shipped. Throws a UserError for a checkpoint that is not there, is damaged, or is of
 * another network. The caller disposes the run.
 */
export async function pretrainedGoogleNet(folder: string, data: DataSplits): Promise<Pretrained> {
  const checkpoint = await loadCheckpoint(folder);
  const { settings } = readSavedRun(checkpoint.settings, folder);
  const known = l0Settings();
  const own = Object.fromEntries(Object.entries(settings).filter(([name]) => name in known)) as unknown as L0Settings;
  const run = l0Run(data, own);
  restoreWeights(checkpoint, run.model);
  const { data: images, backend = 'unknown' } = checkpoint.provenance ?? {};
  return { run, trainedOn: images?.name ?? 'unknown images', epochs: checkpoint.epoch, backend };
}
