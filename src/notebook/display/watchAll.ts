import { keepingBest, type ExperimentRun, type KeepingOptions } from '../../experiments/index.js';
import { curvesOverEpochs, type EpochCurve } from '../../plots/index.js';
import type { TrainingEvent } from '../../training/index.js';
import { interruptSignal } from '../kernel/interruptSignal.js';
import { display, inNotebook } from './output.js';
import { liveFigure } from './figure.js';
import { progressLine } from './watch.js';

/** How several runs are watched. */
export interface WatchAllOptions extends KeepingOptions {
  /** Title of the live plot. */
  title?: string;
  /** At least this many milliseconds lie between two updates of the line; default 500. */
  interval?: number;
}

/** What is drawn of a run: its events so far. */
type WatchedRun = ExperimentRun & { readonly history: readonly TrainingEvent[] };

function curveOf(name: string, { history }: WatchedRun): EpochCurve {
  const epochs = history.flatMap((event) => (event.type === 'epoch' && event.validation ? [event] : []));
  return {
    name,
    epochs: epochs.map(({ epoch }) => epoch + 1),
    shares: epochs.map(({ validation }) => validation!.accuracy),
  };
}

/**
 * Trains runs one after another with `keepingBest`, and shows below the cell a line of progress and one plot of all their
 * validation accuracies, which grows epoch by epoch. Outside of a notebook it prints one line a run.
 *
 * An interrupt of the cell ends the run that trains and those behind it; called again, they go on.
 */
export async function watchAll(
  runs: Readonly<Record<string, WatchedRun>>,
  options: WatchAllOptions = {},
): Promise<void> {
  const { title, interval = 500, signal = interruptSignal(), from } = options;
  const named = Object.entries(runs);
  const figure = () =>
    curvesOverEpochs(
      named.map(([name, run]) => curveOf(name, run)),
      { title },
    );
  const live = inNotebook();
  const progress = live ? display({ 'text/plain': 'training begins' }) : undefined;
  const plot = live ? liveFigure(figure(), { final: false, interval: 0 }) : undefined;
  const done: string[] = [];
  try {
    for (const [name, run] of named) {
      if (signal.aborted || isFinished(run)) continue;
      const started = performance.now();
      const seen: TrainingEvent[] = [];
      const line = (): string => `${name}: ${progressLine(seen, (performance.now() - started) / 1000)}`;
      let updated = started;
      for await (const event of keepingBest(run, { signal, from })) {
        seen.push(event);
        if (event.type === 'warning') console.warn(`${name}: ${event.message}`);
        if (event.type === 'epoch') plot?.update(figure());
        if (event.type === 'end') done.push(`${name}: ${event.message}`);
        if (performance.now() - updated < interval) continue;
        progress?.update({ 'text/plain': [...done, line()].join('\n') });
        updated = performance.now();
      }
    }
  } finally {
    if (live) progress?.update({ 'text/plain': done.join('\n') });
    else console.log(done.join('\n'));
    plot?.update(figure(), { final: true });
  }
}

/** Whether a run has come to its end, so that there is nothing to go on with. */
function isFinished({ history }: WatchedRun): boolean {
  const last = history.at(-1);
  return last?.type === 'end' && last.reason === 'finished';
}
