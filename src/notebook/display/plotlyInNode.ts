import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Resvg } from '@resvg/resvg-js';
import { giveBoxes } from './boxes.js';
import { giveCanvas } from './canvas.js';
import { emptyWindow, type Element, type Window } from './jsdom.js';
import { lineWidths } from './textMetrics.js';

/** The part of plotly that draws pictures. */
export interface Plotly {
  newPlot(element: Element, data: unknown, layout: unknown, config?: unknown): Promise<Element>;
  toImage(element: Element, options: object): Promise<string>;
  purge(element: Element): void;
  /** What is wrong with a figure; undefined when nothing is. */
  validate(data: unknown, layout: unknown): { msg: string }[] | undefined;
}

/** plotly at work in a document without a browser, and the renderer for what it draws. */
export interface PlotlyInNode {
  plotly: Plotly;
  document: Window['document'];
  Resvg: typeof Resvg;
}

let loaded: Promise<PlotlyInNode> | undefined;

/** Loads jsdom, resvg and plotly on the first call (one to two seconds); every later call gets the same. */
export function plotlyInNode(): Promise<PlotlyInNode> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<PlotlyInNode> {
  const { Resvg } = await import('@resvg/resvg-js');
  const source = await readFile(createRequire(import.meta.url).resolve('plotly.js-dist'), 'utf8');
  const window = emptyWindow();
  window.URL.createObjectURL = () => 'blob:none';
  giveCanvas(window);
  giveBoxes(window, lineWidths(Resvg));
  window.eval(source);
  const { Plotly: plotly } = window as unknown as { Plotly: Plotly };
  return { plotly, document: window.document, Resvg };
}
