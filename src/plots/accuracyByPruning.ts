import type { Figure } from './figure.js';
import { axis, colour, dash, figure, ink } from './theme.js';
import { list, percent } from './words.js';

/** What a way of pruning came to at one share of zeros, in one or several runs; shares are between 0 and 1. */
export interface PruningPoint {
  pruned: number;
  accuracies: readonly number[];
}

/** One way of pruning. */
export interface PruningCurve {
  name: string;
  points: readonly PruningPoint[];
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Where pruning breaks a network: accuracy against the share of pruned weights, a line a way of pruning. Points are means;
 * bars reach from the lowest to the highest of several runs; a way without points is left out. `dense` draws the accuracy without pruning.
 */
export function accuracyByPruning(
  curves: readonly PruningCurve[],
  options: { title?: string; dense?: { name: string; accuracy: number }; part?: string } = {},
): Figure {
  const { dense, part = 'test' } = options;
  const begun = curves.filter(({ points }) => points.length > 0);
  const said = begun.map(({ name, points }) => {
    const [first, last] = [points[0], points[points.length - 1]];
    const at = (point: PruningPoint): string => `${percent(mean(point.accuracies))} at ${percent(point.pruned)}`;
    return `${name} ${at(first)} and ${at(last)}`;
  });
  return figure({
    title: options.title ?? 'Accuracy against the share of pruned weights',
    alt: `Accuracy against pruned weights: ${list(said)}${dense ? `; ${dense.name} ${percent(dense.accuracy)}` : ''}.`,
    data: begun.map(({ name, points }, n) => {
      const means = points.map(({ accuracies }) => 100 * mean(accuracies));
      const several = points.some(({ accuracies }) => accuracies.length > 1);
      const bars = {
        type: 'data',
        symmetric: false,
        array: points.map(({ accuracies }, i) => 100 * Math.max(...accuracies) - means[i]),
        arrayminus: points.map(({ accuracies }, i) => means[i] - 100 * Math.min(...accuracies)),
        thickness: 1.5,
      };
      return {
        type: 'scatter',
        mode: 'lines+markers',
        name,
        x: points.map(({ pruned }) => 100 * pruned),
        y: means,
        ...(several ? { error_y: bars } : {}),
        line: { color: colour(n), dash: dash(n), width: 2 },
        hovertemplate: '%{x:.0f} % pruned: %{y:.2f} % right',
      };
    }),
    layout: {
      xaxis: axis('pruned', '% of the weights', { range: [-2, 102] }),
      yaxis: axis(`${part} accuracy`, '% of images', { rangemode: 'tozero' }),
      ...(dense ? level(100 * dense.accuracy, dense.name) : {}),
    },
    height: 420,
  });
}

/** A level line with its name at the left. */
function level(y: number, text: string): { shapes: object[]; annotations: object[] } {
  const line = { color: ink, width: 1, dash: 'dash' };
  return {
    shapes: [{ type: 'line', xref: 'paper', x0: 0, x1: 1, y0: y, y1: y, line }],
    annotations: [{ text, xref: 'paper', x: 0, xanchor: 'left', y, yanchor: 'bottom', showarrow: false }],
  };
}
