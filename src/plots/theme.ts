/** One trace of a plotly figure: its type and that type's attributes. */
export interface Trace {
  type: string;
  name?: string;
  [attribute: string]: unknown;
}

/**
 * A plotly layout. `meta.alt` says in one sentence or two what the figure shows, for those who cannot see it,
 * `meta.leastWidth` how many pixels it needs to be read.
 */
export interface Layout {
  title: { text: string; [attribute: string]: unknown };
  height: number;
  meta: { alt: string; leastWidth?: number };
  [attribute: string]: unknown;
}

/**
 * A figure as plain plotly JSON, ready for `Plotly.newPlot(element, data, layout)`.
 *
 * The type is our own and small on purpose: a notebook's compiler reads it with every cell, and plotly's runs to
 * thousands of lines.
 */
export interface Figure {
  data: Trace[];
  layout: Layout;
  /** What the steps of its slider show, where that is more than a few attributes. */
  frames?: Frame[];
}

/**
 * What a figure shows at one step of a slider: what is other in some of its traces, by their places, and in its layout.
 */
export interface Frame {
  name: string;
  traces: number[];
  data: Record<string, unknown>[];
  layout: Record<string, unknown>;
}

/**
 * Six colours that people with any colour vision tell apart, each at 3 : 1 or more on white and on a page's dark
 * ground: four of Okabe and Ito's, whose others are too light for white, a brown and a violet.
 */
export const palette: readonly string[] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#905448', '#9c6cf0'];

/** From closed (0, off) to open: both ends and all between can be seen on white and on dark, as in the palette. */
export const openScale = [
  [0, palette[1]],
  [1, palette[0]],
] as const;

/** Line styles that go with the colours where a second property has to be distinguished. */
const dashes: readonly string[] = ['solid', 'dash', 'dot', 'dashdot', 'longdash'];

/**
 * Grey that reads on white (4.6 : 1) and on black (4.5 : 1): pages are light or dark, the figure does not know which.
 */
export const ink = '#767676';
const gridColour = 'rgba(128, 128, 128, 0.22)';

/** A figure's own title in place of the usual one. */
export interface Titled {
  title?: string;
}

/** The n-th colour of the palette, beginning again after the last. */
export function colour(n: number): string {
  return palette[n % palette.length];
}

/** The n-th line style, beginning again after the last. */
export function dash(n: number): string {
  return dashes[n % dashes.length];
}

/** Attributes of a plotly axis. */
export type Axis = Record<string, unknown>;

/**
 * A plotly axis titled `quantity (unit)`. Pure numbers have a unit too: their scale ("0 to 1"), what is counted
 * ("epochs") or the base of a logarithm.
 */
export function axis(quantity: string, unit: string, more: Axis = {}): Axis {
  return {
    title: { text: `${quantity} (${unit})`, standoff: 8 },
    automargin: true,
    ...(more.showgrid === false ? {} : { gridcolor: gridColour }),
    zeroline: false,
    linecolor: ink,
    showline: true,
    ticks: 'outside',
    tickcolor: ink,
    ticklen: 4,
    ...more,
  };
}

/** An axis of epochs, with about ten ticks and none between two epochs. */
export function epochAxis(epochs: readonly number[], more: Axis = {}): Axis {
  return axis('training', 'epochs', {
    tick0: epochs.at(0) ?? 0,
    dtick: Math.max(1, Math.ceil(epochs.length / 10)),
    ...more,
  });
}

/** An axis of layers by their labels, which may look like numbers. */
export function layerAxis(more: Axis = {}, unit = 'from input to output'): Axis {
  return axis('layer', unit, { type: 'category', tickfont: { size: 11 }, ...more });
}

/** An axis that is only there to place things: no line, no ticks, no title, no zoom. */
export function hiddenAxis(range: [number, number], more: Axis = {}): Axis {
  return { visible: false, fixedrange: true, range, ...more };
}

/** The n-th panel's axes are called `x` and `y` with this behind them, and `xaxis` and `yaxis` in the layout. */
export function panel(n: number): string {
  return n === 0 ? '' : String(n + 1);
}

/** The domain of the n-th of some panels side by side, with a gap between them. */
export function domain(n: number, panels: number, gap: number): [from: number, to: number] {
  const size = (1 - gap * (panels - 1)) / panels;
  return [n * (size + gap), n * (size + gap) + size];
}

/** A line through points; `style` is its colour and what else plotly's `line` takes. */
export function curve(
  name: string,
  x: readonly unknown[],
  y: readonly unknown[],
  style: { color: string; width?: number; dash?: string },
  more: Record<string, unknown> = {},
): Trace {
  return { type: 'scatter', mode: 'lines', name, x, y, line: { width: 2, ...style }, ...more };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A text in the margin or over a panel, in paper coordinates: 0 to 1 from left to right and from bottom to top. */
export function note(text: string, x: number, y: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { text, x, y, xref: 'paper', yref: 'paper', showarrow: false, ...more };
}

/** A vertical line through a whole panel: that of `yref`, such as `y2 domain`, or the only one. */
export function verticalLine(x: number, line: object, yref = 'paper'): object {
  return { type: 'line', x0: x, x1: x, yref, y0: 0, y1: 1, line: { color: ink, ...line } };
}

/** A vertical line through a whole panel, with a label at its upper end. */
export function verticalMark(x: number, text: string): { shape: object; annotation: object } {
  return {
    shape: verticalLine(x, { width: 1, dash: 'dash' }),
    annotation: { text, x, y: 1, yref: 'paper', yanchor: 'bottom', showarrow: false },
  };
}

/** A level line across a panel. */
export function levelLine(y: number, more: object, dash: string): object {
  return { type: 'line', xref: 'paper', x0: 0, x1: 1, y0: y, y1: y, line: { color: ink, width: 1, dash }, ...more };
}

/** Bars, in percent, over the intervals of shares; none where there is no interval. */
export function intervalBars(
  shares: readonly number[],
  intervals: readonly (readonly [low: number, high: number] | undefined)[],
): Record<string, unknown> {
  const reach = (bound: 0 | 1) =>
    shares.map((share, i) => {
      const interval = intervals[i];
      return interval ? Number((100 * Math.abs(interval[bound] - share)).toFixed(4)) : null;
    });
  return { type: 'data', symmetric: false, array: reach(1), arrayminus: reach(0), thickness: 1.5 };
}

/** The scale of a heat map's colours, with what they mean. */
export function colorbar(text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    title: { text, side: more.orientation === 'h' ? 'bottom' : 'right' },
    outlinewidth: 0,
    tickcolor: ink,
    ...more,
  };
}

/** Longer names than this would leave a plot beside them no space; in lines of the other length they fit below it. */
const [LONGEST_BESIDE, LONGEST_BELOW] = [40, 90];

const beside = { orientation: 'v', x: 1.02, xanchor: 'left', y: 1, yanchor: 'top' };
const below = { orientation: 'h', x: 0, xanchor: 'left', y: -0.2, yanchor: 'top' };

/** Puts data and layout together in the one look that all our figures share. */
export function figure(parts: {
  title: string;
  alt: string;
  data: Trace[];
  layout: Record<string, unknown>;
  height?: number;
  /** Where the names of the traces stand: beside the figure, or below it in a row. */
  legendBelow?: boolean;
  leastWidth?: number;
}): Figure {
  const names = parts.data.flatMap(({ name, showlegend }) =>
    name === undefined || showlegend === false ? [] : [name],
  );
  const rows = names.some((name) => name.length > LONGEST_BESIDE)
    ? names.map((name) => inLines(name, LONGEST_BELOW).split('<br>').length)
    : [];
  const layout: Layout = {
    font: { family: 'KaTeX_SansSerif, "Helvetica Neue", Helvetica, Arial, sans-serif', size: 13, color: ink },
    colorway: [...palette],
    paper_bgcolor: 'rgba(0, 0, 0, 0)',
    plot_bgcolor: 'rgba(0, 0, 0, 0)',
    margin: { l: 64, r: 24, t: 56, b: 56 },
    ...(names.length > 0 && { showlegend: true, legend: parts.legendBelow || rows.length > 0 ? below : beside }),
    hovermode: 'closest',
    ...parts.layout,
    title: { text: parts.title, x: 0.02, xanchor: 'left', font: { size: 16 } },
    height: (parts.height ?? 380) + 20 * rows.reduce((sum, lines) => sum + lines, 0),
    meta: { alt: parts.alt, ...(parts.leastWidth !== undefined && { leastWidth: parts.leastWidth }) },
  };
  const data = parts.data.map((trace) =>
    rows.length > 0 && trace.name !== undefined ? { ...trace, name: inLines(trace.name, LONGEST_BELOW) } : trace,
  );
  return { data, layout };
}

/** A number for people: three significant digits, no trailing zeros, whole numbers in full, a true minus sign. */
export function number(value: number): string {
  const text = Number.isInteger(value) ? value.toLocaleString('en-US') : String(Number(value.toPrecision(3)));
  return text.replace('-', '−');
}

/** A share as a percentage with one decimal: 0.1234 becomes "12.3 %". */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A foreign text, escaped: plotly reads texts as a kind of HTML. */
export const asText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A list in a sentence: "a", "a and b", "a, b and c". */
export function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;
}

/** A text in lines of at most so many letters, broken where it has spaces. */
export function inLines(text: string, letters: number): string {
  return text.replace(new RegExp(`(?=.{${letters + 1}})(.{1,${letters}}) `, 'g'), '$1<br>');
}

/**
 * What layers are called along an axis: a function from their names to `label`, or to the whole names where two would
 * have one label, and so one place.
 */
export function layerLabels(names: Iterable<string>, label: (name: string) => string): (name: string) => string {
  const all = [...new Set(names)];
  const tellsApart = new Set(all.map(label)).size === all.length;
  return (name) => inLines(asText(tellsApart ? label(name) : name), 30);
}

/** A layer's name without the part that every gate has: `block1_3x3_gate` becomes `block1 3x3`. */
export function layerLabel(layer: string): string {
  return layer.replace(/_gate$/, '').replaceAll('_', ' ');
}

/** A layer's name from its kernel's: `stage1_block2_first_conv/kernel` becomes `stage1 block2 first`. */
export function kernelLabel(kernel: string): string {
  return kernel.replace(/(_conv)?\/kernel$/, '').replaceAll('_', ' ');
}

/** n + 1 numbers from start to end, at equal distances. */
export function grid(start: number, end: number, n: number): number[] {
  return Array.from({ length: n + 1 }, (_, i) => start + ((end - start) * i) / n);
}

/** How many channels of some layers are open (mask not 0), and how many there are. */
export function openCount(...masks: Float32Array[]): { open: number; all: number } {
  const values = masks.flatMap((mask) => [...mask]);
  return { open: values.filter((value) => value !== 0).length, all: values.length };
}

/** The means of at most `bins` neighbouring stretches: a curve of a hundred thousand steps that a page can hold. */
export function thin(values: readonly number[], bins = 400): number[] {
  if (values.length <= bins) return [...values];
  return Array.from({ length: bins }, (_, b) => {
    return mean(values.slice(Math.floor((b * values.length) / bins), Math.floor(((b + 1) * values.length) / bins)));
  });
}
