import {
  rankFilters,
  type LayerScores,
  type NamedScores,
  type RankOptions,
  type ReprRanking,
} from '../sparsity/index.js';
import type { Figure } from './figure.js';
import { layerLabel } from './masks.js';
import { axis, colour, figure, hiddenAxis, ink } from './theme.js';
import { list } from './words.js';

const rankings: Record<ReprRanking, string> = {
  global: 'global',
  perLayer: 'per layer',
  depthNormalised: 'depth-normalised',
};

/**
 * Every filter's orthogonality score, layer by layer, once for each ranking rule, with the filters that the rule would prune
 * filled. The bar in each layer is what random filters of its length score on average.
 */
export function filterScores(
  layers: readonly NamedScores[],
  options: Pick<RankOptions, 'prune_ratio' | 'reverse'> & { title?: string },
): Figure {
  const { title = 'Which filters each rule prunes', ...rank } = options;
  const rules = Object.keys(rankings) as ReprRanking[];
  const chosen = rules.map((ranking) => rankFilters(layers, { ...rank, ranking }));
  /** Where a filter stands: rules in groups, layers side by side, filters spread out within their layer. */
  const place = (rule: number, layer: number, f: number): number =>
    rule * (layers.length + 1) + layer + 0.7 * ((f + 0.5) / layers[layer].scores.length - 0.5);
  const random = ({ scores, fanIn }: LayerScores): number => (1 - 1 / scores.length) * Math.sqrt(2 / (Math.PI * fanIn));
  const points = (pruned: boolean) => ({
    type: 'scatter',
    mode: 'markers',
    name: pruned ? 'pruned' : 'kept',
    ...Object.fromEntries(
      (['x', 'y'] as const).map((of) => [
        of,
        rules.flatMap((_, rule) =>
          layers.flatMap(({ scores }, l) =>
            scores.flatMap((score, f) =>
              chosen[rule][l][f] === pruned ? [of === 'x' ? place(rule, l, f) : score] : [],
            ),
          ),
        ),
      ]),
    ),
    marker: { color: colour(pruned ? 1 : 0), size: 6, symbol: pruned ? 'circle' : 'circle-open', line: { width: 1 } },
    hovertemplate: 'score %{y:.3f}',
  });
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
          y0: random(layer),
          y1: random(layer),
          line: { color: ink, width: 2 },
        })),
      ),
      annotations: rules.flatMap((ranking, rule) => {
        const label = (text: string, x: number, y: number) => ({ text, x, y, yref: 'paper', showarrow: false });
        const middle = rule * (layers.length + 1) + (layers.length - 1) / 2;
        return [
          label(`<b>${rankings[ranking]}</b>`, middle, 1.07),
          ...layers.map(({ layer }, l) =>
            label(layerLabel(layer).replace(' conv', ''), rule * (layers.length + 1) + l, -0.07),
          ),
        ];
      }),
    },
    height: 420,
  });
}
