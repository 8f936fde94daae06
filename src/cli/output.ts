import { EventEmitter } from 'node:events';
import { isAbsolute, relative } from 'node:path';
import { styleText } from 'node:util';
import { UserError } from '../errors.js';

/** The error codes of a write after the other end of a pipe was closed, or the terminal is gone. */
const unread = new Set(['EPIPE', 'ECONNRESET', 'EIO', 'ENXIO']);

/** The exit code of a program whose output is closed: 128 and the number of SIGPIPE. */
const CODE = 141;

/** Emits 'lost' each time a write to stdout or stderr fails. */
export const lostOutput = new EventEmitter<{ lost: [] }>();

/**
 * Makes each failed write an event of `lostOutput`, on which work that has something to save stops in order; without
 * such work the process ends. Reasons other than a closed output, such as a full disk, are printed on the other stream.
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
 * The error codes with which the system refuses a file or folder through no fault of the program: permissions, space,
 * or something else in its place.
 */
const refusals = new Set(
  'EACCES EPERM EROFS ENOSPC EDQUOT EIO EISDIR ENOTDIR EEXIST ELOOP ENAMETOOLONG EMFILE ENFILE'.split(' '),
);

/** The message of an error that a user can fix; undefined for a defect of ours. */
function faultOfUse(error: unknown): string | undefined {
  if (error instanceof UserError) return error.message;
  const { code = '', syscall, message } = Object(error) as NodeJS.ErrnoException;
  if (syscall === undefined || !refusals.has(code)) return undefined;
  return `The system refuses a file or folder: ${message}. Fix its permissions, free space, or name another.`;
}

/**
 * Runs a command. An error that a user can fix becomes one line on stderr and exit code 1; any other error is a defect
 * of ours and is rethrown.
 */
export async function runCommand(work: () => Promise<unknown>): Promise<void> {
  watchOutput();
  try {
    await work();
  } catch (error) {
    const fault = faultOfUse(error);
    if (fault === undefined) throw error;
    const colour = process.stderr.isTTY && !process.env.NO_COLOR;
    process.stderr.write(`${colour ? styleText('red', 'error:') : 'error:'} ${fault}\n`);
    process.exitCode = 1;
  }
}

/** Writes to standard output and resolves when the text is written; throws a UserError if it cannot be written. */
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

/** A path as a person would type it: relative to the current folder if it lies below it, else in full. */
export function shownPath(path: string): string {
  const below = relative(process.cwd(), path);
  return below === '' || below.startsWith('..') || isAbsolute(below) ? path : below;
}

/** The part of a terminal stream that output needs. */
export type TextStream = Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean; columns?: number; rows?: number };

const BAR_WIDTH = 20;

/** A bar that is filled up to a share between 0 and 1. */
export function bar(share: number): string {
  const filled = Math.round(BAR_WIDTH * Math.min(1, Math.max(0, share)));
  return '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
}

/** The last lines of a terminal, which change in place while lines that stay are written above them. */
export class StatusLine {
  private lines: string[] = [];

  constructor(private readonly stream: TextStream) {}

  /** Replaces the lines; what does not fit the terminal's width or height is cut off. */
  show(...lines: string[]): void {
    // Some terminals do not know their size and report 0.
    const [columns, rows] = [this.stream.columns || 80, this.stream.rows || 24];
    const cut = (line: string): string =>
      Array.from(line)
        .slice(0, columns - 1)
        .join('');
    const before = this.back();
    this.lines = lines.slice(0, rows - 1).map(cut);
    this.stream.write(`${before}${this.lines.join('\n')}`);
  }

  /** Writes a line that stays, above the lines that change. */
  print(line: string): void {
    this.stream.write(`${this.back()}${line}\n${this.lines.join('\n')}`);
  }

  clear(): void {
    const before = this.back();
    this.lines = [];
    this.stream.write(before);
  }

  /** The escape codes that move the cursor back to the beginning of the lines and erase them. */
  private back(): string {
    return `\r${'\x1b[A'.repeat(Math.max(0, this.lines.length - 1))}\x1b[${this.lines.length > 1 ? 'J' : 'K'}`;
  }
}
