import { stripVTControlCharacters } from 'node:util';
import { type Command, InvalidArgumentError } from 'commander';
import { duration } from '../formats/text.js';
import type { CellFault, RunResult, CellPlace, RunEvent } from '../notebook/run/events.js';
import { notebookText } from '../notebook/run/notebookFile.js';
import { runNotebook, type RunOptions } from '../notebook/run/runNotebook.js';
import { shownPath, writeStdout, bar, StatusLine, type TextStream } from './output.js';
import { addParameterOptions, type ParameterFlags, parametersFrom } from './parameterOptions.js';
import { stopSignals } from './stopSignals.js';
import { terminalText } from '../notebook/run/terminalText.js';

/** The file name that stands for standard output. */
export const STDOUT = '-';

const TRACEBACK_LINES = 12;

const describe = (fault: CellFault): string => `cell ${fault.cell} (${fault.title}): ${fault.cause}`;

/** The result of a run, in lines for the terminal; `file` says where the notebook was written. */
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

export interface Progress {
  /** The listener for the run's events. */
  onEvent: (event: RunEvent) => void;
  /** Clears the line; call it however the run ended. */
  close: () => void;
}

/**
 * Shows a run on a terminal as one line that changes (bar, cell n of m, its title, its time, its last output), and
 * anywhere else as one plain line per finished cell.
 */
export function showProgress(stream: TextStream): Progress {
  return stream.isTTY ? changingLine(stream) : plainLines(stream);
}

function plainLines(stream: TextStream): Progress {
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'kernelReady') stream.write(`${event.kernel} is up after ${duration(event.seconds)}\n`);
    if (event.type !== 'cellEnd') return;
    const { number, total, title } = event.place;
    stream.write(`cell ${number} of ${total}: ${title} (${duration(event.seconds)}${event.fault ? ', failed' : ''})\n`);
  };
  return { onEvent, close: () => undefined };
}

function changingLine(stream: TextStream): Progress {
  const line = new StatusLine(stream);
  let place: CellPlace | undefined;
  let since = performance.now();
  let said = '';
  let timer: NodeJS.Timeout | undefined;
  const draw = (): void => {
    const time = duration((performance.now() - since) / 1000);
    const done = place ? (place.number - 1) / place.total : 0;
    const what = place ? `cell ${place.number} of ${place.total}: ${place.title}` : 'starting the kernel';
    line.show(`${bar(done)} ${what} · ${time}${said && ` · ${said}`}`);
  };
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'start') {
      timer = setInterval(draw, 200).unref();
      draw();
    } else if (event.type === 'cellStart') {
      place = event.place;
      since = performance.now();
      said = '';
      draw();
    } else if (event.type === 'message' && event.message.header.msg_type === 'stream') {
      const text = stripVTControlCharacters(terminalText(String(event.message.content.text)));
      said = text.trimEnd().split('\n').at(-1)?.trim() ?? said;
    }
  };
  const close = (): void => {
    clearInterval(timer);
    line.clear();
  };
  return { onEvent, close };
}
