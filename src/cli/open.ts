import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { packageRoot } from '../notebook/jupyter/kernelSpec.js';
import { resolveNotebook } from '../notebook/run/notebookFile.js';
import { runCommand } from './output.js';
import { stopSignals } from './stopSignals.js';

interface Flags {
  port?: number;
  /** Whether to open the browser. */
  browser: boolean;
}

const say = (line: string): boolean => process.stderr.write(`${line}\n`);

function usualFolder(): string {
  const here = join(process.cwd(), 'notebooks');
  return existsSync(here) ? here : join(packageRoot, 'notebooks');
}

/**
 * Serves the notebooks until Ctrl-C, until the system asks the process to end or until its terminal is gone: what is not saved is saved
 * first, then kernels end. A second signal ends them at once.
 */
async function open(notebook: string | undefined, { port, browser }: Flags): Promise<void> {
  const file = notebook === undefined ? undefined : resolveNotebook(notebook);
  // Loaded late: the other commands need none of it.
  const [{ startServer }, { openBrowser }, { faults, fenced, tellFault }] = await Promise.all([
    import('../notebook/live/server/startServer.js'),
    import('../notebook/live/openBrowser.js'),
    import('../notebook/live/fence.js'),
  ]);
  faults.on('fault', say);
  const server = await startServer({
    folder: file === undefined ? usualFolder() : dirname(file),
    port,
    spareKernel: true,
  });
  const stop = stopSignals();
  stop.again.addEventListener('abort', () => process.exit(stop.exitCode()));
  const ended = new Promise<unknown>((resolve) => stop.interrupt.addEventListener('abort', resolve));
  // The last resort: whatever was overlooked costs nobody's work, and no other notebook its kernel.
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error: unknown) => {
      tellFault('the server', error);
      fenced('saving', () => server.notebooks.saveAll());
    });
  }
  const address = server.address(file === undefined ? undefined : basename(file));
  const opened = browser && openBrowser(address);
  say(`${opened ? 'The browser opens' : 'Open in a browser:'} ${address}`);
  say('Ctrl-C saves, ends the kernels and leaves.');
  // What the first page needs is loaded while the browser starts.
  if (file !== undefined) server.notebooks.at(basename(file)).catch(() => undefined);
  await ended;
  say('\nsaving, and ending kernels ...');
  for (const line of await server.close()) say(line);
  process.exit(0);
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65535) {
    throw new InvalidArgumentError('It must be a number from 1 to 65535.');
  }
  return value;
}

/** Adds `sparsebook open`. */
export function addOpenCommand(program: Command): void {
  program
    .command('open')
    .summary('open the notebooks in the browser')
    .description(
      'Open the notebooks, or one of them, in the browser: edit and run cells, move parameters, save. The server answers to this machine alone; Ctrl-C saves and ends it.',
    )
    .argument('[notebook]', 'a path, or the beginning of a name in notebooks/')
    .option('--port <number>', 'the port (default: 8765, or any that is free)', port)
    .option('--no-browser', 'only print the address')
    .addHelpText(
      'after',
      `
Examples:
  $ sparsebook open
  $ sparsebook open 01
  $ sparsebook open my/notebook.ipynb --port 8800 --no-browser`,
    )
    .action(open);
}

/** `sparsebook open` alone, which is up sooner than the program with all its commands. */
export async function openNotebooks(words: string[]): Promise<void> {
  const program = new Command('sparsebook').showHelpAfterError('(add --help for more)');
  addOpenCommand(program);
  await runCommand(() => program.parseAsync(['open', ...words], { from: 'user' }));
}
