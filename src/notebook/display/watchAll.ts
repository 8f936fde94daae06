import type { Run } from '../../experiments/run.js';
import type { RunEvent } from '../../experiments/acquireRun.js';
import type { EpochMeans } from '../../experiments/runHistory.js';
import { curvesOverEpochs } from '../../plots/training.js';
import { interruptSignal } from '../kernel/interrupt.js';
import { display, inNotebook } from './output.js';
import { liveFigure } from './figure.js';
import { progressLine } from './watch.js';

/** How several runs are watched. */
export interface WatchAllOptions {
  /** Ends the training between two steps. Default: an interrupt of the cell. */
  signal?: AbortSignal;
  /** Title of the live plot. */
  title?: string;
  /** At least this many milliseconds lie between two updates of the line; default 1000. */
  interval?: number;
}

function curveOf(name: string, { history }: Run): EpochMeans {
  const epochs = history.flatMap((event) => (event.type === 'epoch' && event.validation ? [event] : []));
  return {
    name,
    epochs: epochs.map(({ epoch }) => epoch + 1),
    shares: epochs.map(({ validation }) => validation!.accuracy),
  };
}

/**
 * Trains runs one after another, or reads those that are finished, and shows below the cell a line of progress and one
 * plot of all their validation accuracies, which grows epoch by epoch. Outside of a notebook it prints one line a run.
 *
 * An interrupt of the cell ends the run that trains and those behind it; called again, they go on.
 */
export async function watchAll(runs: readonly Run[], options: WatchAllOptions = {}): Promise<void> {
  const { title, interval = 1000, signal = interruptSignal() } = options;
  const named = runs.map((run, i) => [run.settings.name ?? `run ${i + 1}`, run] as const);
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
      if (signal.aborted || run.isFinished) continue;
      let loaded = '';
      const started = performance.now();
      const seen: RunEvent[] = [];
      const line = (): string => `${name}: ${progressLine(seen, (performance.now() - started) / 1000)}`;
      let updated = started;
      for await (const event of run.events(signal)) {
        seen.push(event);
        if (event.type === 'warning') console.warn(`${name}: ${event.message}`);
        if (event.type === 'epoch') plot?.update(figure());
        if (event.type === 'loaded') loaded = ` (${event.message})`;
        if (event.type === 'end') done.push(`${name}: ${event.message}${loaded}`);
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
