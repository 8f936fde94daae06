import type { ReprRecord } from '../experiments/index.js';
import type { Figure, Trace } from './figure.js';
import { phaseBands } from './phaseBands.js';
import { axis, colour, epochAxis, figure } from './theme.js';
import { percent } from './words.js';

/** What the figure needs of a record. */
export type CurveRecord = Pick<ReprRecord, 'run' | 'epochs'>;

/**
 * Accuracy over the epochs of several runs, on validation (solid) and on the training batches (dotted), with the epochs in
 * which filters are off in grey. Records of one name differ in their seeds: their mean is drawn, and the range of the
 * validation accuracies as a band.
 */
export function reprCurves(records: readonly CurveRecord[], options: { title?: string } = {}): Figure {
  const groups = [...new Set(records.map(({ run }) => run))].map((run) =>
    records.filter((record) => record.run === run),
  );
  const epochs = records.at(0)?.epochs.map(({ epoch }) => epoch) ?? [];
  const cycle = records.find((record) => record.epochs.some(({ phase }) => phase === 'S2'));
  const at = (
    group: readonly CurveRecord[],
    of: 'train' | 'validation',
    over: (values: number[]) => number,
  ): number[] =>
    group[0].epochs.map(
      (_, i) => 100 * over(group.flatMap((record) => record.epochs.slice(i, i + 1).map((e) => e[of]))),
    );
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const data = groups.flatMap((group, n): Trace[] => {
    const x = group[0].epochs.map(({ epoch }) => epoch);
    const shared = { type: 'scatter', legendgroup: group[0].run, x };
    const [low, high] = [Math.min, Math.max].map((over) => at(group, 'validation', (values) => over(...values)));
    const band = {
      ...shared,
      mode: 'lines',
      x: [...x, ...[...x].reverse()],
      y: [...high, ...low.reverse()],
      fill: 'toself',
      fillcolor: `${colour(n)}33`,
      line: { width: 0 },
      showlegend: false,
      hoverinfo: 'skip',
    };
    const line = (of: 'train' | 'validation'): Trace => ({
      ...shared,
      mode: of === 'train' ? 'lines' : 'lines+markers',
      name: `${group[0].run}, ${of === 'train' ? 'training' : 'validation'}`,
      y: at(group, of, mean),
      line: { color: colour(n), width: of === 'train' ? 1.5 : 2, dash: of === 'train' ? 'dot' : 'solid' },
      ...(of === 'validation' ? { marker: { size: 5 } } : {}),
    });
    return [...(group.length > 1 ? [band] : []), line('validation'), line('train')];
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
      shapes: phaseBands(cycle?.epochs ?? []),
    },
    legendBelow: true,
    height: 440,
  });
}
