import type { EpochEvent, Scores, StepEvent } from '../training/events.js';
import { axis, colour, dash, epochAxis, type Figure, figure, ink, list, number, percent, type Trace } from './theme.js';

/** The trainer's events, or what was kept of them: anything that says its type. */
export type TrainingLog = readonly { readonly type: string }[];

/** The steps of a log. */
export function stepsOf(log: TrainingLog): StepEvent[] {
  return log.filter((event): event is StepEvent => event.type === 'step');
}

/** The epochs of a log. */
export function epochsOf(log: TrainingLog): EpochEvent[] {
  return log.filter((event): event is EpochEvent => event.type === 'epoch');
}

/** The means of at most `bins` neighbouring stretches: a curve of a hundred thousand steps that a page can hold. */
export function thin(values: readonly number[], bins = 400): number[] {
  if (values.length <= bins) return [...values];
  return Array.from({ length: bins }, (_, b) => {
    const stretch = values.slice(Math.floor((b * values.length) / bins), Math.floor(((b + 1) * values.length) / bins));
    return stretch.reduce((sum, value) => sum + value, 0) / stretch.length;
  });
}

const inPercent = ({ accuracy }: Scores): number => 100 * accuracy;

/**
 * How a run went: above, the terms of the loss (cross-entropy, penalty, total) at every training step; below, the accuracy
 * on the training batches and, once an epoch, on the validation images.
 *
 * Long runs are thinned to the means of 400 stretches. A log without steps is drawn over epochs.
 */
export function trainingCurves(log: TrainingLog, options: { title?: string } = {}): Figure {
  const steps = stepsOf(log);
  const epochs = epochsOf(log);
  const overSteps = steps.length > 0 || epochs.length === 0;
  const x = overSteps
    ? axis('training', 'steps', { rangemode: 'tozero' })
    : epochAxis(epochs.map(({ epoch }) => epoch + 1));
  const at = thin(steps.map((step) => step.step));
  const line = (name: string, ys: number[], color: string, more: object = {}): Trace => ({
    type: 'scatter',
    mode: 'lines',
    name,
    x: at,
    y: thin(ys),
    line: { color, width: 1.5 },
    ...more,
  });
  const below = { yaxis: 'y2' };
  const perEpoch = (
    name: string,
    of: 'train' | 'validation',
    value: (scores: Scores) => number,
    color: string,
  ): Trace => {
    const known = epochs.flatMap(({ step, epoch, [of]: scores }) =>
      scores ? [{ at: overSteps ? step : epoch + 1, y: value(scores) }] : [],
    );
    return {
      type: 'scatter',
      mode: 'lines+markers',
      name,
      x: known.map((point) => point.at),
      y: known.map((point) => point.y),
      line: { color, width: 2 },
      ...below,
    };
  };
  const crossEntropy = line(
    'cross-entropy',
    steps.map((s) => s.crossEntropy),
    colour(0),
  );
  // Without a penalty the total is the cross-entropy, and a line along zero says nothing.
  const lossTerms = steps.every((s) => s.penalty === 0)
    ? [crossEntropy]
    : [
        line(
          'total loss',
          steps.map((s) => s.loss),
          ink,
        ),
        crossEntropy,
        line(
          'λ × penalty',
          steps.map((s) => s.penalty),
          colour(1),
        ),
      ];
  const data = overSteps
    ? [
        ...lossTerms,
        line(
          'training batches',
          steps.map((s) => 100 * s.accuracy),
          colour(5),
          below,
        ),
      ]
    : [
        { ...perEpoch('training loss', 'train', ({ loss }) => loss, ink), yaxis: 'y' },
        perEpoch('training accuracy', 'train', inPercent, colour(5)),
      ];
  data.push(perEpoch('validation accuracy', 'validation', inPercent, colour(2)));
  return figure({
    title: options.title ?? 'Training',
    alt: sentence(log),
    // A point at nowhere keeps the place of a curve that has not begun.
    data: data.map((trace) => ((trace.x as number[]).length > 0 ? trace : { ...trace, x: [null], y: [null] })),
    layout: {
      xaxis: { ...x, anchor: 'y2' },
      yaxis: axis('loss', 'nats per image', { domain: [0.54, 1], rangemode: 'tozero' }),
      yaxis2: axis('accuracy', '% of images', { domain: [0, 0.46], rangemode: 'tozero' }),
    },
    height: 520,
  });
}

function sentence(log: TrainingLog): string {
  const steps = stepsOf(log);
  const validation = epochsOf(log).flatMap((epoch) => epoch.validation ?? []);
  const first = steps.at(0);
  const last = steps.at(-1);
  const parts: string[] = [];
  if (first && last) {
    parts.push(
      `Over ${number(steps.length)} training steps the loss goes from ${number(first.loss)} to ${number(last.loss)}, ` +
        `of which the penalty is ${number(first.penalty)} at first and ${number(last.penalty)} at last.`,
    );
  }
  const final = validation.at(-1);
  if (final)
    parts.push(
      `Validation accuracy after ${validation.length} epoch${validation.length === 1 ? '' : 's'}: ${percent(final.accuracy)}.`,
    );
  return parts.join(' ') || 'An empty plot: training has not begun.';
}

/** Penalties that were saved step by step, for `penaltyDuringTraining`. */
export interface PenaltyCurve {
  name: string;
  steps: readonly number[];
  penalty: readonly number[];
}

/** The curves that a sweep saved as runs, to be drawn beside others. */
export function runsOfCurves(curves: readonly PenaltyCurve[]): NamedRun[] {
  return curves.map(({ name, steps, penalty }) => ({
    name,
    events: steps.map((step, i) => ({ type: 'step', step, penalty: penalty[i] })),
  }));
}

/** A named run: what a figure needs to compare it with others. */
export interface NamedRun {
  name: string;
  events: TrainingLog;
}

/** The penalty as it enters the loss, lambda times the mean of P(mask != 0), at every training step of several runs. */
export function penaltyDuringTraining(runs: readonly NamedRun[], options: { title?: string } = {}): Figure {
  const curves = runs.map(({ name, events }) => ({ name, steps: stepsOf(events) }));
  const said = curves.map(
    ({ name, steps }) =>
      `${name} from ${number(steps.at(0)?.penalty ?? NaN)} to ${number(steps.at(-1)?.penalty ?? NaN)}`,
  );
  return figure({
    title: options.title ?? 'The penalty during training',
    alt: `The penalty term during training: ${list(said)}.`,
    data: curves.map(({ name, steps }, n) => ({
      type: 'scatter',
      mode: 'lines',
      name,
      x: thin(steps.map((step) => step.step)),
      y: thin(steps.map((step) => step.penalty)),
      line: { color: colour(n), dash: dash(n), width: 2 },
    })),
    layout: {
      xaxis: axis('training', 'steps'),
      yaxis: axis('λ × penalty', 'nats per image', { rangemode: 'tozero' }),
    },
  });
}

/** A share, between 0 and 1, after each of some epochs, counted from 1. */
export interface EpochCurve {
  name: string;
  epochs: readonly number[];
  shares: readonly number[];
}

export interface EpochCurveOptions {
  title?: string;
  /** What the shares are. Default 'validation accuracy'. */
  quantity?: string;
  /** What they are percent of. Default 'images'. */
  of?: string;
}

/** Several runs side by side: a share after each epoch, such as their accuracy or their zero weights. */
export function curvesOverEpochs(curves: readonly EpochCurve[], options: EpochCurveOptions = {}): Figure {
  const { quantity = 'validation accuracy', of = 'images' } = options;
  const begun = curves.filter(({ shares }) => shares.length > 0);
  const said = begun.map(({ name, shares }) => `${name} from ${percent(shares[0])} to ${percent(shares.at(-1)!)}`);
  const epochs = [...new Set(curves.flatMap((curve) => curve.epochs))].sort((a, b) => a - b);
  const what = quantity[0].toUpperCase() + quantity.slice(1);
  return figure({
    title: options.title ?? `${what} over the epochs`,
    alt: said.length > 0 ? `${what} by epoch: ${list(said)}.` : 'An empty plot: no epoch is over yet.',
    data: curves.map(({ name, epochs, shares }, n) => ({
      type: 'scatter',
      mode: 'lines+markers',
      name,
      // A point at nowhere keeps the place of a curve that has not begun.
      x: epochs.length > 0 ? [...epochs] : [null],
      y: shares.length > 0 ? shares.map((share) => 100 * share) : [null],
      line: { color: colour(n), dash: dash(n), width: 2 },
      hovertemplate: '%{y:.2f} %',
    })),
    layout: { xaxis: epochAxis(epochs), yaxis: axis(quantity, `% of ${of}`, { rangemode: 'tozero' }) },
  });
}
