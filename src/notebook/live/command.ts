import { type Command, InvalidArgumentError } from 'commander';

interface Flags {
  port?: number;
  browser: boolean;
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
    .action(async (notebook: string | undefined, flags: Flags) => {
      // Loaded late: the other commands need none of it.
      const { openOnTerminal } = await import('./openOnTerminal.js');
      await openOnTerminal({ notebook, ...flags });
    });
}
