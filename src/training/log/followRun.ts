import { open, type FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../../errors.js';
import { parseEventLine, runFiles, type LoggedEvent } from './readRun.js';

export interface FollowOptions {
  /** Ends the reading. */
  signal?: AbortSignal;
  /** Milliseconds between two looks at the log. Default 500. */
  interval?: number;
}

/**
 * The events of a logged run, those that are there and those that come, until its last one says that it is over or `signal`
 * aborts. Another process may write them; if it is killed, this waits for the run to go on.
 *
 * Throws a UserError that names the file if there is no such log or a line of it is damaged.
 */
export async function* followRun(
  dir: string,
  { signal, interval = 500 }: FollowOptions = {},
): AsyncGenerator<LoggedEvent, void, void> {
  const path = join(resolve(dir), runFiles.metrics);
  const file = await open(path, 'r').catch((error: Error) => {
    throw new UserError(`${path} cannot be read: ${error.message}. A run is a folder with such a file.`);
  });
  try {
    let at = 0;
    let last: LoggedEvent | undefined;
    while (!signal?.aborted) {
      // Half a line may be cut off when the run goes on, so it counts only once its end is there.
      const bytes = await readFrom(file, at);
      const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
      at += whole.length;
      for (const line of whole.toString('utf8').split('\n').slice(0, -1)) {
        last = parseEventLine(line);
        if (!last) throw new UserError(`A line of ${path} is not an event: ${line.slice(0, 80)}`);
        yield last;
      }
      if (last?.type === 'end') return;
      await pause(interval, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await file.close();
  }
}

async function readFrom(file: FileHandle, start: number): Promise<Buffer> {
  const { size } = await file.stat();
  const bytes = Buffer.alloc(Math.max(0, size - start));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
  return bytes.subarray(0, bytesRead);
}
