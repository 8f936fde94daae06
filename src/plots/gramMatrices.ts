import type { LayerCosines } from '../experiments/index.js';
import type { Figure } from './figure.js';
import { layerLabel } from './masks.js';
import { axis, figure, ink, note } from './theme.js';
import { list, number } from './words.js';

/** The cosines between the filters of each layer at one moment, and what to call it. */
export interface GramMoment {
  name: string;
  cosines: LayerCosines;
}

/** The numbers of a layer's filters, from 1. */
function numbersOf({ cosines }: GramMoment, layer: string): number[] {
  return (cosines.get(layer) ?? []).map((_, f) => f + 1);
}

/** The mean of |cos| over pairs of different filters that are not 0. */
function meanOverlap(cosines: readonly (readonly number[])[]): number {
  const pairs = cosines.flatMap((row, a) => row.slice(0, a).filter((_, b) => cosines[a][a] > 0 && cosines[b][b] > 0));
  return pairs.reduce((sum, cosine) => sum + Math.abs(cosine), 0) / Math.max(1, pairs.length);
}

/**
 * The Gram matrices |W W^T| of each layer's normalised filters, layers from top to bottom, moments from left to right: how
 * much each pair of filters overlaps, 0 for orthogonal. The diagonal is left blank; a filter that is off leaves a dark cross.
 */
export function gramMatrices(moments: readonly GramMoment[], options: { title?: string; most?: number } = {}): Figure {
  const { title = 'Overlap of filters', most = 0.5 } = options;
  const layers = [...(moments.at(0)?.cosines.keys() ?? [])];
  const panels = layers.flatMap((layer, row) => moments.map((moment, column) => ({ layer, row, moment, column })));
  const place = (at: number, of: number, gap: number): [number, number] => {
    const size = (1 - gap * (of - 1)) / of;
    return [at * (size + gap), at * (size + gap) + size];
  };
  const suffix = (n: number): string => (n === 0 ? '' : String(n + 1));
  const layout: Record<string, unknown> = {};
  panels.forEach(({ layer, row, moment, column }, n) => {
    const [x, y] = [`x${suffix(n)}`, `y${suffix(n)}`];
    const filters = numbersOf(moment, layer).length;
    const square = { showgrid: false, dtick: Math.max(1, Math.round(filters / 4)), constrain: 'domain' };
    layout[`xaxis${suffix(n)}`] = axis('filter', 'number', {
      ...square,
      domain: place(column, moments.length, 0.08),
      anchor: y,
      ...(row < layers.length - 1 ? { title: { text: '' }, showticklabels: false } : {}),
    });
    layout[`yaxis${suffix(n)}`] = axis(layerLabel(layer), 'filter number', {
      ...square,
      domain: place(layers.length - 1 - row, layers.length, 0.06),
      anchor: x,
      autorange: 'reversed',
      scaleanchor: x,
      ...(column > 0 ? { title: { text: '' }, showticklabels: false } : {}),
    });
  });
  const said = moments.map(
    ({ name, cosines }) =>
      `${name}: ${list(layers.map((layer) => `${number(meanOverlap(cosines.get(layer) ?? []))} in ${layerLabel(layer)}`))}`,
  );
  return figure({
    title,
    alt: `Mean |cosine| of two filters of a layer. ${said.join('. ')}.`,
    data: panels.map(({ layer, moment }, n) => ({
      type: 'heatmap',
      xaxis: `x${suffix(n)}`,
      yaxis: `y${suffix(n)}`,
      x: numbersOf(moment, layer),
      y: numbersOf(moment, layer),
      z: (moment.cosines.get(layer) ?? []).map((row, a) => row.map((c, b) => (a === b ? null : Math.abs(c)))),
      xgap: 1,
      ygap: 1,
      zmin: 0,
      zmax: most,
      colorscale: 'Cividis',
      hovertemplate: 'filters %{y} and %{x}: |cos| %{z:.2f}<extra></extra>',
      ...(n === 0
        ? { colorbar: { title: { text: '|cos| (0 is orthogonal)', side: 'right' }, outlinewidth: 0, tickcolor: ink } }
        : { showscale: false }),
    })),
    layout: {
      ...layout,
      annotations: moments.map(({ name }, column) => {
        const [from, to] = place(column, moments.length, 0.08);
        return note(name, (from + to) / 2, 1.01, { yanchor: 'bottom', xanchor: 'center' });
      }),
      margin: { l: 72, r: 24, t: 72, b: 56 },
    },
    height: 130 + Math.round(layers.length * (600 / Math.max(1, moments.length) + 45)),
  });
}
