import {
  accuracyOf,
  layerCount,
  lineOf,
  overSeeds,
  sizeOf,
  stopsOf,
  validationOf,
} from '../experiments/results/stops.js';
import type { ExploredSweep, LayerCount, Line, SeedMean, Size, Stop } from '../experiments/results/stops.js';
import {
  asText,
  axis,
  colour,
  curve,
  epochAxis,
  figure,
  hiddenAxis,
  ink,
  intervalBars,
  kernelLabel,
  layerAxis,
  layerLabels,
  list,
  mean,
  number,
} from './theme.js';
import type { Figure, Titled, Trace } from './theme.js';

/** The stops of `sweepExplorer`'s slider, and its title. */
export interface SweepExplorerOptions extends Titled {
  /** The stops of the slider: names of groups of runs, such as `tune 10`. Default: all groups. */
  groups?: readonly string[];
}

/** A trace, a part of which changes from stop to stop. */
interface MovingTrace {
  trace: Trace;
  at: (stop: Stop) => Record<string, unknown>;
}

const inPercent = (share: number): number => Number((100 * share).toFixed(1));

/** A point without coordinates replaces missing values: plotly would omit a trace without points. */
const orNowhere = <T>(values: readonly T[]): readonly (T | null)[] => (values.length > 0 ? values : [null]);

const pointsOf = (line: Line): Record<string, unknown> => ({
  x: orNowhere(line.map(({ epoch }) => epoch)),
  y: orNowhere(line.map(({ of }) => inPercent(of.mean))),
});

/** Error bars without caps, which would also appear where there is no interval. */
const barsOf = (shares: readonly (SeedMean | undefined)[]): Record<string, unknown> => ({
  ...intervalBars(
    shares.map((share) => share?.mean ?? 0),
    shares.map((share) => share?.interval),
  ),
  width: 0,
});

/** The intervals along a line as the outline of an area. */
function bandOf(line: Line): Record<string, unknown> {
  const known = line.flatMap(({ epoch, of: { interval } }) => (interval ? [{ epoch, interval }] : []));
  const back = known.toReversed();
  return {
    x: orNowhere([...known, ...back].map(({ epoch }) => epoch)),
    y: orNowhere(
      [...known.map(({ interval }) => interval[1]), ...back.map(({ interval }) => interval[0])].map(inPercent),
    ),
  };
}

const notInFile = 'not in this file';

/** A share as text: 98.9 % [98.1, 99.4]. */
function inWords({ mean, interval }: SeedMean): string {
  return `${inPercent(mean)} %${interval ? ` [${interval.map(inPercent).join(', ')}]` : ''}`;
}

/** The results of a stop, one sentence per line; missing ones are listed as such. */
function linesOf(stop: Stop, setting: string | undefined, { what, layers }: LayerCount): string[] {
  const { records, missing, label, runs } = stop;
  const name = setting === undefined ? label : `${setting} = ${label}`;
  const n = records.length;
  if (n === 0) return [name, missing ?? 'not run'];
  const accuracy = accuracyOf(stop);
  const absent = [
    ...(records.some((run) => layers(run) !== undefined) ? [] : [`${what} by layer`]),
    ...(records.some(({ history }) => history) ? [] : ['curves']),
  ];
  const size = (of: Size, count: (left: number) => string): string => {
    const share = sizeOf(stop, of);
    return share
      ? `${count(mean(records.flatMap(({ [of]: size }) => size?.left ?? [])))} = ${inWords(share)}`
      : notInFile;
  };
  return [
    name,
    `${n} run${n === 1 ? '' : 's'}${missing === undefined ? '' : ` of ${runs} (${missing})`}, ` +
      (n < 3 ? 'no interval over seeds' : 'means and 95 % intervals'),
    `test accuracy ${accuracy ? inWords(accuracy) : notInFile}`,
    `parameters ${size('parameters', (left) => number(Math.round(left)))}`,
    `multiply-adds ${size('multiply_adds', (left) => `${number(left / 1e6)} million`)}`,
    ...(absent.length > 0 ? [`${notInFile}: ${list(absent)}`] : []),
  ];
}

/**
 * The lines of a stop. They are a trace, because texts in the layout would make plotly redraw all axes at each step.
 */
function linesPanel(linesAt: (stop: Stop) => string[]): MovingTrace {
  return {
    trace: {
      ...{ type: 'scatter', mode: 'text', xaxis: 'x4', yaxis: 'y4', x: [0], y: [1], textposition: 'bottom right' },
      ...{ showlegend: false, hoverinfo: 'skip', cliponaxis: false },
    },
    at: (stop) => {
      const [name, ...lines] = linesAt(stop).map(asText);
      return { text: [[`<b>${name}</b>`, ...lines].join('<br>')] };
    },
  };
}

/** The remaining share of each layer, one bar per layer. */
function layersPanel(kernels: readonly string[], { what, layers }: LayerCount): MovingTrace {
  return {
    trace: {
      type: 'bar',
      orientation: 'h',
      y: orNowhere(kernels.map(layerLabels(kernels, kernelLabel))),
      marker: { color: colour(0) },
      showlegend: false,
      hovertemplate: `%{y}: %{x:.1f} % ${what}<extra></extra>`,
    },
    at: ({ records }) => {
      const runs = records.map(layers);
      const shares = kernels.map((kernel) => overSeeds(runs.map((run) => run?.get(kernel))));
      return {
        x: orNowhere(shares.map((share) => (share ? inPercent(share.mean) : null))),
        error_x: { ...barsOf(shares), color: ink },
      };
    },
  };
}

/** Validation accuracy and the remaining share over all layers, epoch by epoch. */
function curvesPanel({ what, epochs }: LayerCount): MovingTrace[] {
  const place = { xaxis: 'x2', yaxis: 'y2' };
  const area = { ...place, type: 'scatter', mode: 'lines', line: { width: 0 }, fill: 'toself', hoverinfo: 'skip' };
  const moving = (name: string, of: typeof validationOf, color: string, fillcolor: string): MovingTrace[] => [
    { trace: { ...area, fillcolor, showlegend: false }, at: (stop) => bandOf(lineOf(stop, of)) },
    {
      trace: curve(name, [], [], { color }, { ...place, mode: 'lines+markers', hovertemplate: '%{y:.1f} %' }),
      at: (stop) => pointsOf(lineOf(stop, of)),
    },
  ];
  return [
    ...moving('validation accuracy', validationOf, colour(2), 'rgba(0, 158, 115, 0.25)'),
    ...moving(what, epochs, colour(0), 'rgba(0, 114, 178, 0.25)'),
  ];
}

/** All stops as points of accuracy against size, with a ring around the current stop. */
function resultsPanel(stops: readonly Stop[], setting: string | undefined): { points: Trace; ring: MovingTrace } {
  const place = { type: 'scatter', xaxis: 'x3', yaxis: 'y3', showlegend: false };
  const there = stops.flatMap((stop) => {
    const [size, accuracy] = [sizeOf(stop, 'parameters'), accuracyOf(stop)];
    return size && accuracy ? [{ stop, size, accuracy }] : [];
  });
  const axisOf = (of: 'size' | 'accuracy') => {
    const shares = there.map(({ [of]: share }) => share);
    return [orNowhere(shares.map(({ mean }) => Number((100 * mean).toFixed(2)))), barsOf(shares)] as const;
  };
  const [[x, error_x], [y, error_y]] = [axisOf('size'), axisOf('accuracy')];
  return {
    points: {
      ...place,
      ...{ mode: setting === undefined ? 'markers+text' : 'lines+markers+text', x, y, error_x, error_y },
      text: there.map(({ stop }) => asText(stop.label)),
      textposition: 'top center',
      textfont: { size: 11 },
      cliponaxis: false,
      line: { color: ink, width: 1, dash: 'dot' },
      marker: { color: ink, size: 7 },
      hovertemplate: '%{text}: %{y:.2f} % right, %{x:.1f} % left<extra></extra>',
    },
    ring: {
      trace: {
        ...{ ...place, mode: 'markers', hoverinfo: 'skip', cliponaxis: false },
        marker: { color: colour(1), symbol: 'circle-open', size: 14, line: { color: colour(1), width: 2.5 } },
      },
      at: (stop) => {
        const at = there.findIndex((each) => each.stop === stop);
        return { x: [x[at] ?? null], y: [y[at] ?? null] };
      },
    },
  };
}

/**
 * A sweep with a slider that stops at each group of runs that differ only in their seeds. It shows the remaining share
 * of each layer, the curves, accuracy and size, with 95 % intervals by Student's t for three or more seeds. Text takes
 * the place of data missing from a group or file. The steps of the slider are plotly's frames, so that a figure moves
 * in Jupyter, in the report and in the live page. Throws a UserError for a sweep without runs and for a group that the
 * sweep does not have.
 */
export function sweepExplorer(sweep: ExploredSweep, options: SweepExplorerOptions = {}): Figure {
  const { setting, stops } = stopsOf(sweep, options.groups);
  const runs = stops.flatMap(({ records }) => records);
  const count = layerCount(runs);
  const kernels = [...new Set(runs.flatMap((run) => [...(count.layers(run)?.keys() ?? [])]))];
  const epochs = Math.max(1, ...runs.map(({ history }) => history?.epochs.at(-1)?.epoch ?? 0));
  const { points, ring } = resultsPanel(stops, setting);
  const linesAt = (stop: Stop): string[] => linesOf(stop, setting, count);
  const moving = [linesPanel(linesAt), layersPanel(kernels, count), ...curvesPanel(count), ring];
  const frames = stops.map((stop) => {
    const [name, ...lines] = linesAt(stop);
    const alt = `A slider walks over ${list(stops.map(({ label }) => label))}. At ${name}: ${lines.join('; ')}.`;
    return {
      name: stop.group,
      traces: moving.map((_, i) => i),
      data: moving.map(({ at }) => at(stop)),
      layout: { meta: { alt } },
    };
  });
  const active = Math.max(
    0,
    stops.findIndex(({ records }) => records.length > 0),
  );
  const { data, layout } = frames[active];
  const drawn = figure({
    title: options.title ?? (setting === undefined ? 'The runs of a sweep' : `What ${setting} changes`),
    alt: layout.meta.alt,
    data: [...moving.map(({ trace }, i) => ({ ...trace, ...data[i] })), points],
    layout: {
      xaxis: axis(count.what, count.unit, { domain: [0, 0.4], range: [0, 102] }),
      yaxis: layerAxis({ autorange: 'reversed', dtick: 1, showgrid: false }),
      xaxis2: epochAxis([...Array(epochs).keys()], { domain: right, anchor: 'y2', range: [0, 1.02 * epochs] }),
      yaxis2: axis('share', '%', { domain: [0.5, 0.72], anchor: 'x2', range: [0, 102] }),
      xaxis3: axis('parameters left', '%', { domain: right, anchor: 'y3' }),
      yaxis3: axis('test accuracy', '% of images', { domain: [0, 0.32], anchor: 'x3' }),
      xaxis4: hiddenAxis([0, 1], { domain: right, anchor: 'y4' }),
      yaxis4: hiddenAxis([0, 1], { domain: [0.8, 1], anchor: 'x4' }),
      legend: { orientation: 'h', x: right[0], xanchor: 'left', y: 0.73, yanchor: 'bottom' },
      margin: { l: 64, r: 24, t: 56, b: 150 },
      ...(stops.length > 1 && { sliders: [slider(stops, active, setting)] }),
    },
    height: Math.max(680, 260 + 14 * kernels.length),
    leastWidth: 640,
  });
  return { ...drawn, frames };
}

/** The horizontal domain of the panels to the right of the layers. */
const right: readonly [from: number, to: number] = [0.52, 1];

function slider(stops: readonly Stop[], active: number, setting: string | undefined): object {
  const now = { mode: 'immediate', frame: { duration: 0, redraw: false }, transition: { duration: 0 } };
  return {
    active,
    currentvalue: { prefix: setting === undefined ? 'run: ' : `${setting} = `, font: { color: ink } },
    font: { color: ink },
    pad: { t: 64 },
    len: 0.92,
    x: 0.04,
    steps: stops.map(({ group, label }) => ({ label: asText(label), method: 'animate', args: [[group], now] })),
  };
}
