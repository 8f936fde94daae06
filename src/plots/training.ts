import type { EpochMeans } from '../experiments/results/runHistory.js';
import type { EpochEvent, StepEvent } from '../training/events.js';
import { axis, colour, curve, dash, epochAxis, figure, ink, list, number, percent, thin } from './theme.js';
import type { Figure, Titled, Trace } from './theme.js';

/** The trainer's events, or the stored part of them: anything with a type. */
export type TrainingLog = readonly { readonly type: string }[];

function stepsOf(log: TrainingLog): StepEvent[] {
  return log.filter((event): event is StepEvent => event.type === 'step');
}

function epochsOf(log: TrainingLog): EpochEvent[] {
  return log.filter((event): event is EpochEvent => event.type === 'epoch');
}

/**
 * The course of a run: above, the terms of the loss (cross-entropy, penalty, total) at every training step; below, the
 * accuracy on the training batches and, once per epoch, on the validation images.
 *
 * Long runs are thinned to the means of 400 stretches. A log without steps is plotted over epochs.
 */
export function trainingCurves(log: TrainingLog, options: Titled = {}): Figure {
  const steps = stepsOf(log);
  const epochs = epochsOf(log);
  const overSteps = steps.length > 0 || epochs.length === 0;
  const x = overSteps
    ? axis('training', 'steps', { rangemode: 'tozero' })
    : epochAxis(epochs.map(({ epoch }) => epoch + 1));
  const at = thin(steps.map(({ step }) => step));
  const perStep = (name: string, of: (step: StepEvent) => number, color: string, more = {}): Trace =>
    drawn(curve(name, at, thin(steps.map(of)), { color, width: 1.5 }, more));
  const perEpoch = (name: string, part: 'train' | 'validation', of: 'loss' | 'accuracy', color: string): Trace => {
    const known = epochs.flatMap(({ step, epoch, [part]: scores }) =>
      scores ? [{ at: overSteps ? step : epoch + 1, scores }] : [],
    );
    const xs = known.map((point) => point.at);
    const ys = known.map(({ scores }) => (of === 'loss' ? scores.loss : 100 * scores.accuracy));
    return drawn(curve(name, xs, ys, { color }, { mode: 'lines+markers', yaxis: of === 'loss' ? 'y' : 'y2' }));
  };
  const crossEntropy = perStep('cross-entropy', (step) => step.crossEntropy, colour(0));
  // Without a penalty the total equals the cross-entropy, and a line along zero says nothing.
  const loss = steps.every(({ penalty }) => penalty === 0)
    ? [crossEntropy]
    : [
        perStep('total loss', (step) => step.loss, ink),
        crossEntropy,
        perStep('λ × penalty', ({ penalty }) => penalty, colour(1)),
      ];
  const training = overSteps
    ? [...loss, perStep('training batches', ({ accuracy }) => 100 * accuracy, colour(5), { yaxis: 'y2' })]
    : [perEpoch('training loss', 'train', 'loss', ink), perEpoch('training accuracy', 'train', 'accuracy', colour(5))];
  return figure({
    title: options.title ?? 'Training',
    alt: sentence(log),
    data: [...training, perEpoch('validation accuracy', 'validation', 'accuracy', colour(2))],
    layout: {
      xaxis: { ...x, anchor: 'y2' },
      yaxis: axis('loss', 'nats per image', { domain: [0.54, 1], rangemode: 'tozero' }),
      yaxis2: axis('accuracy', '% of images', { domain: [0, 0.46], rangemode: 'tozero' }),
    },
    height: 520,
  });
}

/** A point without coordinates replaces a curve that has not begun, which plotly would omit. */
function drawn(trace: Trace): Trace {
  return (trace.x as unknown[]).length > 0 ? trace : { ...trace, x: [null], y: [null] };
}

function sentence(log: TrainingLog): string {
  const steps = stepsOf(log);
  const validation = epochsOf(log).flatMap((epoch) => epoch.validation ?? []);
  const [first, last, final] = [steps.at(0), steps.at(-1), validation.at(-1)];
  const parts: string[] = [];
  if (first && last) {
    parts.push(
      `Over ${number(steps.length)} training steps the loss goes from ${number(first.loss)} to ${number(last.loss)}, ` +
        `of which the penalty is ${number(first.penalty)} at first and ${number(last.penalty)} at last.`,
    );
  }
  if (final) {
    const after = `${validation.length} epoch${validation.length === 1 ? '' : 's'}`;
    parts.push(`Validation accuracy after ${after}: ${percent(final.accuracy)}.`);
  }
  return parts.join(' ') || 'An empty plot: training has not begun.';
}

/** A named run, for figures that compare it with others. */
export interface NamedRun {
  name: string;
  events: TrainingLog;
}

/** The penalty as it enters the loss, lambda times the mean of P(mask != 0), at every training step of several runs. */
export function penaltyDuringTraining(runs: readonly NamedRun[], options: Titled = {}): Figure {
  const curves = runs.map(({ name, events }) => ({ name, steps: stepsOf(events) }));
  const said = curves.map(
    ({ name, steps }) =>
      `${name} from ${number(steps.at(0)?.penalty ?? NaN)} to ${number(steps.at(-1)?.penalty ?? NaN)}`,
  );
  return figure({
    title: options.title ?? 'The penalty during training',
    alt: `The penalty term during training: ${list(said)}.`,
    data: curves.map(({ name, steps }, n) => {
      const [at, penalties] = [steps.map(({ step }) => step), steps.map(({ penalty }) => penalty)];
      return curve(name, thin(at), thin(penalties), { color: colour(n), dash: dash(n) });
    }),
    layout: {
      xaxis: axis('training', 'steps'),
      yaxis: axis('λ × penalty', 'nats per image', { rangemode: 'tozero' }),
    },
  });
}

/** The quantity that `curvesOverEpochs` draws. */
export interface EpochCurveOptions extends Titled {
  /** The name of the quantity. Default 'validation accuracy'. */
  quantity?: string;
  /** The things of which the values are percentages. Default 'images'. */
  of?: string;
}

/** Several runs side by side: a share after each epoch, such as their accuracy or their zero weights. */
export function curvesOverEpochs(curves: readonly EpochMeans[], options: EpochCurveOptions = {}): Figure {
  const { quantity = 'validation accuracy', of = 'images' } = options;
  const begun = curves.filter(({ shares }) => shares.length > 0);
  const said = begun.map(({ name, shares }) => `${name} from ${percent(shares[0])} to ${percent(shares.at(-1)!)}`);
  const epochs = [...new Set(curves.flatMap((curve) => curve.epochs))].sort((a, b) => a - b);
  const what = quantity[0].toUpperCase() + quantity.slice(1);
  return figure({
    title: options.title ?? `${what} over the epochs`,
    alt: said.length > 0 ? `${what} by epoch: ${list(said)}.` : 'An empty plot: no epoch is over yet.',
    data: curves.map(({ name, epochs, shares }, n) => {
      const [percents, style] = [shares.map((share) => 100 * share), { color: colour(n), dash: dash(n) }];
      return drawn(curve(name, epochs, percents, style, { mode: 'lines+markers', hovertemplate: '%{y:.2f} %' }));
    }),
    layout: { xaxis: epochAxis(epochs), yaxis: axis(quantity, `% of ${of}`, { rangemode: 'tozero' }) },
  });
}
