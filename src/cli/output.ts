import { EventEmitter } from 'node:events';
import { isAbsolute, relative } from 'node:path';
import { styleText } from 'node:util';
import { UserError } from '../errors.js';

/** How writing fails when the other end of a pipe is closed, or the terminal is gone. */
const unread = new Set(['EPIPE', 'ECONNRESET', 'EIO', 'ENXIO']);

/** The exit code of a program whose output is closed: 128 and the number of SIGPIPE. */
const CODE = 141;

/** Says 'lost' each time that something cannot be written to stdout or stderr. */
export const lostOutput = new EventEmitter<{ lost: [] }>();

/**
 * From now on output that cannot be written is an event of `lostOutput`, on which work that has something to save stops
 * in order; without such work the process ends. If the reason is another one than a closed output, such as a full disk,
 * the other stream says it.
 */
function watchOutput(): void {
  const { stdout, stderr } = process;
  for (const [stream, other] of [[stdout, stderr] as const, [stderr, stdout] as const]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      const silent = unread.has(error.code ?? '');
      if (!silent) other.write(`error: The output cannot be written: ${error.message}.\n`);
      if (!lostOutput.emit('lost')) process.exit(silent ? CODE : 1);
    });
  }
}

/**
 * Does a command's work. A person can mend a UserError and needs no stack: it is one line on stderr, and exit code 1.
 * Anything else is a defect of ours, and is thrown on.
 */
export async function runCommand(work: () => Promise<unknown>): Promise<void> {
  watchOutput();
  try {
    await work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const colour = process.stderr.isTTY && !process.env.NO_COLOR;
    process.stderr.write(`${colour ? styleText('red', 'error:') : 'error:'} ${error.message}\n`);
    process.exitCode = 1;
  }
}

/** Writes to standard output and resolves when it is written; throws a UserError when it is closed. */
export async function writeStdout(text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => reject(new UserError(`cannot write to standard output: ${error.message}`));
    process.stdout.once('error', fail);
    process.stdout.write(text, (error) => {
      if (error) return fail(error);
      process.stdout.off('error', fail);
      resolve();
    });
  });
}

/** A path as a person would type it: from the current folder if it lies below it, else in full. */
export function shownPath(path: string): string {
  const below = relative(process.cwd(), path);
  return below === '' || below.startsWith('..') || isAbsolute(below) ? path : below;
}
