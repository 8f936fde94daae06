import type { Figure } from './figure.js';
import { axis, colour, figure } from './theme.js';
import { oneAfterAnother, versionMarks, type VersionCourse } from './versions.js';
import { list } from './words.js';

/** A layer's name without the part that every one has: `stage1_block1_first_conv` becomes `stage1 block1 first`. */
const label = (layer: string): string => layer.replace(/_conv$/, '').replaceAll('_', ' ');

/**
 * Every gamma of some layers at every step that was logged, one line each, over versions one behind another. A line that
 * ends at a version's beginning is of a channel that was cut out. Default: the first, the middle and the last layer.
 */
export function gammasOverSteps(
  versions: readonly VersionCourse[],
  options: { layers?: readonly string[]; title?: string } = {},
): Figure {
  const all = Object.keys(versions.at(0)?.log.at(0)?.gammas ?? {});
  const some = [...new Set([0, Math.floor(all.length / 2), all.length - 1].map((i) => all[i]))];
  const layers = options.layers ?? some.filter((layer) => layer !== undefined);
  const placed = oneAfterAnother(versions);

  /** All lines of a layer in one trace, with a gap after each: a trace for each gamma would be hundreds. */
  const linesOf = (layer: string): { x: (number | null)[]; y: (number | null)[] } => {
    const [x, y]: (number | null)[][] = [[], []];
    for (const { from, log } of placed) {
      const count = log.at(0)?.gammas[layer]?.length ?? 0;
      for (let c = 0; c < count; c++) {
        x.push(...log.map(({ step }) => from + step), null);
        y.push(...log.map(({ gammas }) => Number(gammas[layer][c].toPrecision(3))), null);
      }
    }
    return { x, y };
  };
  const end = (layer: string): string => {
    const first = versions.at(0)?.log.at(0)?.gammas[layer]?.length ?? 0;
    const last = versions.at(-1)?.log.at(-1)?.gammas[layer] ?? [];
    return `${last.filter((gamma) => gamma !== 0).length} of ${first} in ${label(layer)}`;
  };
  return figure({
    title: options.title ?? 'Every gamma, step by step',
    alt: `Gammas during training; not 0 at the end are ${list(layers.map(end))}.`,
    data: layers.map((layer, n) => ({
      type: 'scatter',
      mode: 'lines',
      name: label(layer),
      ...linesOf(layer),
      line: { color: colour(n), width: 1 },
      hovertemplate: 'step %{x}: %{y}',
    })),
    layout: {
      xaxis: axis('training', 'steps of all versions', { rangemode: 'tozero' }),
      yaxis: axis('γ', 'pure number'),
      ...versionMarks(placed),
    },
    legendBelow: true,
    height: 460,
  });
}
