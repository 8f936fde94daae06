import type { Scores } from '../training/events.js';
import type { Figure, Trace } from './figure.js';
import { axis, colour, epochAxis, figure, ink } from './theme.js';
import { epochsOf, stepsOf, thin, type TrainingLog } from './trainingLog.js';
import { number, percent } from './words.js';

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
