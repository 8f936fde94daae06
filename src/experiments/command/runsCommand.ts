import type { Command } from 'commander';

/** Adds `sparsebook runs`. */
export function addRunsCommand(program: Command): void {
  program
    .command('runs')
    .summary('list and compare training runs')
    .description('List the runs in data/runs, or compare some of them: what they came to and which settings differ.')
    .argument('[run...]', 'runs to compare; the beginning of a name is enough, and last is the newest')
    .addHelpText(
      'after',
      `
Examples:
  $ sparsebook runs
  $ sparsebook runs 2026-01-31-120000 last`,
    )
    .action(async (names: string[]) => {
      // Imported when needed: help does without.
      const { runsOnTerminal } = await import('./runsOnTerminal.js');
      await runsOnTerminal(names);
    });
}
