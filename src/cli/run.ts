import { type Command, InvalidArgumentError } from 'commander';
import { duration } from '../formats/text.js';
import type { CellFault, RunResult } from '../notebook/run/events.js';
import { notebookText } from '../notebook/run/notebookFile.js';
import { runNotebook, type RunOptions } from '../notebook/run/runNotebook.js';
import { shownPath, writeStdout } from './output.js';
import { addParameterOptions, type ParameterFlags, parametersFrom } from './parameterOptions.js';
import { showProgress } from './runProgress.js';
import { stopSignals } from './stopSignals.js';

/** The file name that stands for standard output. */
export const STDOUT = '-';

const TRACEBACK_LINES = 12;

const describe = (fault: CellFault): string => `cell ${fault.cell} (${fault.title}): ${fault.cause}`;

/** What a run came to, in lines for the terminal; `file` says where the notebook went. */
function outcome({ fault, tolerated, executed, seconds }: RunResult, file: string): string {
  const allowed = tolerated.map((t) => `allowed to fail: ${describe(t)}\n`).join('');
  if (!fault) return `${allowed}ran ${executed} cells in ${duration(seconds)}; ${file}\n`;
  const traceback = fault.traceback.slice(0, TRACEBACK_LINES).map((line) => `  ${line}\n`);
  return `${allowed}${traceback.join('')}failed in ${describe(fault)}\nwhat came before it is ${file}\n`;
}

/**
 * Runs a notebook for the terminal: progress and outcome on stderr, Ctrl-C interrupts the cell and a second one ends
 * the kernel. Resolves with the result, or undefined when it was interrupted before the first cell; sets the exit code.
 */
export async function runOnTerminal(options: RunOptions): Promise<RunResult | undefined> {
  const stop = stopSignals();
  const progress = showProgress(process.stderr);
  try {
    const { interrupt, kill } = stop;
    const toStdout = options.output === STDOUT;
    const target = toStdout ? { output: undefined, save: false } : {};
    const result = await runNotebook({ ...options, ...target, interrupt, kill, onEvent: progress.onEvent });
    progress.close();
    if (toStdout) await writeStdout(notebookText(result.notebook));
    const file = toStdout ? 'written to standard output' : `saved in ${shownPath(result.output)}`;
    process.stderr.write(outcome(result, file));
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

interface Flags extends ParameterFlags {
  output?: string;
  cellTimeout?: number;
  startTimeout?: number;
  allowErrors?: boolean;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number of seconds above 0.');
  return value;
}

/** Adds `sparsebook run`. */
export function addRunCommand(program: Command): void {
  addParameterOptions(program.command('run'))
    .summary('execute a notebook')
    .description(
      'Execute a notebook on its TypeScript kernel and save it after every cell. Parameters replace values of the cell tagged "parameters".',
    )
    .argument('<notebook>', 'a path, or the beginning of a name in notebooks/')
    .argument('[key=value...]', 'parameters')
    .option('-o, --output <file>', 'save to this file instead of in place; - is standard output')
    .option('--cell-timeout <seconds>', 'stop a cell that takes longer', seconds)
    .option('--start-timeout <seconds>', 'how long to wait for the kernel (default: 60)', seconds)
    .option('--allow-errors', 'go on after a cell that fails')
    .addHelpText(
      'after',
      `
Examples:
  $ sparsebook run 01
  $ sparsebook run 01 lambda_l0=20 --output lambda-20.ipynb
  $ sparsebook run 01 -p lambda_l0 20 -f settings.yaml -o lambda-20.ipynb
  $ sparsebook run 01 -y '{lambda_l0: 20, epochs: 3}' --kernel tslab -o - > lambda-20.ipynb
  $ sparsebook run notebooks/01-l0-googlenet.ipynb --cell-timeout 600`,
    )
    .action(async (notebook: string, words: string[], flags: Flags) => {
      await runOnTerminal({ ...flags, notebook, parameters: parametersFrom(words, flags) });
    });
}
