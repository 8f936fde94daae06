import { fromBase85 } from '../base85.js';
import { Figures, type Plotly } from './figures.js';

/** Unpacks plotly.js from the page and runs it; the policy of the page admits exactly this script. */
async function unpackPlotly(): Promise<Plotly> {
  const bytes = fromBase85(document.getElementById('plotly')!.textContent ?? '');
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  const script = document.createElement('script');
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  return (globalThis as unknown as { Plotly: Plotly }).Plotly;
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
