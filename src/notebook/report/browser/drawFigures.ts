import type * as Plotly from 'plotly.js-dist';
import { Figures } from './figures.js';

/** Unpacks plotly.js from the page and runs it; the policy of the page admits exactly this script. */
async function unpackPlotly(): Promise<typeof Plotly> {
  const packed = atob(document.getElementById('plotly')!.textContent ?? '');
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  const script = document.createElement('script');
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  return (globalThis as unknown as { Plotly: typeof Plotly }).Plotly;
}

/** Draws all figures of the report, one after another. */
export async function drawFigures(): Promise<void> {
  const places = [...document.querySelectorAll<HTMLElement>('.plot')];
  if (places.length === 0) return;
  const figures = new Figures(unpackPlotly);
  for (const place of places) {
    await figures.draw(place);
    // Between two figures the page stays responsive.
    await new Promise((resolve) => setTimeout(resolve));
  }
  document.documentElement.dataset.figures = 'drawn';
}
