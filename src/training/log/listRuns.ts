import { existsSync, join, readdir, stat } from '#platform';
import { dataFolder } from '../../data/dataFolder.js';
import type { EndEvent, EpochEvent, Scores } from '../events.js';
import { UserError } from '../../errors.js';
import { readRun, runFiles, type LoggedRun } from './readRun.js';

/** A summary of a run. */
export interface RunSummary extends Omit<LoggedRun, 'events'> {
  step: number;
  epochs: number;
  /** The scores of its epoch with the best validation accuracy. */
  best?: Scores & { epoch: number };
  /** The last finished epoch. */
  last?: EpochEvent;
  /** How it ended; undefined for a run that is still running or was killed. */
  end?: EndEvent['reason'];
  /** Milliseconds since 1970 of its first and last event. */
  began?: number;
  updated?: number;
}

/** The folder of runs: data/runs, or runs in the folder named by SPARSEBOOK_DATA. */
export const runsFolder = (): string => join(dataFolder(), 'runs');

/** When a run last began, in milliseconds since 1970; undefined for a folder without settings, which is not a run. */
export async function beganAt(dir: string): Promise<number | undefined> {
  return stat(join(dir, runFiles.settings)).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

/** The ids of runs in the order in which they began. */
export function inOrder(began: ReadonlyMap<string, number>): string[] {
  return [...began].sort(([a, at], [b, bt]) => at - bt || (a < b ? -1 : 1)).map(([id]) => id);
}

/** The ids of the runs below `root`, in the order in which they last began: its folders that have settings. */
export async function runIds(root: string): Promise<string[]> {
  const names = existsSync(root) ? await readdir(root) : [];
  const times = await Promise.all(names.map((name) => beganAt(join(root, name))));
  return inOrder(new Map(names.flatMap((name, i) => (times[i] === undefined ? [] : [[name, times[i]]]))));
}

/** Summarises a run from its log. Throws a UserError for a folder that is not a run. */
export async function listed(dir: string): Promise<RunSummary> {
  return summaryOf(await readRun(dir, { steps: false }));
}

function summaryOf({ events, ...facts }: LoggedRun): RunSummary {
  const epochs = events.filter((event) => event.type === 'epoch');
  const accuracy = ({ validation }: EpochEvent): number => validation?.accuracy ?? -1;
  const best = epochs.reduce<EpochEvent | undefined>(
    (best, epoch) => (accuracy(epoch) > (best ? accuracy(best) : -1) ? epoch : best),
    undefined,
  );
  return {
    ...facts,
    step: events.reduce((most, event) => ('step' in event ? Math.max(most, event.step) : most), 0),
    epochs: epochs.length,
    best: best?.validation && { ...best.validation, epoch: best.epoch },
    last: epochs.at(-1),
    end: events.findLast((event) => event.type === 'end')?.reason,
    began: events.at(0)?.time,
    updated: events.at(-1)?.time,
  };
}

/**
 * The run with this id, or the only run whose id begins with it, or the `last` one. Throws a UserError that lists the
 * runs.
 */
export function runNamed<Run extends { id: string }>(name: string, runs: readonly Run[]): Run {
  const found = name === 'last' ? runs.slice(-1) : runs.filter(({ id }) => id.startsWith(name));
  const exact = found.find(({ id }) => id === name);
  if (exact ?? found.length === 1) return exact ?? found[0];
  const fitting = found.length === 0 ? runs : found;
  throw new UserError(
    `${found.length === 0 ? 'No run begins' : 'Several runs begin'} with '${name}'. There are: ` +
      `${fitting.map(({ id }) => id).join(', ') || 'none'}.`,
  );
}
