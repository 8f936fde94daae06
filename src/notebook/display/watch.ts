import { duration } from '../../formats/text.js';
import { gatesPerLayer } from '../../plots/gates.js';
import { trainingCurves, type TrainingLog, curvesOverEpochs } from '../../plots/training.js';
import { maskSnapshots } from '../../experiments/run/notes.js';
import { type EndEvent, type StartEvent, type StepEvent, type WarningEvent, stepsOf } from '../../training/events.js';
import { interruptSignal } from '../kernel/interrupt.js';
import { addEvent } from '../../training/log/readRun.js';
import { display, inNotebook } from './output.js';
import { liveFigure } from './figure.js';
import type { Run } from '../../experiments/run/run.js';
import type { RunEvent } from '../../experiments/run/acquireRun.js';
import type { EpochMeans } from '../../experiments/results/runHistory.js';

/** How training is watched. */
export interface WatchOptions {
  /** Title of the live plot. */
  title?: string;
  /**
   * The minimum number of milliseconds between two updates; default 1000, because drawing takes time from the core that
   * trains.
   */
  interval?: number;
}

/** How a logged run, or a sweep, is followed. */
export interface FollowCellOptions extends WatchOptions {
  /** Stops watching; the run goes on. Default: an interrupt of the cell. */
  signal?: AbortSignal;
}

/** What `watch` shows: a run, or its events. */
export type Watched =
  | { readonly history: TrainingLog; events(signal?: AbortSignal): AsyncIterable<TrainingLog[number]> }
  | AsyncIterable<TrainingLog[number]>;

/**
 * Trains a run, or reads the events of one, shows a line of progress and a live plot below the cell meanwhile, and
 * prints its warnings. If the run records masks, a second plot shows them by layer. Outside of a notebook it only
 * prints warnings and the last line of progress.
 *
 * If the run fails or is interrupted, the output so far stays on display and the error is rethrown. It returns nothing,
 * because a cell would show the value of its last line; the run's `history` holds all events.
 */
export async function watch(run: Watched, options: WatchOptions = {}): Promise<void> {
  const { title, interval = 1000 } = options;
  const events = 'events' in run ? run.events(interruptSignal()) : run;
  const seen: TrainingLog[number][] = [];
  /** The history of a resumed run has earlier events too; that of a run that another process trains is still empty. */
  const log = (): TrainingLog => ('history' in run && run.history.length > seen.length ? run.history : seen);
  const started = performance.now();
  const figure = () => trainingCurves(log(), { title });
  const line = (): string => progressLine(seen, loggedSeconds(seen) ?? (performance.now() - started) / 1000);
  const live = inNotebook();
  const progress = live ? display({ 'text/plain': line() }) : undefined;
  const plot = live ? liveFigure(figure(), { final: false, interval: 0 }) : undefined;
  let gates: ReturnType<typeof liveGates> | undefined;
  let updated = performance.now();
  let waiting: NodeJS.Timeout | undefined;
  const redraw = (): void => {
    waiting = undefined;
    updated = performance.now();
    progress?.update({ 'text/plain': line() });
    plot?.update(figure());
    gates?.update();
  };
  try {
    for await (const event of events) {
      addEvent(seen, event);
      if (event.type === 'warning') console.warn((event as unknown as WarningEvent).message);
      if (event.type === 'loaded' || event.type === 'followed') console.log((event as unknown as WarningEvent).message);
      if (live && event.type === 'note') gates ??= liveGates(log, title);
      if (live) waiting ??= setTimeout(redraw, Math.max(0, interval - (performance.now() - updated)));
    }
  } finally {
    clearTimeout(waiting);
    if (live) progress?.update({ 'text/plain': line() });
    else console.log(line());
    plot?.update(figure(), { final: true });
    gates?.done();
  }
}

function liveGates(log: () => TrainingLog, title = 'Training'): { update(): void; done(): void } | undefined {
  let snapshots = maskSnapshots(log());
  if (snapshots.length === 0) return undefined;
  const figure = () => gatesPerLayer(snapshots, { title: `${title}: open gates by layer and epoch` });
  const view = liveFigure(figure(), { final: false, interval: 0 });
  return {
    update() {
      const now = maskSnapshots(log());
      if (now.length > snapshots.length) {
        snapshots = now;
        view.update(figure());
      }
    },
    done() {
      snapshots = maskSnapshots(log());
      view.update(figure(), { final: true });
    },
  };
}

/** Returns the seconds since the run last started, by the logged times of its events; undefined if they have none. */
function loggedSeconds(events: readonly { readonly type: string; readonly time?: number }[]): number | undefined {
  const from = events.findLast(({ type }) => type === 'start')?.time;
  const to = events.at(-1)?.time;
  return from === undefined || to === undefined ? undefined : (to - from) / 1000;
}

const width = 24;

/** The state of a run in a line: a bar, step and epoch, loss and accuracy, speed, and the time left. */
export function progressLine(events: TrainingLog, seconds: number): string {
  const last = events.findLast((event): event is StepEvent => event.type === 'step');
  const start = events.findLast((event): event is StartEvent => event.type === 'start');
  const end = events.findLast((event): event is EndEvent => event.type === 'end');
  if (!last) return end ? end.message : 'training begins';
  const { step, epoch, loss, accuracy, imagesPerSecond } = last;
  const costs = [`loss ${loss.toFixed(3)}`, `accuracy ${(100 * accuracy).toFixed(1)} %`];
  const speed = `${Math.round(imagesPerSecond).toLocaleString('en-US')} images/s`;
  const time = `${duration(seconds)} so far`;
  if (!start) return [`step ${step}`, `epoch ${epoch + 1}`, ...costs, speed, time].join(', ');
  const steps = stepsOf(start);
  const full = Math.min(width, Math.round((width * step) / steps));
  const bar = `[${'█'.repeat(full)}${'░'.repeat(width - full)}]`;
  // Steps from before the run was resumed are not part of `seconds`.
  const made = step - start.startStep;
  const left = made > 0 ? `${duration(((steps - step) * seconds) / made)} left` : 'going on';
  const state = end ? `${end.reason} after ${duration(end.seconds)}` : left;
  return [`${bar} step ${step} of ${steps}`, `epoch ${epoch + 1} of ${start.epochs}`, ...costs, speed, state].join(
    ', ',
  );
}

/** How several runs are watched. */
export interface WatchAllOptions {
  /** Ends the training between two steps. Default: an interrupt of the cell. */
  signal?: AbortSignal;
  /** Title of the live plot. */
  title?: string;
  /** The minimum number of milliseconds between two updates of the line; default 1000. */
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
 * Trains runs one after another, or reads them if they are finished, and shows below the cell a line of progress and
 * one plot of all their validation accuracies, which grows epoch by epoch. Outside of a notebook it prints one line per
 * run.
 *
 * An interrupt of the cell stops the current run and skips those after it; a second call continues them.
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
