import { duration } from '../formats/text.js';
import { percent } from '../experiments/results/tables.js';
import { titleOf } from '../experiments/sweep/points.js';
import { isOver, type PointState } from '../experiments/sweep/sweep.js';
import { bar, StatusLine, type TextStream } from './output.js';

/** How often a sweep prints a summary if its output is no terminal and nothing else happens. */
const SECONDS_BETWEEN_LINES = 60;

type State = PointState['state'];

const count = (states: readonly PointState[], ...of: State[]): number =>
  states.filter(({ state }) => of.includes(state)).length;

/** The number of points in each state, as one line. */
export function countsText(states: readonly PointState[]): string {
  const [failed, blocked, running, stopped] = (['failed', 'blocked', 'running', 'stopped'] as const).map((state) =>
    count(states, state),
  );
  const parts = [
    `${count(states, 'finished')} of ${states.length} done`,
    ...(running ? [`${running} running`] : []),
    ...(failed ? [`${failed} failed`] : []),
    ...(blocked ? [`${blocked} blocked`] : []),
    ...(stopped ? [`${stopped} stopped half done`] : []),
    ...(count(states, 'waiting') ? [`${count(states, 'waiting')} waiting`] : []),
  ];
  return parts.join(', ');
}

/** The details of a point besides its name and state: its results, its progress, or why it failed. */
function detailOf({ state, record, progress, reason }: PointState): string {
  if (state === 'finished' && record) {
    const { test, sparsity, seconds } = record;
    return `test ${percent(test.accuracy)} %, sparsity ${percent(sparsity.complete)} %, ${duration(seconds)}`;
  }
  if (state === 'running' && progress) {
    const { epoch, epochs, imagesPerSecond, left } = progress;
    return `epoch ${epoch} of ${epochs}, ${Math.round(imagesPerSecond)} images/s, ${duration(left)} left`;
  }
  return reason?.split('\n')[0] ?? '';
}

const words: Record<State, string> = {
  finished: 'done',
  running: 'running',
  failed: 'failed',
  blocked: 'blocked',
  stopped: 'stopped',
  waiting: 'waiting',
};

/** A point as one line: its state, name and details. */
export function pointLine(state: PointState): string {
  const detail = detailOf(state);
  return `${words[state.state].padEnd(8)} ${titleOf(state.point)}${detail === '' ? '' : `: ${detail}`}`;
}

/** The share of a point's training that is done; undefined if no process trains it. */
const shareDone = (state: PointState): number | undefined =>
  isOver(state) ? 1 : state.progress && state.progress.step / state.progress.steps;

/**
 * Returns a function that estimates the seconds left until all points are done from the training done since the first
 * states; undefined while there is none.
 */
export function timeLeft(now = () => performance.now()): (states: readonly PointState[]) => number | undefined {
  const began = now();
  /** The share of each point that was done before. */
  let before: Map<string, number> | undefined;
  return (states) => {
    const isFirst = before === undefined;
    before ??= new Map<string, number>();
    let [done, left] = [0, 0];
    for (const state of states) {
      const { id } = state.point;
      const share = shareDone(state);
      // The point from which a run continues is known only once it runs.
      if (share !== undefined && !before.has(id)) before.set(id, isOver(state) && !isFirst ? 0 : share);
      done += share === undefined ? 0 : share - before.get(id)!;
      left += 1 - (share ?? 0);
    }
    return done <= 0 ? undefined : ((now() - began) / 1000 / done) * left;
  };
}

/** Shows a sweep's states as they come. */
export interface SweepView {
  /** `left`: seconds until all are done. `notice`: what keeps the sweep from continuing. */
  onStates(states: readonly PointState[], left?: number, notice?: string): void;
  /** Leaves the terminal clean. */
  close(): void;
}

/**
 * Shows a sweep: on a terminal a table that changes in place, elsewhere a plain line for each point that is done or
 * failed and an occasional summary. Runs that finished before the first look are not printed one by one.
 */
export function showSweep(stream: TextStream, name: string): SweepView {
  const line = stream.isTTY ? new StatusLine(stream) : undefined;
  const printed = new Map<string, State>();
  let noticed = '';
  let first = true;
  let shownAt = performance.now();

  const onStates = (states: readonly PointState[], left?: number, notice = ''): void => {
    const over = states.filter(isOver);
    for (const state of over) {
      if (printed.get(state.point.id) === state.state) continue;
      printed.set(state.point.id, state.state);
      if (first && state.state === 'finished') continue;
      const text = pointLine(state);
      if (line) line.print(text);
      else stream.write(`${text}\n`);
      shownAt = performance.now();
    }
    const time = left === undefined || !Number.isFinite(left) ? '' : `, about ${duration(left)} left`;
    const summary = `${name}: ${countsText(states)}${time}${notice && `; ${notice}`}`;
    if (line) {
      const running = states.filter(({ state }) => state === 'running').map(pointLine);
      line.show(`${bar(over.length / Math.max(1, states.length))} ${summary}`, ...running);
    } else if (first || notice !== noticed || (performance.now() - shownAt) / 1000 > SECONDS_BETWEEN_LINES) {
      stream.write(`${summary}\n`);
      shownAt = performance.now();
      noticed = notice;
    }
    first = false;
  };
  return { onStates, close: () => line?.clear() };
}
