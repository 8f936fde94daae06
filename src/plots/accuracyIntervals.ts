import type { MeanInterval } from '../experiments/index.js';
import type { Figure } from './figure.js';
import { axis, colour, figure } from './theme.js';
import { percent } from './words.js';

/** A mean accuracy, 0 to 1, on one line of the figure; one value has no interval. */
export interface IntervalPoint extends MeanInterval {
  /** The line it stands on. */
  line: string;
  /** What it is on that line: `standard` or `RePr`. */
  series: string;
}

/** The accuracy of one run that somebody reported, on a line of the figure. */
export function reportedPoint(line: string, series: string, accuracy: number): IntervalPoint {
  return { line, series, n: 1, mean: accuracy, halfWidth: null };
}

/**
 * Mean accuracies with their 95 % intervals, lines from top to bottom: published numbers and our own on one axis. A value
 * without an interval is hollow.
 */
export function accuracyIntervals(points: readonly IntervalPoint[], options: { title?: string } = {}): Figure {
  const lines = [...new Set(points.map(({ line }) => line))];
  const series = [...new Set(points.map((point) => point.series))];
  const said = points.map(({ line, series: name, mean, halfWidth, n }) => {
    const interval = halfWidth === null ? 'one value' : `± ${(100 * halfWidth).toFixed(1)}, n = ${n}`;
    return `${line}, ${name}: ${percent(mean)} (${interval})`;
  });
  return figure({
    title: options.title ?? 'Accuracy with 95 % intervals',
    alt: `Test accuracies. ${said.join('; ')}.`,
    data: series.map((name, s) => {
      const own = points.filter((point) => point.series === name);
      return {
        type: 'scatter',
        mode: 'markers',
        name,
        x: own.map(({ mean }) => 100 * mean),
        // A little apart, so that intervals do not cover each other.
        y: own.map(({ line }) => lines.indexOf(line) + 0.24 * (s - (series.length - 1) / 2)),
        error_x: {
          type: 'data',
          array: own.map(({ halfWidth }) => (halfWidth === null ? null : 100 * halfWidth)),
          thickness: 2,
          width: 5,
        },
        marker: {
          color: colour(s),
          size: 10,
          line: { color: colour(s), width: 2 },
          symbol: own.map(({ halfWidth }) => (halfWidth === null ? 'circle-open' : 'circle')),
        },
        hovertemplate: '%{x:.2f} %',
      };
    }),
    layout: {
      xaxis: axis('test accuracy', '% of images'),
      yaxis: axis('runs', 'hollow: one value', {
        tickvals: lines.map((_, l) => l),
        ticktext: lines,
        range: [lines.length - 0.5, -0.5],
        showgrid: false,
      }),
    },
    height: 200 + 46 * lines.length,
  });
}
