import type { Figure, Trace } from './figure.js';
import { axis, colour, figure } from './theme.js';
import { oneAfterAnother, versionMarks, type VersionCourse } from './versions.js';
import { list, number, percent } from './words.js';

/**
 * How versions of the ISTA protocol went, one behind another: validation accuracy after each epoch, and at every step that
 * was logged the fake sparsity (cost-weighted share of zero gammas) and the group lasso (cost-weighted sum of |gamma|).
 */
export function versionsOverSteps(versions: readonly VersionCourse[], options: { title?: string } = {}): Figure {
  const placed = oneAfterAnother(versions);
  const curve = (name: string, n: number, x: number[][], y: number[][], more: object): Trace => ({
    type: 'scatter',
    name,
    // A gap between versions: compaction lies there.
    x: x.flatMap((part) => [...part, null]),
    y: y.flatMap((part) => [...part, null]),
    line: { color: colour(n), width: 2 },
    // Each panel's axis says whose it is.
    showlegend: false,
    ...more,
  });
  const logged = placed.map(({ from, log }) => log.map(({ step }) => from + step));
  const said = versions.map(({ name, log, validation }) => {
    const [entry, scores] = [log.at(-1), validation.at(-1)];
    const accuracy = scores ? `, ${percent(scores.accuracy)} right on validation` : '';
    return entry
      ? `${name}: fake sparsity ${percent(entry.fakeSparsity)}, group lasso ${number(entry.groupLasso)}${accuracy}`
      : `${name}: nothing yet`;
  });
  return figure({
    title: options.title ?? 'The versions, step by step',
    alt: `Validation accuracy, fake sparsity and group lasso over the steps of ${versions.length} versions. At the end of ${list(said)}.`,
    data: [
      curve(
        'validation accuracy',
        2,
        placed.map(({ from, validation }) => validation.map(({ step }) => from + step)),
        placed.map(({ validation }) => validation.map(({ accuracy }) => 100 * accuracy)),
        { mode: 'lines+markers' },
      ),
      curve(
        'fake sparsity',
        1,
        logged,
        placed.map(({ log }) => log.map(({ fakeSparsity }) => 100 * fakeSparsity)),
        { mode: 'lines', yaxis: 'y2' },
      ),
      curve(
        'group lasso',
        0,
        logged,
        placed.map(({ log }) => log.map(({ groupLasso }) => groupLasso)),
        { mode: 'lines', yaxis: 'y3' },
      ),
    ],
    layout: {
      xaxis: axis('training', 'steps of all versions', { anchor: 'y3', rangemode: 'tozero' }),
      yaxis: axis('accuracy', '% of images', { domain: [0.7, 1] }),
      yaxis2: axis('fake sparsity', '%', { domain: [0.36, 0.64], rangemode: 'tozero' }),
      yaxis3: axis('group lasso', 'cost × γ', { domain: [0, 0.28], rangemode: 'tozero' }),
      ...versionMarks(placed),
    },
    height: 620,
  });
}
