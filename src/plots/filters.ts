import {
  axis,
  colorbar,
  colour,
  domain,
  figure,
  hiddenAxis,
  ink,
  layerLabel,
  list,
  note,
  number,
  openScale,
  panel,
  verticalLine,
} from './theme.js';
import type { Figure, Titled } from './theme.js';
import { randomScore, rankFilters } from '../sparsity/orthogonality.js';
import type { NamedScores, RankOptions, ReprRanking } from '../sparsity/orthogonality.js';
import { named, type HistoryOf } from './repr.js';

/**
 * The prunings of a run: for each pruning, which filters of each layer stayed on (1) and which went off (0), as '1101'.
 */
export interface Prunings {
  prunings: readonly { filters: Readonly<Record<string, string>> }[];
}

/**
 * Which filters went off at each pruning: filters from input to output along the axis, prunings from top to bottom, a
 * panel for each run.
 */
export function filterMap(runs: readonly HistoryOf<Prunings>[], options: Titled = {}): Figure {
  const records = named(runs);
  const layers = Object.entries(records.at(0)?.prunings.at(0)?.filters ?? {});
  const ends = layers.map((_, l) => layers.slice(0, l + 1).reduce((sum, [, filters]) => sum + filters.length, 0));
  const total = ends.at(-1) ?? 0;
  const height = (n: number): [number, number] => domain(records.length - 1 - n, records.length, 0.12);
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
      yaxis: `y${panel(n)}`,
      x: Array.from({ length: total }, (_, f) => f + 1),
      y: prunings.map((_, stage) => stage + 1),
      z: prunings.map(({ filters }) => layers.flatMap(([layer]) => [...filters[layer]].map(Number))),
      zmin: 0,
      zmax: 1,
      xgap: 1,
      ygap: 2,
      colorscale: [
        [0, colour(1)],
        [1, `${colour(0)}26`],
      ],
      showscale: false,
      hovertemplate: 'pruning %{y}, filter %{x}<extra></extra>',
    })),
    layout: {
      xaxis: axis('filter', 'from input to output', {
        anchor: `y${panel(Math.max(0, records.length - 1))}`,
        range: [0.5, total + 0.5],
        showgrid: false,
        tickvals: layers.map(([, filters], l) => ends[l] - filters.length / 2 + 0.5),
        ticktext: layers.map(([layer, filters]) => `${layerLabel(layer)}<br>${filters.length} filters`),
      }),
      ...Object.fromEntries(
        records.map((_, n) => [
          `yaxis${panel(n)}`,
          axis('pruning', 'number', {
            domain: height(n),
            autorange: 'reversed',
            dtick: 1,
            showgrid: false,
          }),
        ]),
      ),
      shapes: records.flatMap((_, n) =>
        ends.slice(0, -1).map((end) => verticalLine(end + 0.5, { width: 1.5 }, `y${panel(n)} domain`)),
      ),
      annotations: records.map(({ run }, n) =>
        note(`${run} (orange: off)`, 0, height(n)[1], { xanchor: 'left', yanchor: 'bottom' }),
      ),
      margin: { l: 64, r: 24, t: 72, b: 56 },
    },
    height: 150 + 130 * records.length,
  });
}

const rankings: Record<ReprRanking, string> = {
  global: 'global',
  perLayer: 'per layer',
  depthNormalised: 'depth-normalised',
};

/**
 * Every filter's orthogonality score, by layer, once for each ranking rule; filters that the rule would prune are
 * filled points. The bar in each layer is the average score of random filters of the same length.
 */
export function filterScores(
  layers: readonly NamedScores[],
  options: Pick<RankOptions, 'prune_ratio' | 'reverse'> & Titled,
): Figure {
  const { title = 'Which filters each rule prunes', ...rank } = options;
  const rules = Object.keys(rankings) as ReprRanking[];
  const chosen = rules.map((ranking) => rankFilters(layers, { ...rank, ranking }));
  /** The position of a filter: rules in groups, layers side by side, filters spread out within their layer. */
  const place = (rule: number, layer: number, f: number): number =>
    rule * (layers.length + 1) + layer + 0.7 * ((f + 0.5) / layers[layer].scores.length - 0.5);
  const filters = rules.flatMap((_, rule) =>
    layers.flatMap(({ scores }, l) =>
      scores.map((score, f) => ({ x: place(rule, l, f), score, pruned: chosen[rule][l][f] })),
    ),
  );
  const points = (pruned: boolean) => {
    const of = filters.filter((filter) => filter.pruned === pruned);
    return {
      type: 'scatter',
      mode: 'markers',
      name: pruned ? 'pruned' : 'kept',
      x: of.map(({ x }) => x),
      y: of.map(({ score }) => score),
      marker: { color: colour(pruned ? 1 : 0), size: 6, symbol: pruned ? 'circle' : 'circle-open', line: { width: 1 } },
      hovertemplate: 'score %{y:.3f}',
    };
  };
  const said = rules.map((ranking, rule) => {
    const counts = chosen[rule].map((flags) => flags.filter(Boolean).length);
    return `${rankings[ranking]}: ${list(layers.map(({ layer }, l) => `${counts[l]} in ${layerLabel(layer)}`))}`;
  });
  return figure({
    title,
    alt: `Filters that each ranking rule would prune. ${said.join('; ')}.`,
    data: [points(true), points(false)],
    layout: {
      xaxis: hiddenAxis([-0.7, rules.length * (layers.length + 1) - 1.3]),
      yaxis: axis('overlap', 'score, 0 is orthogonal', { rangemode: 'tozero' }),
      shapes: rules.flatMap((_, rule) =>
        layers.map((layer, l) => ({
          type: 'line',
          x0: place(rule, l, 0) - 0.05,
          x1: place(rule, l, layer.scores.length - 1) + 0.05,
          y0: randomScore(layer),
          y1: randomScore(layer),
          line: { color: ink, width: 2 },
        })),
      ),
      annotations: rules.flatMap((ranking, rule) => {
        const label = (text: string, x: number, y: number, size = 13) => ({
          ...note(text, x, y, { xref: 'x' }),
          font: { size },
        });
        const middle = rule * (layers.length + 1) + (layers.length - 1) / 2;
        return [
          label(`<b>${rankings[ranking]}</b>`, middle, 1.07),
          ...layers.map(({ layer }, l) =>
            label(layerLabel(layer).replace(' conv', ''), rule * (layers.length + 1) + l, -0.07, 10),
          ),
        ];
      }),
    },
    legendBelow: true,
    height: 440,
  });
}

/** The cosines between the filters of each layer at one moment, and the moment's name. */
export interface GramMoment {
  name: string;
  /** For each layer, row by row: entry [a][b] is the cosine between filters a and b. */
  cosines: Readonly<Record<string, readonly (readonly number[])[]>>;
}

function numbersOf({ cosines }: GramMoment, layer: string): number[] {
  return (cosines[layer] ?? []).map((_, f) => f + 1);
}

/** The mean of |cos| over pairs of different filters that are not 0. */
function meanOverlap(cosines: readonly (readonly number[])[]): number {
  const pairs = cosines.flatMap((row, a) => row.slice(0, a).filter((_, b) => cosines[a][a] > 0 && cosines[b][b] > 0));
  return pairs.reduce((sum, cosine) => sum + Math.abs(cosine), 0) / Math.max(1, pairs.length);
}

/**
 * The Gram matrices |W W^T| of each layer's normalised filters, layers from top to bottom, moments from left to right:
 * the overlap of each pair of filters, 0 for orthogonal. The diagonal is left blank; a filter that is off shows as a
 * cross of zeros.
 */
export function gramMatrices(moments: readonly GramMoment[], options: Titled = {}): Figure {
  const layers = Object.keys(moments.at(0)?.cosines ?? {});
  const panels = layers.flatMap((layer, row) => moments.map((moment, column) => ({ layer, row, moment, column })));
  const layout: Record<string, unknown> = {};
  panels.forEach(({ layer, row, moment, column }, n) => {
    const [x, y] = [`x${panel(n)}`, `y${panel(n)}`];
    const filters = numbersOf(moment, layer).length;
    const square = { showgrid: false, dtick: Math.max(1, Math.round(filters / 4)), constrain: 'domain' };
    layout[`xaxis${panel(n)}`] = axis('filter', 'number', {
      ...square,
      domain: domain(column, moments.length, 0.08),
      anchor: y,
      ...(row < layers.length - 1 ? { title: { text: '' }, showticklabels: false } : {}),
    });
    layout[`yaxis${panel(n)}`] = axis(layerLabel(layer), 'filter number', {
      ...square,
      domain: domain(layers.length - 1 - row, layers.length, 0.06),
      anchor: x,
      autorange: 'reversed',
      scaleanchor: x,
      ...(column > 0 ? { title: { text: '' }, showticklabels: false } : {}),
    });
  });
  const said = moments.map(
    ({ name, cosines }) =>
      `${name}: ${list(layers.map((layer) => `${number(meanOverlap(cosines[layer] ?? []))} in ${layerLabel(layer)}`))}`,
  );
  return figure({
    title: options.title ?? 'Overlap of filters',
    alt: `Mean |cosine| of two filters of a layer. ${said.join('. ')}.`,
    data: panels.map(({ layer, moment }, n) => ({
      type: 'heatmap',
      xaxis: `x${panel(n)}`,
      yaxis: `y${panel(n)}`,
      x: numbersOf(moment, layer),
      y: numbersOf(moment, layer),
      z: (moment.cosines[layer] ?? []).map((row, a) => row.map((c, b) => (a === b ? null : Math.abs(c)))),
      xgap: 1,
      ygap: 1,
      zmin: 0,
      zmax: 0.5,
      colorscale: openScale,
      hovertemplate: 'filters %{y} and %{x}: |cos| %{z:.2f}<extra></extra>',
      ...(n === 0 ? { colorbar: colorbar('|cos| (0 is orthogonal)') } : { showscale: false }),
    })),
    layout: {
      ...layout,
      annotations: moments.map(({ name }, column) => {
        const [from, to] = domain(column, moments.length, 0.08);
        return note(name, (from + to) / 2, 1.01, { yanchor: 'bottom', xanchor: 'center' });
      }),
      margin: { l: 72, r: 24, t: 72, b: 56 },
    },
    height: 130 + Math.round(layers.length * (600 / Math.max(1, moments.length) + 45)),
  });
}
