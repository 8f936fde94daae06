import type { Figure } from './figure.js';
import { axis, colour, dash, figure } from './theme.js';
import { stepsOf, thin, type TrainingLog } from './trainingLog.js';
import { list, number } from './words.js';

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
