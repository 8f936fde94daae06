import { fromBase85 } from '../base85.js';
import type { Plotly } from './figures.js';

/** Until the whole page is there: what it carries packed stands behind its scripts. */
export const parsed = (): Promise<void> =>
  new Promise((resolve) => {
    if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', () => resolve());
    else resolve();
  });

/**
 * What the page carries packed in an element: gzipped, as letters; or as the file of its site that the element names.
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

/** Unpacks a script from the page and runs it; the policy of the page admits exactly those that it carries. */
export async function unpackScript(element: HTMLElement): Promise<void> {
  const script = document.createElement('script');
  script.textContent = await (await unpack(element)).text();
  document.head.append(script);
}

/** Brings plotly.js from the page. */
export async function unpackPlotly(): Promise<Plotly> {
  await unpackScript(document.getElementById('plotly')!);
  return (globalThis as unknown as { Plotly: Plotly }).Plotly;
}
