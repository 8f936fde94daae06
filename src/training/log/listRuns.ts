import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EndEvent, EpochEvent, Scores } from '../events.js';
import { readRun, type LoggedRun } from './readRun.js';
import { runFiles } from './readRun.js';

/** A run in a few words. */
export interface RunSummary extends Omit<LoggedRun, 'events'> {
  /** Steps made. */
  step: number;
  /** Epochs finished. */
  epochs: number;
  /** The scores of its epoch with the best validation accuracy. */
  best?: Scores & { epoch: number };
  /** The last epoch that is over. */
  last?: EpochEvent;
  /** How it ended; undefined for a run that is still going or was killed. */
  end?: EndEvent['reason'];
  /** Milliseconds since 1970 of its first and last event. */
  began?: number;
  updated?: number;
}

/** The runs of a folder. */
export interface RunList {
  /** Oldest first. */
  runs: RunSummary[];
  /** Why the others cannot be read, a sentence each. */
  problems: string[];
}

/** The ids of the runs below `root`, oldest first: its folders that have settings. */
export async function runIds(root: string): Promise<string[]> {
  const names = existsSync(root) ? await readdir(root) : [];
  return names.filter((name) => existsSync(join(root, name, runFiles.settings))).sort();
}

/** The runs below `root`, by their ids. A folder that is not there has none; folders without settings are passed over. */
export async function listRuns(root: string): Promise<RunList> {
  const list: RunList = { runs: [], problems: [] };
  const ids = await runIds(root);
  // So many at once, since the number of files that may be open has a limit.
  for (let first = 0; first < ids.length; first += 16) {
    const read = ids.slice(first, first + 16).map((id) => readRun(join(root, id), { steps: false }));
    for (const run of await Promise.allSettled(read)) {
      if (run.status === 'fulfilled') list.runs.push(summaryOf(run.value));
      else list.problems.push((run.reason as Error).message);
    }
  }
  return list;
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
