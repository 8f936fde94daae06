import type { ReprRecord } from '../experiments/index.js';
import type { Figure } from './figure.js';
import { layerLabel } from './masks.js';
import { axis, colour, figure, ink, note } from './theme.js';
import { list } from './words.js';

/**
 * Which filters went off at each pruning: filters from input to output along the axis, prunings from top to bottom, a panel
 * for each run.
 */
export function filterMap(
  records: readonly Pick<ReprRecord, 'run' | 'prunings'>[],
  options: { title?: string } = {},
): Figure {
  const layers = Object.entries(records.at(0)?.prunings.at(0)?.filters ?? {});
  const ends = layers.map((_, l) => layers.slice(0, l + 1).reduce((sum, [, filters]) => sum + filters.length, 0));
  const total = ends.at(-1) ?? 0;
  const suffix = (n: number): string => (n === 0 ? '' : String(n + 1));
  const size = (1 - 0.12 * (records.length - 1)) / Math.max(1, records.length);
  const top = (n: number): number => 1 - n * (size + 0.12);
  const said = records.map(({ run, prunings }) => {
    const off = layers.map(([layer]) =>
      prunings.flatMap(({ filters }) => [...filters[layer]]).filter((on) => on === '0'),
    );
    return `${run}: ${list(layers.map(([layer], l) => `${off[l].length} in ${layerLabel(layer)}`))}`;
  });
  return figure({
    title: options.title ?? 'Filters on and off',
    alt: `Filters that went off, all prunings together. ${said.join('. ')}.`,
    data: records.map(({ prunings }, n) => ({
      type: 'heatmap',
      xaxis: 'x',
      yaxis: `y${suffix(n)}`,
      x: Array.from({ length: total }, (_, f) => f + 1),
      y: prunings.map((_, stage) => stage + 1),
      z: prunings.map(({ filters }) => layers.flatMap(([layer]) => [...filters[layer]].map(Number))),
      zmin: 0,
      zmax: 1,
      xgap: 1,
      ygap: 2,
      colorscale: [
        [0, colour(1)],
        [1, `${colour(0)}40`],
      ],
      showscale: false,
      hovertemplate: 'pruning %{y}, filter %{x}<extra></extra>',
    })),
    layout: {
      xaxis: axis('filter', 'from input to output', {
        anchor: `y${suffix(Math.max(0, records.length - 1))}`,
        range: [0.5, total + 0.5],
        showgrid: false,
        tickvals: layers.map(([, filters], l) => ends[l] - filters.length / 2 + 0.5),
        ticktext: layers.map(([layer, filters]) => `${layerLabel(layer)}, ${filters.length} filters`),
      }),
      ...Object.fromEntries(
        records.map((_, n) => [
          `yaxis${suffix(n)}`,
          axis('pruning', 'number', {
            domain: [Math.max(0, top(n) - size), top(n)],
            autorange: 'reversed',
            dtick: 1,
            showgrid: false,
          }),
        ]),
      ),
      shapes: ends.slice(0, -1).map((end) => ({
        type: 'line',
        x0: end + 0.5,
        x1: end + 0.5,
        yref: 'paper',
        y0: 0,
        y1: 1,
        line: { color: ink, width: 1.5 },
      })),
      annotations: records.map(({ run }, n) =>
        note(`${run} (orange: off)`, 0, top(n), { xanchor: 'left', yanchor: 'bottom' }),
      ),
      margin: { l: 64, r: 24, t: 72, b: 56 },
    },
    height: 150 + 130 * records.length,
  });
}
