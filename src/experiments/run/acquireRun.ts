import { existsSync, join } from '#platform';
import type { TrainingEvent } from '../../training/events.js';
import { followRun } from '../../training/log/followRun.js';
import { RunFolder } from '../../training/log/runFolder.js';
import { readProvenance, runFiles } from '../../training/log/readRun.js';
import { isHeld, RunHeld } from '../../training/log/runLock.js';
import { readRecord } from './record.js';

/** The run is finished: the next events are those of its log. */
export interface LoadedEvent {
  type: 'loaded';
  run: string;
  dir: string;
  /** When it was trained: ISO 8601, UTC. */
  date: string;
  message: string;
}

/** Another process trains the run: the next events are those that it logs. */
export interface FollowedEvent {
  type: 'followed';
  run: string;
  dir: string;
  message: string;
}

/** An event of a run. */
export type RunEvent = TrainingEvent | LoadedEvent | FollowedEvent;

/** The result of asking for a run. */
export type Acquired =
  | { state: 'finished'; dir: string }
  | { state: 'held'; dir: string; why: string }
  | { state: 'taken'; dir: string; folder: RunFolder };

/**
 * Acquires the run of an identity: its folder is TITLE-IDENTITY, or TITLE-IDENTITY-2 and so on if it was trained again.
 * The newest folder is used; with `again`, a new one is made. Of several processes that ask at once, one gets the
 * folder.
 */
export async function acquireRun(root: string, title: string, identity: string, again: boolean): Promise<Acquired> {
  const dirOf = foldersOf(root, title, identity);
  let n = newestOf(dirOf);
  if (again && existsSync(join(dirOf(n), runFiles.settings))) n++;
  for (; ; n++) {
    const dir = dirOf(n);
    // A run that was prolonged since has another identity.
    const whose = existsSync(join(dir, runFiles.settings)) ? (await readProvenance(dir)).identity : undefined;
    if (whose !== undefined && whose !== identity) continue;
    if (await readRecord(dir)) return { state: 'finished', dir };
    try {
      const folder = await RunFolder.take(dir);
      // It may have been finished, or prolonged, while the lock was taken.
      if (await readRecord(dir)) {
        await folder.close();
        return { state: 'finished', dir };
      }
      return { state: 'taken', dir, folder };
    } catch (error) {
      if (!(error instanceof RunHeld)) throw error;
      return { state: 'held', dir, why: error.message };
    }
  }
}

/** The newest folder of the run of an identity, without acquiring it; undefined if there is none yet. */
export async function findRun(root: string, title: string, identity: string): Promise<string | undefined> {
  const dirOf = foldersOf(root, title, identity);
  for (let n = newestOf(dirOf); n > 0; n--) {
    if (!existsSync(join(dirOf(n), runFiles.settings))) continue;
    if ((await readProvenance(dirOf(n))).identity === identity) return dirOf(n);
  }
  return undefined;
}

/** The folders that a run may have, by number, counted from 1. */
const foldersOf =
  (root: string, title: string, identity: string) =>
  (n: number): string =>
    join(root, `${title}-${identity}${n === 1 ? '' : `-${n}`}`);

/** The number of the newest of these folders, or 1. */
function newestOf(dirOf: (n: number) => string): number {
  let n = 1;
  while (existsSync(join(dirOf(n + 1), runFiles.settings))) n++;
  return n;
}

/** The events of a run that another process trains, until that process is done with it or `signal` aborts. */
export async function* followed(dir: string, why: string, signal?: AbortSignal): AsyncGenerator<RunEvent, void, void> {
  yield { type: 'followed', run: dir, dir, message: `${why} What follows is its log.` };
  const over = new AbortController();
  const lock = join(dir, runFiles.lock);
  const look = setInterval(() => {
    if (signal?.aborted) over.abort();
    else void isHeld(lock).then((held) => held || over.abort());
  }, 300);
  try {
    const log = join(dir, runFiles.metrics);
    while (!existsSync(log) && !over.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 50));
    if (!over.signal.aborted) {
      // Its end event comes before its record is written: the caller reads the record once the lock is gone.
      for await (const event of followRun(dir, { signal: over.signal })) if (event.type !== 'end') yield event;
    }
    while (!over.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 50));
  } finally {
    clearInterval(look);
  }
}
