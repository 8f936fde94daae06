import { type Figures, asObject } from '../../report/browser/figures.js';
import { whenNear } from '../../report/browser/near.js';
import { element } from './elements.js';

const JSON_SCRIPT = 'script[type="application/json"]';

let figures: Figures;

/** Sets the object that draws the page's figures; must be called before the first figure arrives. */
export function drawWith(given: Figures): void {
  figures = given;
}

const plotIn = (place: Element): HTMLElement | null => place.querySelector<HTMLElement>('.plot');

/** The JSON of the figure in a place; undefined if there is none that the page draws. */
export function figureIn(place: Element): FigureJson | undefined {
  const json = plotIn(place) && place.querySelector(JSON_SCRIPT)?.textContent;
  return json ? (JSON.parse(json) as FigureJson) : undefined;
}

/** Writes a figure's JSON; `drawFigure` draws it. */
export function writeFigure(place: Element, figure: FigureJson): void {
  place.querySelector(JSON_SCRIPT)!.textContent = JSON.stringify(figure);
}

/** Draws the figure in a place: at once if it was drawn before, else when it comes near the screen. */
export function drawFigure(place: Element): void {
  const plot = plotIn(place);
  if (!plot) return;
  if (plot.classList.contains('drawn')) void figures.draw(plot);
  else whenNear(plot, () => void figures.draw(plot));
}

/** Frees what is held for a place that leaves the page. */
export function forgetFigure(place: Element): void {
  figures.forget(place);
}

/** Copies a figure's JSON and caption into the place of a figure that is drawn; returns false if either is missing. */
export function takeFigure(place: Element, from: Element): boolean {
  const [plot, fresh] = [place, from].map(plotIn);
  if (!plot?.classList.contains('drawn') || !fresh) return false;
  plot.setAttribute('aria-label', fresh.getAttribute('aria-label') ?? '');
  for (const part of ['figcaption', JSON_SCRIPT]) {
    place.querySelector(part)!.replaceWith(from.querySelector(part)!.cloneNode(true));
  }
  return true;
}

/** A new place with a copy of another place's figure, not drawn yet. */
export function copyOfFigure(place: Element): HTMLElement {
  const plot = element('div', { class: 'plot', role: 'img', 'aria-label': plotIn(place)!.getAttribute('aria-label')! });
  const [caption, json] = ['figcaption', JSON_SCRIPT].map((part) => place.querySelector(part)!.cloneNode(true));
  return element('figure', { class: 'figure' }, caption, element('div', { class: 'scroll' }, plot), json);
}

/** The JSON of a figure. */
export interface FigureJson {
  data: Trace[];
  layout?: Record<string, unknown>;
}

type Trace = Record<string, unknown>;

/** Marks a trace that the page has added. */
const BEFORE = 'before';

const isBefore = ({ meta }: Trace): boolean => meta === BEFORE;

const isLine = ({ type = 'scatter', mode = 'lines' }: Trace): boolean =>
  (type === 'scatter' || type === 'scattergl') && typeof mode === 'string' && mode.includes('lines');

const axesOf = ({ xaxis = 'x', yaxis = 'y' }: Trace): string => `${String(xaxis)} ${String(yaxis)}`;

/** The lines of a figure, without those of the previous run. */
export function linesOf({ data }: FigureJson): Trace[] {
  return data.filter((trace) => isLine(trace) && !isBefore(trace));
}

/**
 * The figure with the previous run's lines behind its own, pale and named "before": in their own colours, on the axes
 * that the figure still has. A figure whose lines did not change gets none.
 */
export function withBefore(figure: FigureJson, before: Trace[]): FigureJson {
  const own = figure.data.filter((trace) => !isBefore(trace));
  const lines = own.filter(isLine);
  const axes = new Set(lines.map(axesOf));
  const shown = before.filter((trace) => axes.has(axesOf(trace)));
  const points = (traces: Trace[]): string => JSON.stringify(traces.map(({ x, y }) => [x, y]));
  if (points(lines) === points(shown)) return { ...figure, data: own };
  return { ...figure, data: [...own, ...shown.map((trace, index) => pale(trace, index === 0))] };
}

function pale({ type, x, y, xaxis, yaxis, line, marker }: Trace, first: boolean): Trace {
  const { color = asObject(marker).color, shape } = asObject(line);
  return {
    ...{ type, x, y, xaxis, yaxis, meta: BEFORE, mode: 'lines' },
    line: { width: 1.5, shape, color: typeof color === 'string' ? color : '#8b919b' },
    opacity: 0.5,
    name: BEFORE,
    legendgroup: BEFORE,
    showlegend: first,
    hoverinfo: 'skip',
    zorder: -1,
  };
}
