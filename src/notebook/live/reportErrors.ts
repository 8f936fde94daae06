import { EventEmitter } from 'node:events';
import { reasonOf } from '../../errors.js';

let last = '';

/** Reports each error as one line; the server listens and prints the lines in the terminal. */
export const reportedErrors = new EventEmitter<{ report: [line: string] }>();

/** Reports an error and where it occurred, but not the same line twice in a row. */
export function reportError(where: string, error: unknown): void {
  const line = `error in ${where}: ${reasonOf(error)}`.replace(/\s+/g, ' ').slice(0, 500);
  if (line !== last) reportedErrors.emit('report', line);
  last = line;
}

/** Runs work that is not awaited (timers, events): its errors are reported and stop nothing else. */
export function reportingErrors(where: string, work: () => unknown): void {
  try {
    Promise.resolve(work()).catch((error: unknown) => reportError(where, error));
  } catch (error) {
    reportError(where, error);
  }
}
