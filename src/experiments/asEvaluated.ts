import type { ExperimentRun } from './experiment.js';

/**
 * Lets a run's network be what is evaluated while `work` goes on: with the averages of its weights, if the run keeps any;
 * afterwards it has its weights again. What is measured, made smaller or started from is that network.
 */
export function asEvaluated<T>({ averages }: Pick<ExperimentRun, 'averages'>, work: () => Promise<T>): Promise<T> {
  return averages ? averages.use(work) : work();
}
