import type { AnyExperiment } from './experiment.js';
import { freezePruneExperiment } from './freezePrune/freezePruneExperiment.js';
import { istaCnn4Experiment, istaResnet20Experiment } from './ista/istaExperiment.js';
import { l0Experiment } from './l0/l0Experiment.js';
import { reprExperiment } from './repr/reprExperiment.js';

/** All experiments that the command line can train. */
export const experiments: readonly AnyExperiment[] = [
  l0Experiment,
  istaResnet20Experiment,
  istaCnn4Experiment,
  reprExperiment,
  freezePruneExperiment,
];
