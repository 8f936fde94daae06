import type { AnyExperiment } from './experiment.js';
import { l0Experiment } from './l0/l0Experiment.js';

/** All experiments that the command line can train. */
export const experiments: readonly AnyExperiment[] = [l0Experiment];
