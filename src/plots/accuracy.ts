import type { ResultPoint } from '../experiments/results/runHistory.js';
import {
  axis,
  colour,
  curve,
  dash,
  figure,
  inLines,
  ink,
  intervalBars,
  levelLine,
  list,
  mean,
  percent,
} from './theme.js';
import type { Figure, Titled } from './theme.js';

/**
 * A run as a point. The runs of a group have one colour, and a line joins them from the least sparse to the sparsest.
 */
export interface SparsityPoint extends ResultPoint {
  /** The bounds of the accuracy's 95 % interval, 0 to 1. */
  interval?: readonly [low: number, high: number];
}

/**
 * Accuracy against sparsity, one point per run; the runs of a reference (such as a published table) appear as hollow
 * points. Up and to the right is better. `name` labels the runs without a group.
 */
export function accuracyAgainstSparsity(
  points: readonly SparsityPoint[],
  options: Titled & { reference?: { name: string; points: readonly SparsityPoint[] }; name?: string } = {},
): Figure {
  const { reference, name = 'our runs' } = options;
  const series = (name: string, of: readonly SparsityPoint[], color: string, style: object) => ({
    type: 'scatter',
    mode: 'markers+text',
    name,
    x: of.map(({ sparsity }) => 100 * sparsity),
    y: of.map(({ accuracy }) => 100 * accuracy),
    ...(of.some(({ interval }) => interval) && {
      error_y: intervalBars(
        of.map(({ accuracy }) => accuracy),
        of.map(({ interval }) => interval),
      ),
    }),
    text: of.map(({ label }) => inLines(label, 30)),
    textposition: 'top center',
    textfont: { size: 11 },
    cliponaxis: false,
    marker: { color, size: 10, line: { width: 2, color } },
    hovertemplate: '%{text}: %{y:.2f} % right, %{x:.1f} % removed',
    ...style,
  });
  const line = { mode: 'lines+markers+text', line: { width: 1.5, dash: 'dot' } };
  const data = [...new Set(points.map(({ group }) => group))].map((group, i) => {
    const of = points.filter((point) => point.group === group);
    const along = group === undefined ? of : of.toSorted((a, b) => a.sparsity - b.sparsity);
    return series(group ?? name, along, colour(i), group === undefined ? {} : line);
  });
  if (reference) {
    const hollow = { marker: { color: ink, symbol: 'circle-open', size: 10, line: { width: 2, color: ink } } };
    data.push(series(reference.name, reference.points, ink, hollow));
  }
  const said = points.map((p) => `${p.label}: ${percent(p.accuracy)} right at ${percent(p.sparsity)} removed`);
  return figure({
    title: options.title ?? 'Accuracy against sparsity',
    alt: `Accuracy against sparsity, ${list(said)}${reference ? `; beside it, ${reference.points.length} points of ${reference.name}` : ''}.`,
    data,
    layout: {
      xaxis: axis('sparsity', '% of parameters removed', { range: [-4, 104] }),
      yaxis: axis('accuracy', '% of images'),
    },
    legendBelow: true,
    height: 420,
  });
}

/** The accuracies of a way of pruning at one share of zeros, in one or several runs; all shares are between 0 and 1. */
export interface PruningPoint {
  pruned: number;
  accuracies: readonly number[];
}

/** One way of pruning. */
export interface PruningCurve {
  name: string;
  points: readonly PruningPoint[];
}

/**
 * Shows where pruning breaks a network: accuracy against the share of pruned weights, one line per way of pruning.
 * Points are means; bars span the lowest to the highest of several runs; ways without points are left out. `dense`
 * draws the accuracy without pruning.
 */
export function accuracyByPruning(
  curves: readonly PruningCurve[],
  options: Titled & { dense?: { name: string; accuracy: number } } = {},
): Figure {
  const { dense } = options;
  const begun = curves.filter(({ points }) => points.length > 0);
  const atLeft = { xref: 'paper', x: 0, xanchor: 'left', yanchor: 'bottom', showarrow: false };
  const said = begun.map(({ name, points }) => {
    const [first, last] = [points[0], points[points.length - 1]];
    const at = (point: PruningPoint): string => `${percent(mean(point.accuracies))} at ${percent(point.pruned)}`;
    return `${name} ${at(first)} and ${at(last)}`;
  });
  return figure({
    title: options.title ?? 'Accuracy against the share of pruned weights',
    alt: `Accuracy against pruned weights: ${list(said)}${dense ? `; ${dense.name} ${percent(dense.accuracy)}` : ''}.`,
    data: begun.map(({ name, points }, n) => {
      const several = points.some(({ accuracies }) => accuracies.length > 1);
      const means = points.map(({ accuracies }) => mean(accuracies));
      const spread = points.map(({ accuracies }) => [Math.min(...accuracies), Math.max(...accuracies)] as const);
      const x = points.map(({ pruned }) => 100 * pruned);
      const y = means.map((share) => 100 * share);
      const hovertemplate = '%{x:.0f} % pruned: %{y:.2f} % right';
      const look = { mode: 'lines+markers', hovertemplate, ...(several && { error_y: intervalBars(means, spread) }) };
      return curve(name, x, y, { color: colour(n), dash: dash(n) }, look);
    }),
    layout: {
      xaxis: axis('pruned', '% of the weights', { range: [-2, 102] }),
      yaxis: axis('test accuracy', '% of images', { rangemode: 'tozero' }),
      shapes: dense ? [levelLine(100 * dense.accuracy, {}, 'dash')] : [],
      annotations: dense ? [{ text: dense.name, y: 100 * dense.accuracy, ...atLeft }] : [],
    },
    height: 420,
  });
}

/** A network's accuracy at one stage, and the number of images it was measured on. */
export interface StageAccuracy {
  stage: string;
  /** From 0 to 1. */
  accuracy: number;
  images: number;
}

/** Half the width of the 95 % interval of an accuracy on n images: 1.96 sqrt(p (1 - p) / n). */
export function accuracyMargin({ accuracy, images }: Pick<StageAccuracy, 'accuracy' | 'images'>): number {
  return 1.96 * Math.sqrt((accuracy * (1 - accuracy)) / images);
}

/**
 * The accuracy before and after each stage, with bars for the uncertainty due to the choice of test images alone (95
 * %). On the same images, even smaller differences can be significant: see `pairedChange`.
 */
export function accuracyByStage(
  series: readonly { name: string; stages: readonly StageAccuracy[] }[],
  options: Titled = {},
): Figure {
  const said = series.map(
    ({ name, stages }) => `${name}: ${list(stages.map((s) => `${s.stage} ${percent(s.accuracy)}`))}`,
  );
  return figure({
    title: options.title ?? 'Accuracy from stage to stage',
    alt: `Test accuracy with 95 % intervals. ${said.join('; ')}.`,
    data: series.map(({ name, stages }, n) => ({
      type: 'scatter',
      mode: 'lines+markers',
      name,
      x: stages.map(({ stage }) => stage),
      y: stages.map(({ accuracy }) => 100 * accuracy),
      error_y: { type: 'data', array: stages.map((s) => 100 * accuracyMargin(s)), color: ink, thickness: 1.5 },
      marker: { size: 9, color: colour(n) },
      line: { width: 1.5, color: colour(n), dash: 'dot' },
      hovertemplate: '%{x}: %{y:.2f} %',
    })),
    layout: {
      xaxis: axis('network', 'in the order it was made', { type: 'category' }),
      yaxis: axis('accuracy', '% of test images'),
    },
    legendBelow: true,
    height: 400,
  });
}

/** A mean accuracy, 0 to 1, on one line of the figure; one value has no interval. */
export interface IntervalPoint {
  /** The line of the figure. */
  line: string;
  /** The series on that line: `standard` or `RePr`. */
  series: string;
  /** The number of values over which the mean is taken. */
  n: number;
  mean: number;
  /** Half the width of the 95 % interval of the mean. */
  halfWidth: number | null;
}

/** A published accuracy of one run, on a line of the figure. */
export function reportedPoint(line: string, series: string, accuracy: number): IntervalPoint {
  return { line, series, n: 1, mean: accuracy, halfWidth: null };
}

/**
 * Mean accuracies with their 95 % intervals, lines from top to bottom: published numbers and our own on one axis.
 * Values without an interval are hollow.
 */
export function accuracyIntervals(points: readonly IntervalPoint[], options: Titled = {}): Figure {
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
        ticktext: lines.map((line) => inLines(line, 40)),
        range: [lines.length - 0.5, -0.5],
        showgrid: false,
      }),
    },
    height: 200 + 46 * lines.length,
  });
}
