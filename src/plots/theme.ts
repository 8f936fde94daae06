/** One trace of a plotly figure: its type and that type's attributes. */
export interface Trace {
  type: string;
  name?: string;
  [attribute: string]: unknown;
}

/**
 * A plotly layout. `meta.alt` describes the figure in one or two sentences for people who cannot see it;
 * `meta.leastWidth` is the width in pixels that it needs to be legible.
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
 * Our own type is deliberately small: a notebook's compiler reads it with every cell, and plotly's own has thousands of
 * lines.
 */
export interface Figure {
  data: Trace[];
  layout: Layout;
  /** The frames of its slider's steps, if they change more than a few attributes. */
  frames?: Frame[];
}

/** One step of a slider: the changed attributes of some of the figure's traces, by index, and of its layout. */
export interface Frame {
  name: string;
  traces: number[];
  data: Record<string, unknown>[];
  layout: Record<string, unknown>;
}

/**
 * Six colours that people with any colour vision can tell apart, each with a contrast of 3 : 1 or more on white and on
 * a page's dark background: four of Okabe and Ito's, whose others are too light for white, a brown and a violet.
 */
export const palette: readonly string[] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#905448', '#9c6cf0'];

/** From closed (0, off) to open: like the palette, all of its colours are visible on white and on dark. */
export const openScale = [
  [0, palette[1]],
  [1, palette[0]],
] as const;

/** Line styles to combine with the colours if a second property has to be distinguished. */
const dashes: readonly string[] = ['solid', 'dash', 'dot', 'dashdot', 'longdash'];

/**
 * Grey that is legible on white (4.6 : 1) and on black (4.5 : 1): the figure does not know whether the page is light or
 * dark.
 */
export const ink = '#767676';
const gridColour = 'rgba(128, 128, 128, 0.22)';

/** A title that replaces a figure's default one. */
export interface Titled {
  title?: string;
}

/** The n-th colour of the palette, starting over after the last. */
export function colour(n: number): string {
  return palette[n % palette.length];
}

/** The n-th line style, starting over after the last. */
export function dash(n: number): string {
  return dashes[n % dashes.length];
}

/** Attributes of a plotly axis. */
export type Axis = Record<string, unknown>;

/**
 * A plotly axis titled `quantity (unit)`. Pure numbers have a unit too: their scale ("0 to 1"), the counted things
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

/** An axis of epochs, with about ten ticks, all at whole epochs. */
export function epochAxis(epochs: readonly number[], more: Axis = {}): Axis {
  return axis('training', 'epochs', {
    tick0: epochs.at(0) ?? 0,
    dtick: Math.max(1, Math.ceil(epochs.length / 10)),
    ...more,
  });
}

/** An axis of layers, by labels that may look like numbers. */
export function layerAxis(more: Axis = {}, unit = 'from input to output'): Axis {
  return axis('layer', unit, { type: 'category', tickfont: { size: 11 }, ...more });
}

/** An axis that only positions things: no line, no ticks, no title, no zoom. */
export function hiddenAxis(range: [number, number], more: Axis = {}): Axis {
  return { visible: false, fixedrange: true, range, ...more };
}

/** The suffix of the n-th panel's axes: `x` and `y` in traces, `xaxis` and `yaxis` in the layout. */
export function panel(n: number): string {
  return n === 0 ? '' : String(n + 1);
}

/** The domain of the n-th of several panels side by side, with a gap between them. */
export function domain(n: number, panels: number, gap: number): [from: number, to: number] {
  const size = (1 - gap * (panels - 1)) / panels;
  return [n * (size + gap), n * (size + gap) + size];
}

/** A line through points; `style` is its colour and other attributes of plotly's `line`. */
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

/** A vertical line through a whole panel: the panel of `yref`, such as `y2 domain`, or the only one. */
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

/** A horizontal line across a panel. */
export function levelLine(y: number, more: object, dash: string): object {
  return { type: 'line', xref: 'paper', x0: 0, x1: 1, y0: y, y1: y, line: { color: ink, width: 1, dash }, ...more };
}

/** Error bars, in percent, for the intervals of shares; none where there is no interval. */
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

/** The colour scale of a heat map, with its meaning. */
export function colorbar(text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    title: { text, side: more.orientation === 'h' ? 'bottom' : 'right' },
    outlinewidth: 0,
    tickcolor: ink,
    ...more,
  };
}

/**
 * Names longer than the first length would leave no space for a plot beside them; below the plot they fit in lines of
 * the second length.
 */
const [LONGEST_BESIDE, LONGEST_BELOW] = [40, 90];

const beside = { orientation: 'v', x: 1.02, xanchor: 'left', y: 1, yanchor: 'top' };
const below = { orientation: 'h', x: 0, xanchor: 'left', y: -0.2, yanchor: 'top' };

/** Combines data and layout in the style that all our figures share. */
export function figure(parts: {
  title: string;
  alt: string;
  data: Trace[];
  layout: Record<string, unknown>;
  height?: number;
  /** Whether the names of the traces stand below the figure in a row, or beside it. */
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

/** Escapes a foreign text: plotly interprets texts as a kind of HTML. */
export const asText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A list in a sentence: "a", "a and b", "a, b and c". */
export function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;
}

/** Breaks a text at spaces into lines of at most the given number of letters. */
export function inLines(text: string, letters: number): string {
  return text.replace(new RegExp(`(?=.{${letters + 1}})(.{1,${letters}}) `, 'g'), '$1<br>');
}

/**
 * Labels of layers along an axis: a function from their names to `label`, or to the whole names if two layers would
 * share a label and so a place on the axis.
 */
export function layerLabels(names: Iterable<string>, label: (name: string) => string): (name: string) => string {
  const all = [...new Set(names)];
  const tellsApart = new Set(all.map(label)).size === all.length;
  return (name) => inLines(asText(tellsApart ? label(name) : name), 30);
}

/** A layer's name without the part that all gates share: `block1_3x3_gate` becomes `block1 3x3`. */
export function layerLabel(layer: string): string {
  return layer.replace(/_gate$/, '').replaceAll('_', ' ');
}

/** A layer's name from its kernel's: `stage1_block2_first_conv/kernel` becomes `stage1 block2 first`. */
export function kernelLabel(kernel: string): string {
  return kernel.replace(/(_conv)?\/kernel$/, '').replaceAll('_', ' ');
}

/** n + 1 equally spaced numbers from start to end. */
export function grid(start: number, end: number, n: number): number[] {
  return Array.from({ length: n + 1 }, (_, i) => start + ((end - start) * i) / n);
}

/** The number of open channels (mask not 0) of some layers, and the number of all channels. */
export function openCount(...masks: Float32Array[]): { open: number; all: number } {
  const values = masks.flatMap((mask) => [...mask]);
  return { open: values.filter((value) => value !== 0).length, all: values.length };
}

/**
 * The means of at most `bins` neighbouring stretches: thins a curve of a hundred thousand steps to a size that a page
 * can hold.
 */
export function thin(values: readonly number[], bins = 400): number[] {
  if (values.length <= bins) return [...values];
  return Array.from({ length: bins }, (_, b) => {
    return mean(values.slice(Math.floor((b * values.length) / bins), Math.floor(((b + 1) * values.length) / bins)));
  });
}
