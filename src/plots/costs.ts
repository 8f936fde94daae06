import { costs, peers, type Cost } from '../experiments/sweep/comparison.js';
import type { SweepResult } from '../experiments/sweep/results.js';
import { axis, colour, figure, ink, list, number, percent, type Figure, type Titled, type Trace } from './theme.js';

const units: Readonly<Record<Cost, [unit: string, factor: number]>> = {
  'multiply_adds.left': ['millions per image', 1e-6],
  'parameters.left': ['thousands', 1e-3],
  'latency_ms.1': ['ms', 1],
  'latency_ms.128': ['ms', 1],
};

/**
 * Test accuracy against the cost of networks, with 95 % intervals: a line for each entry of a sweep, from its smallest
 * size to its largest; the peers of `comparison.ts` in grey. Up and to the left is better. Results that were not run or
 * not timed are left out, and so are entries without any result.
 */
export function accuracyAgainstCost(results: readonly SweepResult[], cost: Cost, { title }: Titled = {}): Figure {
  const [unit, factor] = units[cost];
  const there = results.filter(({ n, means }) => n > 0 && means[cost] !== undefined);
  const entries = [...new Set(results.map(({ entry = '' }) => entry))];
  const isPeer = (entry: string): boolean => Object.values<string>(peers).includes(entry);
  const methods = entries.filter((entry) => !isPeer(entry));
  const symbols = ['circle', 'square', 'diamond', 'triangle-up', 'cross', 'x'];
  const traceOf = (entry: string): Trace[] => {
    const sizes = there.filter((result) => (result.entry ?? '') === entry);
    if (sizes.length === 0) return [];
    sizes.sort((a, b) => a.means[cost] - b.means[cost]);
    const y = sizes.map(({ means }) => 100 * means['test.accuracy']);
    const i = methods.indexOf(entry);
    const grey = entry === peers.narrower ? 'circle' : entry === peers.whole ? 'star' : 'star-open';
    const color = i < 0 ? ink : colour(i);
    return [
      {
        type: 'scatter',
        mode: 'lines+markers',
        name: entry,
        x: sizes.map(({ means }) => factor * means[cost]),
        y,
        error_y: {
          type: 'data',
          symmetric: false,
          array: sizes.map(({ interval }, at) => (interval ? 100 * interval.high - y[at] : null)),
          arrayminus: sizes.map(({ interval }, at) => (interval ? y[at] - 100 * interval.low : null)),
          thickness: 1.2,
          width: 3,
        },
        text: sizes.map(({ group, n }) => `${group}, n = ${n}`),
        hovertemplate: '%{text}: %{y:.2f} % right at %{x:.4g}',
        line: { color, width: i < 0 ? 3 : 1.8, ...(i < 0 && { dash: 'dash' }) },
        marker: { color, size: 8, symbol: i < 0 ? grey : symbols[i % symbols.length] },
      },
    ];
  };
  const data = entries.flatMap(traceOf);
  const said = data.map(({ name, x, y }) => {
    const [sizes, scores] = [x as number[], y as number[]];
    const at = (i: number): string => `${percent(scores[i] / 100)} at ${number(sizes[i])}`;
    const last = sizes.length - 1;
    return `${name as string} ${last === 0 ? at(0) : `from ${at(last)} to ${at(0)}`}`;
  });
  const what = `Accuracy against ${costs[cost]}`;
  return figure({
    title: title ?? what,
    alt: said.length > 0 ? `${what} (${unit}): ${list(said)}.` : `${what}: no run is finished yet.`,
    data,
    layout: {
      xaxis: axis(costs[cost], unit, { rangemode: 'tozero' }),
      yaxis: axis('test accuracy', '% of images'),
    },
    legendBelow: true,
    height: 460,
  });
}
