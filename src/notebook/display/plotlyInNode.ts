import { createRequire } from 'node:module';
import type { Context } from 'node:vm';
import type { Resvg } from '@resvg/resvg-js';
import { runScript } from '../../platform/compileCache.js';
import type { Figure } from '../../plots/theme.js';
import { cartesianTraces } from '../cartesianTraces.js';
import { lineWidths } from './fonts.js';
import { type Element, giveBoxes, giveCanvas, type Window } from './jsdomDrawing.js';

/** The part of plotly that draws images. */
export interface Plotly {
  /** Draws into an element. If there are no images to fetch, everything is drawn when it returns. */
  newPlot(element: Element, data: unknown, layout: unknown, config?: unknown): Promise<Element>;
  Snapshot: { toSVG(element: Element, format: 'svg'): string };
  purge(element: Element): void;
  /** Returns what is wrong with a figure; undefined if nothing is. */
  validate(data: unknown, layout: unknown): { msg: string }[] | undefined;
}

let flat: ReturnType<typeof load> | undefined;
let every: ReturnType<typeof load> | undefined;

/**
 * Loads jsdom, resvg and plotly on the first call (about a second); every later call gets the same. If the figure has
 * only `cartesianTraces`, plotly is the bundle for these, which starts in half the time.
 */
export function plotlyInNode({ data }: Pick<Figure, 'data'>): ReturnType<typeof load> {
  const isFlat = data.every(({ type }) => cartesianTraces.has(typeof type === 'string' ? type : 'scatter'));
  if (isFlat && !every) return (flat ??= load('plotly.js-cartesian-dist-min'));
  return (every ??= load('plotly.js-dist'));
}

/** Starts plotly in a document without a browser, and loads the renderer for the SVG that it draws. */
function load(bundle: string): { plotly: Plotly; document: Window['document']; Resvg: typeof Resvg } {
  const require = createRequire(import.meta.url);
  const resvg = require('@resvg/resvg-js') as { Resvg: typeof Resvg };
  const { window, context } = emptyWindow();
  window.URL.createObjectURL = () => 'blob:none';
  giveCanvas(window);
  giveBoxes(window, lineWidths(resvg.Resvg));
  runScript(require.resolve(bundle), context);
  const { Plotly: plotly } = window as unknown as { Plotly: Plotly };
  return { plotly, document: window.document, Resvg: resvg.Resvg };
}

interface Jsdom {
  JSDOM: new (html: string, options: object) => { window: Window; getInternalVMContext(): Context };
  VirtualConsole: new () => object;
}

/** Creates an empty document in which our scripts can run; their console output is dropped. */
function emptyWindow(): { window: Window; context: Context } {
  // jsdom takes half a second to load, so it is loaded only when something is drawn.
  const { JSDOM, VirtualConsole } = createRequire(import.meta.url)('jsdom') as Jsdom;
  const options = { runScripts: 'outside-only', pretendToBeVisual: true, virtualConsole: new VirtualConsole() };
  const dom = new JSDOM('<!doctype html><body></body>', options);
  return { window: dom.window, context: dom.getInternalVMContext() };
}
