import { asObject } from '../../report/browser/figures.js';

/** What a figure's JSON holds. */
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

/** The lines of a figure, without those of the run before it. */
export function linesOf({ data }: FigureJson): Trace[] {
  return data.filter((trace) => isLine(trace) && !isBefore(trace));
}

/**
 * The figure with the lines of the run before behind its own, pale and named "before": in their own colours, on the
 * axes that the figure still has. A figure that did not change is as it was.
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
