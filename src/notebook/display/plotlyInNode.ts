/// <reference lib="dom" />
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Resvg } from '@resvg/resvg-js';
import { giveBoxes } from './boxes.js';
import { giveCanvas } from './canvas.js';
import { lineWidths } from './textMetrics.js';

/** The part of plotly that draws pictures. */
export interface Plotly {
  newPlot(element: HTMLElement, data: unknown, layout: unknown, config?: unknown): Promise<HTMLElement>;
  toImage(element: HTMLElement, options: object): Promise<string>;
  purge(element: HTMLElement): void;
  /** What is wrong with a figure; undefined when nothing is. */
  validate(data: unknown, layout: unknown): { msg: string }[] | undefined;
}

/** plotly at work in a document without a browser, and the renderer for what it draws. */
export interface PlotlyInNode {
  plotly: Plotly;
  document: Document;
  Resvg: typeof Resvg;
}

/** What this file uses of jsdom, whose published types the compiler inside the kernel (TypeScript 5.0) cannot parse. */
interface Jsdom {
  JSDOM: new (html: string, options: object) => { window: Window & typeof globalThis };
  VirtualConsole: new () => object;
}

let loaded: Promise<PlotlyInNode> | undefined;

/** Loads jsdom, resvg and plotly on the first call (about two seconds); every later call gets the same. */
export function plotlyInNode(): Promise<PlotlyInNode> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<PlotlyInNode> {
  const require = createRequire(import.meta.url);
  const { JSDOM, VirtualConsole } = require('jsdom') as Jsdom;
  const { Resvg } = await import('@resvg/resvg-js');
  const source = await readFile(require.resolve('plotly.js-dist'), 'utf8');
  const { window } = new JSDOM('<!doctype html><body></body>', {
    runScripts: 'outside-only',
    pretendToBeVisual: true,
    virtualConsole: new VirtualConsole(),
  });
  window.URL.createObjectURL = () => 'blob:none';
  giveCanvas(window);
  giveBoxes(window, lineWidths(Resvg));
  window.eval(source);
  const { Plotly: plotly } = window as unknown as { Plotly: Plotly };
  return { plotly, document: window.document, Resvg };
}
