import { EventEmitter } from 'node:events';

/** What writing fails with where nobody reads any more: the other end of a pipe is closed, or the terminal is gone. */
const unread = new Set(['EPIPE', 'ECONNRESET', 'EIO', 'ENXIO']);

/** The exit code of a program that nobody listens to any more: 128 and the number of SIGPIPE. */
const CODE = 141;

/** Says 'lost' each time that something cannot be written to stdout or stderr. */
export const lostOutput = new EventEmitter<{ lost: [] }>();

/**
 * From now on output that cannot be written is an event of `lostOutput`, on which work that has something to save stops in
 * order; without such work the process ends. Where the reason is another one than that nobody reads, such as a full disk,
 * the other stream says it.
 */
export function watchOutput(): void {
  const { stdout, stderr } = process;
  for (const [stream, other] of [[stdout, stderr] as const, [stderr, stdout] as const]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      const silent = unread.has(error.code ?? '');
      if (!silent) other.write(`error: The output cannot be written: ${error.message}.\n`);
      if (!lostOutput.emit('lost')) process.exit(silent ? CODE : 1);
    });
  }
}
