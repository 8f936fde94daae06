import type { Figure } from '../../plots/theme.js';
import { encodeIndexedPng, palette } from '../../plots/png.js';
import { fontsFor } from './fonts.js';
import { plotlyInNode } from './plotlyInNode.js';
import { sizeOf, type PngOptions } from './pngOptions.js';

/**
 * Draws a figure as a PNG, dark on white, without a browser: plotly runs in jsdom and resvg paints its SVG, in about
 * 0.2 s. It returns the image, not a promise, so that a cell that ends with `show(figure)` has shown the figure when it
 * is done.
 */
export function renderPng(figure: Figure, options: PngOptions = {}): Buffer {
  const { scale = 2 } = options;
  const { width, height } = sizeOf(figure.layout, options);
  const { plotly, document, Resvg } = plotlyInNode(figure);
  const element = document.createElement('div');
  document.body.append(element);
  const { data, layout } = structuredClone(figure);
  const onPaper = { paper_bgcolor: '#fff', font: { ...(layout.font as object), color: '#333' } };
  const drawn = plotly.newPlot(element, data, { ...layout, width, height, ...onPaper }, { staticPlot: true });
  // plotly calls its listeners a moment after it has drawn, and fails if the element is gone by then.
  const clear = (): void => {
    plotly.purge(element);
    element.remove();
  };
  void drawn.then(clear, clear);
  const svg = plotly.Snapshot.toSVG(element, 'svg');
  const font = fontsFor(element.textContent ?? '');
  const image = new Resvg(forResvg(svg), { font, fitTo: { mode: 'zoom', value: scale } }).render();
  const few = palette(image.pixels);
  return few ? encodeIndexedPng(few.indices, few.colours, image.width, image.height) : image.asPng();
}

/**
 * Removes the quotes from references, which jsdom writes and resvg cannot read, and replaces the minus sign (U+2212),
 * which the sans-serif font lacks, by the en dash, which has the same length and height.
 */
function forResvg(svg: string): string {
  return svg.replaceAll(/url\('(#[^']+)'\)/g, 'url($1)').replaceAll('\u2212', '\u2013');
}
