import { join, pause, resolve } from '#platform';
import { LogTail } from './logTail.js';
import { runFiles, type LoggedEvent } from './readRun.js';

/** How a log is followed, and until when. */
export interface FollowOptions {
  /** Ends the reading. */
  signal?: AbortSignal;
  /** Milliseconds between two looks at the log. Default 500. */
  interval?: number;
}

/**
 * The events of a logged run, those that are there and those that come, until its last one says that it is over or
 * `signal` aborts. Another process may write them; if it is killed, this waits for the run to go on.
 *
 * Throws a UserError that names the file if there is no such log or a line of it is damaged.
 */
export async function* followRun(
  dir: string,
  { signal, interval = 500 }: FollowOptions = {},
): AsyncGenerator<LoggedEvent, void, void> {
  const tail = new LogTail(join(resolve(dir), runFiles.metrics));
  let last: LoggedEvent | undefined;
  while (!signal?.aborted) {
    for await (const events of tail.read()) {
      for (last of events) yield last;
    }
    if (last?.type === 'end') return;
    await pause(interval, undefined, { signal }).catch(() => undefined);
  }
}
