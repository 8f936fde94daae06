import type { Figure } from '../../plots/index.js';
import type { Bundle } from './kernelOutput.js';
import { renderPng, type PngOptions } from './renderPng.js';

/** A figure as one output in several forms: interactive (plotly), a sentence of text and, unless `picture` is null, a PNG. */
export function figureBundle({ data, layout }: Figure, picture: PngOptions | null): Bundle {
  const bundle: Bundle = {
    'application/vnd.plotly.v1+json': { data, layout, config: { responsive: true, displaylogo: false } },
    'text/plain': `${layout.title.text}. ${layout.meta.alt}`,
  };
  if (picture) {
    try {
      bundle['image/png'] = renderPng({ data, layout }, picture).toString('base64');
    } catch (error) {
      process.emitWarning(`the figure "${layout.title.text}" is shown without a picture: ${String(error)}`);
    }
  }
  return bundle;
}
