import { existsSync, watchFile } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Command } from 'commander';
import { reportingErrors } from '../notebook/live/reportErrors.js';
import { packageRoot } from '../notebook/jupyter/kernelSpec.js';
import { resolveNotebook } from '../notebook/run/notebookFile.js';
import { keepOpen, portNumber } from './keepOpen.js';
import { runCommand } from './output.js';

interface Flags {
  port?: number;
  /** Whether to open the browser. */
  browser: boolean;
  /** Whether to restart kernels when the library is rebuilt. */
  watch?: boolean;
}

/** The folder `notebooks` of the current folder or of this project, or else the current folder. */
export function usualFolder(): string {
  const folders = [process.cwd(), packageRoot].map((folder) => join(folder, 'notebooks'));
  return folders.find((folder) => existsSync(folder)) ?? process.cwd();
}

/**
 * Serves the notebooks until Ctrl-C, until the system asks the process to end or until its terminal is gone: unsaved
 * changes are kept in drafts first, then the kernels end. A second signal ends the process at once.
 */
async function open(notebook: string | undefined, { port, browser, watch }: Flags): Promise<void> {
  const file = notebook === undefined ? undefined : resolveNotebook(notebook);
  await keepOpen(browser, async () => {
    const { startServer } = await import('../notebook/live/server/startServer.js');
    const folder = file === undefined ? usualFolder() : dirname(file);
    const server = await startServer({ folder, port, spareKernel: true });
    if (watch) onRebuild(() => server.notebooks.restartKernels());
    // Loads what the first page needs while the browser starts.
    if (file !== undefined) server.notebooks.at(basename(file)).catch(() => undefined);
    return {
      address: server.address(file === undefined ? undefined : basename(file)),
      hint: 'Ctrl-C keeps what is not saved, ends the kernels and leaves.',
      farewell: 'keeping what is not saved, and ending kernels ...',
      rescue: () => server.notebooks.keepAll(),
      close: () => server.close(),
    };
  });
}

/** Calls `act` whenever `npm run build` or `npm run dev` has rebuilt the library. */
function onRebuild(act: () => Promise<void>): void {
  watchFile(join(packageRoot, 'dist', 'built'), { interval: 500, persistent: false }, (now, before) => {
    if (now.mtimeMs === before.mtimeMs) return;
    process.stderr.write('the library was rebuilt: kernels restart\n');
    reportingErrors('a restart of kernels', act);
  });
}

/** Adds `sparsebook open`. */
export function addOpenCommand(program: Command): void {
  program
    .command('open')
    .summary('open the notebooks in the browser')
    .description(
      'Open the notebooks, or one of them, in the browser: edit and run cells, move parameters, save. The server answers this machine alone; Ctrl-C saves unsaved changes as drafts and ends it.',
    )
    .argument('[notebook]', 'a path, or the beginning of a name in notebooks/')
    .option('--port <number>', 'the port (default: 8765, or any that is free)', portNumber)
    .option('--no-browser', 'only print the address')
    .option('--watch', 'restart kernels when the library is rebuilt')
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

/** Runs `sparsebook open` alone, which starts sooner than the program with all its commands. */
export async function openNotebooks(words: string[]): Promise<void> {
  const program = new Command('sparsebook').showHelpAfterError('(add --help for more)');
  addOpenCommand(program);
  await runCommand(() => program.parseAsync(['open', ...words], { from: 'user' }));
}
