import type { Figure } from './figure.js';
import { axis, colour, figure, ink } from './theme.js';
import { percent } from './words.js';

/** A layer's number of output channels before and after the closed ones are cut out. */
export interface LayerWidths {
  layer: string;
  before: number;
  after: number;
}

/** The architecture that a method found: each layer's width, the full network's behind the compact one's. */
export function widthsPerLayer(widths: readonly LayerWidths[], options: { title?: string } = {}): Figure {
  const layers = widths.map(({ layer }) => layer);
  const sum = (of: 'before' | 'after') => widths.reduce((total, width) => total + width[of], 0);
  const bar = { type: 'bar', x: layers, hovertemplate: '%{y} channels' };
  return figure({
    title: options.title ?? 'Width of each layer',
    alt:
      `Channels of ${layers.length} layers before and after: ${sum('after')} of ${sum('before')} are left ` +
      `(${percent(sum('after') / sum('before'))}).`,
    data: [
      { ...bar, name: 'before', y: widths.map(({ before }) => before), marker: { color: ink, opacity: 0.4 } },
      { ...bar, name: 'after', y: widths.map(({ after }) => after), marker: { color: colour(0) }, width: 0.5 },
    ],
    layout: {
      barmode: 'overlay',
      xaxis: axis('layer', 'from input to output', {
        tickangle: layers.length > 8 ? -60 : 'auto',
        tickfont: { size: 11 },
      }),
      yaxis: axis('width', 'channels'),
    },
    height: 420,
  });
}
