import type { SweepResult } from '../experiments/sweep/results.js';
import { accuracyAgainstSparsity, accuracyIntervals } from './accuracy.js';
import type { Figure } from './theme.js';

/** The label that distinguishes a group from the others of its entry. */
const labelOf = ({ group, values }: SweepResult): string => {
  const words = Object.entries(values);
  return words.length === 1 ? words[0][1] : words.map(([name, value]) => `${name}=${value}`).join(' ') || group;
};

/**
 * The results of a sweep: test accuracy against sparsity, a point for each group of runs that differ only in their
 * seeds, with 95 % intervals; if nothing became sparse, only the accuracies, one below the other. Groups without a
 * finished run are left out.
 */
export function sweepFigure(results: readonly SweepResult[], { title }: { title?: string } = {}): Figure {
  const done = results.filter(({ n }) => n > 0);
  if (!done.some(({ means }) => means['sparsity.complete'] > 0)) {
    const points = done.map(({ group, n, means, interval }) => ({
      line: group,
      series: 'test accuracy',
      mean: means['test.accuracy'],
      halfWidth: interval?.by === 'seeds' ? (interval.high - interval.low) / 2 : null,
      n,
    }));
    const figure = accuracyIntervals(points, { title });
    if (done.length === 0) figure.layout.meta.alt = 'No run is finished yet.';
    return figure;
  }
  const points = done.map((result) => ({
    label: labelOf(result),
    sparsity: result.means['sparsity.complete'],
    accuracy: result.means['test.accuracy'],
    interval: result.interval && ([result.interval.low, result.interval.high] as const),
    group: result.entry,
  }));
  return accuracyAgainstSparsity(points, { title: title ?? 'Accuracy against sparsity, with 95 % intervals' });
}
