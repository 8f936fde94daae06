import {
  axis,
  colour,
  curve,
  dash,
  domain,
  epochAxis,
  figure,
  ink,
  layerLabel,
  list,
  mean,
  note,
  number,
  panel,
  percent,
  verticalMark,
} from './theme.js';
import type { Axis, Figure, Titled, Trace } from './theme.js';
import { reprEpoch, type ReprLengths } from '../sparsity/schedules.js';

/** An epoch of RePr's cycle, counted from 1; standard training has no phases. */
export interface PhasedEpoch {
  epoch: number;
  phase: 'S1' | 'S2' | null;
}

/**
 * Grey bands over the panels where filters are off: from the end of the epoch before S2 to the end of its last epoch.
 */
function phaseBands(epochs: readonly PhasedEpoch[], panels = 1): object[] {
  const bands: { x0: number; x1: number }[] = [];
  for (const { epoch, phase } of epochs) {
    if (phase !== 'S2') continue;
    const last = bands.at(-1);
    if (last?.x1 === epoch - 1) last.x1 = epoch;
    else bands.push({ x0: epoch - 1, x1: epoch });
  }
  return Array.from({ length: panels }, (_, n) =>
    bands.map((band) => ({
      type: 'rect',
      ...band,
      xref: `x${panel(n)}`,
      yref: `y${panel(n)} domain`,
      y0: 0,
      y1: 1,
      fillcolor: ink,
      opacity: 0.18,
      line: { width: 0 },
      layer: 'below',
    })),
  ).flat();
}

/** The epochs of a run of RePr or of standard training; accuracies are from 0 to 1. */
export interface ReprHistory {
  run: string;
  epochs: readonly (PhasedEpoch & {
    train: number;
    validation: number;
    /** Mean orthogonality score of each layer's filters that are on. */
    overlap: Readonly<Record<string, number>>;
  })[];
}

/** A run's name and history, as experiments store them. */
export interface HistoryOf<RunHistory> {
  readonly name: string | null;
  readonly history: RunHistory;
}

/** Histories with the names of their runs included. */
export const named = <RunHistory>(runs: readonly HistoryOf<RunHistory>[]): (RunHistory & { run: string })[] =>
  runs.map(({ name, history }) => ({ ...history, run: name ?? 'run' }));

/** The epochs of the run that has the most: other runs may still be training, or may have been stopped. */
const longest = (records: readonly ReprHistory[]): ReprHistory['epochs'] =>
  records.reduce<ReprHistory['epochs']>((most, { epochs }) => (epochs.length > most.length ? epochs : most), []);

/** The epochs of the longest run, and those of the first run that goes through RePr's cycle. */
function epochsOf(records: readonly ReprHistory[]): { epochs: number[]; cycle: readonly PhasedEpoch[] } {
  const cycle = records.find((record) => record.epochs.some(({ phase }) => phase === 'S2'));
  return { epochs: longest(records).map(({ epoch }) => epoch), cycle: cycle?.epochs ?? [] };
}

/**
 * Accuracy over the epochs of several runs, on validation (solid) and on the training batches (dotted), with the epochs
 * in which filters are off in grey. Records with the same name differ in their seeds: their mean is drawn, with the
 * range of the validation accuracies as a band.
 */
export function reprCurves(runs: readonly HistoryOf<Pick<ReprHistory, 'epochs'>>[], options: Titled = {}): Figure {
  const records = named(runs);
  const groups = [...new Set(records.map(({ run }) => run))].map((run) =>
    records.filter((record) => record.run === run),
  );
  const { epochs, cycle } = epochsOf(records);
  const at = (
    group: readonly ReprHistory[],
    of: 'train' | 'validation',
    over: (values: number[]) => number,
  ): number[] =>
    longest(group).map(
      (_, i) => 100 * over(group.flatMap((record) => record.epochs.slice(i, i + 1).map((e) => e[of]))),
    );
  const data = groups.flatMap((group, n): Trace[] => {
    const x = longest(group).map(({ epoch }) => epoch);
    const [{ run }] = group;
    const [low, high] = [Math.min, Math.max].map((over) => at(group, 'validation', (values) => over(...values)));
    const band = {
      type: 'scatter',
      mode: 'lines',
      legendgroup: run,
      x: [...x, ...[...x].reverse()],
      y: [...high, ...low.reverse()],
      fill: 'toself',
      fillcolor: `${colour(n)}33`,
      line: { width: 0 },
      showlegend: false,
      hoverinfo: 'skip',
    };
    const validation = { mode: 'lines+markers', marker: { size: 5 }, legendgroup: run };
    const [solid, dotted] = [
      { color: colour(n), dash: 'solid' },
      { color: colour(n), dash: 'dot', width: 1.5 },
    ];
    return [
      ...(group.length > 1 ? [band] : []),
      curve(`${run}, validation`, x, at(group, 'validation', mean), solid, validation),
      curve(`${run}, training`, x, at(group, 'train', mean), dotted, { legendgroup: run }),
    ];
  });
  const said = groups.map((group) => {
    const last = mean(group.map((record) => record.epochs.at(-1)?.validation ?? NaN));
    return `${group[0].run} ends at ${percent(last)} on validation${group.length > 1 ? ` (mean of ${group.length} runs)` : ''}`;
  });
  return figure({
    title: options.title ?? 'Accuracy during training',
    alt: `Accuracy over ${epochs.length} epochs; ${said.join(', ')}. In the grey epochs filters are off.`,
    data,
    layout: {
      xaxis: epochAxis(epochs, { range: [0.5, (epochs.at(-1) ?? 1) + 0.5] }),
      yaxis: axis('accuracy', '% of images'),
      shapes: phaseBands(cycle),
    },
    legendBelow: true,
    height: 440,
  });
}

/** The filters, of ten, that the image of the cycle switches off in turn n: three of them, different ones each time. */
const offInTurn = (n: number): number[] => [1, 5, 8].map((f) => (f + 3 * n) % 10);

/**
 * RePr's cycle as an image: ten filters as bars along the epochs. In S1 all filters train; before S2 three go off and
 * leave a gap; after it they come back new, in another colour. The choice of filters is invented, the times are those
 * of the schedule.
 */
export function reprCycle(cycle: ReprLengths & { epochs: number }, options: Titled = {}): Figure {
  const { epochs, ...lengths } = cycle;
  /** The intervals in which each filter is on. */
  const lives = Array.from({ length: 10 }, () => [{ from: 0, to: epochs }]);
  const turns: { epoch: number; prunes: boolean }[] = [];
  let off: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const { prunes, reinitialises } = reprEpoch(epoch, lengths);
    if (reinitialises) for (const f of off) lives[f].push({ from: epoch, to: epochs });
    if (prunes) {
      off = offInTurn(turns.filter((turn) => turn.prunes).length);
      for (const f of off) lives[f].at(-1)!.to = epoch;
    }
    if (prunes || reinitialises) turns.push({ epoch, prunes });
  }
  const most = Math.max(...lives.map((life) => life.length));
  const names = ['as it started', 'come back once', 'come back twice'];
  const data: Trace[] = Array.from({ length: most }, (_, n) => {
    const bars = lives.flatMap((life, f) => life.slice(n, n + 1).map((part) => ({ ...part, f })));
    return {
      type: 'bar',
      orientation: 'h',
      name: names[n] ?? `come back ${n} times`,
      base: bars.map(({ from }) => from),
      x: bars.map(({ from, to }) => to - from),
      y: bars.map(({ f }) => f + 1),
      width: 0.62,
      marker: { color: colour(n) },
      hovertemplate: 'filter %{y}<extra></extra>',
    };
  });
  data.push({ type: 'bar', name: 'S2: those with a gap are off', x: [null], y: [null], marker: { color: ink } });
  const marks = turns.map(({ epoch, prunes }) => verticalMark(epoch, prunes ? 'off' : 'on'));
  const phases = Array.from({ length: epochs }, (_, epoch) => ({ epoch: epoch + 1, ...reprEpoch(epoch, lengths) }));
  const starts = (prunes: boolean): string =>
    list(turns.filter((turn) => turn.prunes === prunes).map(({ epoch }) => String(epoch)));
  return figure({
    title: options.title ?? 'The cycle',
    alt:
      `Diagram of ${epochs} epochs: filters are switched off after epoch ${starts(true) || 'none'} and brought back after ` +
      `epoch ${starts(false) || 'none'}; in between, in grey, only the others train.`,
    data,
    layout: {
      barmode: 'overlay',
      xaxis: axis('training', 'epochs', { range: [0, epochs], showgrid: false }),
      yaxis: axis('filter', 'number', { autorange: 'reversed', dtick: 1, showgrid: false }),
      shapes: [...phaseBands(phases), ...marks.map(({ shape }) => shape)],
      annotations: [...marks.map(({ annotation }) => ({ ...annotation, font: { size: 11 } }))],
    },
    height: 380,
  });
}

/** Mean orthogonality score of the filters that are on, over the epochs of several runs, a panel for each layer. */
export function overlapDuringTraining(
  runs: readonly HistoryOf<Pick<ReprHistory, 'epochs'>>[],
  options: Titled = {},
): Figure {
  const records = named(runs);
  const layers = Object.keys(records.at(0)?.epochs.at(0)?.overlap ?? {});
  const names = [...new Set(records.map(({ run }) => run))];
  const { epochs, cycle } = epochsOf(records);
  const place = (l: number): [number, number] => domain(l, layers.length, 0.07);
  const axes = (l: number): [name: string, Axis][] => {
    const range = [0.5, epochs.length + 0.5];
    const dtick = Math.max(1, Math.ceil(epochs.length / 4));
    const inner = l > 0 ? { title: { text: '' }, matches: 'y', showticklabels: false } : {};
    const y = { anchor: `x${panel(l)}`, rangemode: 'tozero', ...inner };
    return [
      [`xaxis${panel(l)}`, epochAxis(epochs, { domain: place(l), anchor: `y${panel(l)}`, range, dtick })],
      [`yaxis${panel(l)}`, axis('overlap', 'mean score, 0 is orthogonal', y)],
    ];
  };
  const ends = (run: string): string => {
    const last = records.filter((record) => record.run === run).map((record) => record.epochs.at(-1)?.overlap);
    const end = (layer: string): number => mean(last.map((overlap) => overlap?.[layer] ?? NaN));
    return list(layers.map((layer) => `${number(end(layer))} in ${layerLabel(layer)}`));
  };
  return figure({
    title: options.title ?? 'Overlap during training',
    alt: `Mean overlap of filters after the last epoch, ${names.map((run) => `${run}: ${ends(run)}`).join('; ')}.`,
    data: records.flatMap(({ run, epochs: own }, r) =>
      layers.map((layer, l) => {
        const [x, y] = [own.map(({ epoch }) => epoch), own.map(({ overlap }) => overlap[layer])];
        const style = { color: colour(names.indexOf(run)), dash: dash(names.indexOf(run)) };
        return curve(run, x, y, style, {
          legendgroup: run,
          showlegend: l === 0 && records.findIndex((record) => record.run === run) === r,
          xaxis: `x${panel(l)}`,
          yaxis: `y${panel(l)}`,
        });
      }),
    ),
    layout: {
      ...Object.fromEntries(layers.flatMap((_, l) => axes(l))),
      shapes: phaseBands(cycle, layers.length),
      annotations: layers.map((layer, l) =>
        note(layerLabel(layer), mean(place(l)), 1.01, { yanchor: 'bottom', xanchor: 'center' }),
      ),
    },
    legendBelow: true,
    height: 400,
  });
}
