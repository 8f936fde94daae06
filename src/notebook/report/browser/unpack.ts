import { fromBase85 } from '../base85.js';
import type { Plotly } from './figures.js';

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

/** Unpacks plotly.js from the page and runs it; the policy of the page admits exactly this script. */
export async function unpackPlotly(): Promise<Plotly> {
  const script = document.createElement('script');
  script.textContent = await (await unpack(document.getElementById('plotly')!)).text();
  document.head.append(script);
  return (globalThis as unknown as { Plotly: Plotly }).Plotly;
}
