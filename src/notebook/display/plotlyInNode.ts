import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Resvg } from '@resvg/resvg-js';
import { giveBoxes } from './boxes.js';
import { giveCanvas } from './canvas.js';
import { emptyWindow, type Element, type Window } from './jsdom.js';
import { lineWidths } from './textMetrics.js';

/** The part of plotly that draws pictures. */
export interface Plotly {
  /** Draws into an element. Without images to fetch, all is drawn when it returns. */
  newPlot(element: Element, data: unknown, layout: unknown, config?: unknown): Promise<Element>;
  Snapshot: { toSVG(element: Element, format: 'svg'): string };
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

let loaded: PlotlyInNode | undefined;

/** Loads jsdom, resvg and plotly on the first call (one to two seconds); every later call gets the same. */
export function plotlyInNode(): PlotlyInNode {
  loaded ??= load();
  return loaded;
}

function load(): PlotlyInNode {
  const require = createRequire(import.meta.url);
  const resvg = require('@resvg/resvg-js') as { Resvg: typeof Resvg };
  const window = emptyWindow();
  window.URL.createObjectURL = () => 'blob:none';
  giveCanvas(window);
  giveBoxes(window, lineWidths(resvg.Resvg));
  window.eval(readFileSync(require.resolve('plotly.js-dist'), 'utf8'));
  const { Plotly: plotly } = window as unknown as { Plotly: Plotly };
  return { plotly, document: window.document, Resvg: resvg.Resvg };
}
