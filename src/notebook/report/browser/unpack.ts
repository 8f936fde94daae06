import { fromBase85 } from '../base85.js';
import type { Plotly } from './figures.js';

/** Resolves when the whole page is parsed: its packed parts come after its scripts. */
export const parsed = (): Promise<void> =>
  new Promise((resolve) => {
    if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', () => resolve());
    else resolve();
  });

/**
 * Unpacks what the page holds gzipped in an element: as base85 text, or as the file of the site that the element names.
 */
export async function unpack(element: HTMLElement): Promise<Response> {
  const { from } = element.dataset;
  const packed = from === undefined ? new Blob([fromBase85(element.textContent ?? '')]) : await load(from);
  return new Response(packed.stream().pipeThrough(new DecompressionStream('gzip')));
}

async function load(address: string): Promise<Blob> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} cannot be loaded`);
  return answer.blob();
}

/** Unpacks a script from the page and runs it; the page's policy admits exactly the scripts that the page contains. */
export async function unpackScript(element: HTMLElement): Promise<void> {
  const script = document.createElement('script');
  script.textContent = await (await unpack(element)).text();
  document.head.append(script);
}

/** Loads plotly.js from the page. */
export async function unpackPlotly(): Promise<Plotly> {
  await unpackScript(document.getElementById('plotly')!);
  return (globalThis as unknown as { Plotly: Plotly }).Plotly;
}
