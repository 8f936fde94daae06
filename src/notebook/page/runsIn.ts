import type { FinishedRun } from '../../experiments/run/finishedRuns.js';

/** The runs that an output's metadata names (see `BundleMetadata`); none if it names none, or in another form. */
export function runsIn(metadata: unknown): FinishedRun[] {
  const { sparsebook } = Object(metadata) as { sparsebook?: unknown };
  const { runs } = Object(sparsebook) as { runs?: unknown };
  const isRun = (run: unknown): run is FinishedRun => {
    const { id, name } = Object(run) as Partial<FinishedRun>;
    return typeof id === 'string' && typeof name === 'string';
  };
  return Array.isArray(runs) ? runs.filter(isRun) : [];
}
