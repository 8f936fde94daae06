import { styleText } from 'node:util';
import { UserError } from '../errors.js';
import { watchOutput } from './lostOutput.js';

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
