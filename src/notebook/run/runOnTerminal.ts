import { relative } from 'node:path';
import type { RunResult } from './events.js';
import type { CellFault } from './failure.js';
import { duration } from '../../terminal/duration.js';
import { stopSignals } from '../../terminal/stopSignals.js';
import { STDOUT } from './outputFile.js';
import { showProgress } from './progress.js';
import { runNotebook, type RunOptions } from './runNotebook.js';

const TRACEBACK_LINES = 12;

const describe = (fault: CellFault): string => `cell ${fault.cell} (${fault.title}): ${fault.cause}`;

/** What a run came to, in lines for the terminal. */
function report({ fault, tolerated, executed, output, seconds: taken }: RunResult): string {
  const near = relative(process.cwd(), output);
  const file = output === STDOUT ? 'written to standard output' : `saved in ${near.startsWith('..') ? output : near}`;
  const allowed = tolerated.map((t) => `allowed to fail: ${describe(t)}\n`).join('');
  if (!fault) return `${allowed}ran ${executed} cells in ${duration(taken)}; ${file}\n`;
  const traceback = fault.traceback.slice(0, TRACEBACK_LINES).map((line) => `  ${line}\n`);
  return `${allowed}${traceback.join('')}failed in ${describe(fault)}\nwhat came before it is ${file}\n`;
}

/**
 * Runs a notebook for the terminal: progress and outcome on stderr, Ctrl-C interrupts the cell and a second one ends the
 * kernel. Resolves with the result, or undefined when it was interrupted before the first cell; sets the exit code.
 */
export async function runOnTerminal(options: RunOptions): Promise<RunResult | undefined> {
  const stop = stopSignals();
  const progress = showProgress(process.stderr);
  try {
    const { interrupt, kill } = stop;
    const result = await runNotebook({ ...options, interrupt, kill, onEvent: progress.onEvent });
    progress.close();
    process.stderr.write(report(result));
    if (!result.ok) process.exitCode = result.fault?.kind === 'interrupted' ? stop.exitCode() : 1;
    return result;
  } catch (error) {
    progress.close();
    if (!stop.interrupt.aborted) throw error;
    process.stderr.write('interrupted before the first cell; nothing is saved\n');
    process.exitCode = stop.exitCode();
    return undefined;
  } finally {
    stop.release();
  }
}
