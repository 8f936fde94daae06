import { join, pause, resolve, Buffer, open } from '#platform';
import { runFiles, type LoggedEvent, parseEventLine } from './readRun.js';
import { UserError } from '../../errors.js';

/** Bytes read at once: between two pieces of a long log, other work can run. */
const PIECE_BYTES = 1 << 20;

/** The end of a log that another process may be writing: each read continues where the previous one stopped. */
export class LogTail {
  private at = 0;

  constructor(private readonly path: string) {}

  /**
   * The events since the last read, in pieces. An incomplete line is left for a later read, because a resumed run may
   * cut it off. Throws a UserError that names the file if there is no such log or a line of it is damaged.
   */
  async *read(): AsyncGenerator<LoggedEvent[], void, void> {
    const { path } = this;
    const file = await open(path, 'r').catch((error: Error) => {
      throw new UserError(`${path} cannot be read: ${error.message}. A run is a folder with such a file.`);
    });
    try {
      let bytes = Buffer.alloc(PIECE_BYTES);
      for (;;) {
        const { bytesRead } = await file.read(bytes, 0, bytes.length, this.at);
        const whole = bytes.subarray(0, bytesRead).lastIndexOf('\n') + 1;
        if (whole > 0) {
          this.at += whole;
          yield bytes
            .toString('utf8', 0, whole - 1)
            .split('\n')
            .map((line) => this.eventOf(line));
        } else if (bytesRead < bytes.length) return;
        // The line is longer than a piece.
        else bytes = Buffer.alloc(2 * bytes.length);
      }
    } finally {
      await file.close();
    }
  }

  private eventOf(line: string): LoggedEvent {
    const event = parseEventLine(line);
    if (!event) throw new UserError(`A line of ${this.path} is not an event: ${line.slice(0, 80)}`);
    return event;
  }
}

/** How a log is followed, and until when. */
export interface FollowOptions {
  /** Ends the reading. */
  signal?: AbortSignal;
  /** Milliseconds between two reads of the log. Default 500. */
  interval?: number;
}

/**
 * The events of a logged run, existing and future ones, until its end event or until `signal` aborts. Another process
 * may be writing them; if it is killed, this waits until the run is resumed.
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
