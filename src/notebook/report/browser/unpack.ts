import { fromBase85 } from '../base85.js';
import type { Plotly } from './figures.js';

/** What the page carries packed in an element: gzipped, as letters. */
export function unpack(element: Element): Response {
  const bytes = fromBase85(element.textContent ?? '');
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')));
}

/** Unpacks plotly.js from the page and runs it; the policy of the page admits exactly this script. */
export async function unpackPlotly(): Promise<Plotly> {
  const script = document.createElement('script');
  script.textContent = await unpack(document.getElementById('plotly')!).text();
  document.head.append(script);
  return (globalThis as unknown as { Plotly: Plotly }).Plotly;
}
