import type { Command } from 'commander';
import { UserError } from '../errors.js';
import { differingSettings, runsCsv, shares } from '../experiments/results/runTable.js';
import { runRows, type SavedRunRow } from '../experiments/results/runRows.js';
import { textTable, type Cell } from '../formats/text.js';
import { runIds, runNamed, runsFolder } from '../training/log/listRuns.js';
import { keepOpen, portNumber } from './keepOpen.js';
import { shownPath } from './output.js';

type Row = Record<string, Cell>;

const headings: Record<string, string> = {
  'validation.best': 'best validation, %',
  'validation.last': 'last validation, %',
  'channels.closed': 'closed channels',
  'test.accuracy': 'test, %',
  'sparsity.complete': 'sparsity, complete, %',
};

/**
 * A run as a row: its results, and the settings in which it differs from others; a setting named like a result gets
 * another heading.
 */
function rowOf(run: SavedRunRow, settings: readonly string[]): Row {
  const numbers = Object.entries(run.numbers).map(
    ([name, value]) =>
      [headings[name], value === null || !shares.has(name) ? value : Number((100 * value).toFixed(2))] as const,
  );
  const row: Row = {
    run: run.id,
    ...(run.name !== null && { name: run.name }),
    ...(run.tags.length > 0 && { tags: run.tags.join(' ') }),
    state: run.state,
    epochs: run.epochs,
    steps: run.steps,
    ...Object.fromEntries(numbers),
  };
  for (const name of settings) row[name in row ? `setting ${name}` : name] = run.settings[name] ?? null;
  return row;
}

/** Rows that all have the same columns, in the order in which they first appear. */
function aligned(rows: readonly Row[]): Row[] {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const first = ['run', 'name', 'tags'].filter((name) => columns.includes(name));
  const order = [...first, ...columns.filter((name) => !first.includes(name))];
  return rows.map((row) => Object.fromEntries(order.map((name) => [name, row[name] ?? null])));
}

/** Turns rows into columns: the names of the values on the left, then one column per run. */
function turned(rows: readonly Row[]): Row[] {
  const names = Object.keys(rows[0] ?? {}).filter((name) => name !== 'run');
  return names.map((name) => ({ '': name, ...Object.fromEntries(rows.map((row) => [String(row.run), row[name]])) }));
}

interface Flags {
  json?: boolean;
  csv?: boolean;
  open?: boolean;
  port?: number;
  browser: boolean;
}

/**
 * Prints a table of all runs, a comparison of the named ones, or their numbers by machine names; or opens them in the
 * browser.
 */
async function runs(names: readonly string[], { json, csv, open, port, browser }: Flags): Promise<void> {
  const forms = Object.entries({ '--json': json, '--csv': csv, '--open': open }).flatMap(([flag, on]) =>
    on ? [flag] : [],
  );
  if (forms.length > 1)
    throw new UserError(`Runs must be asked for in one form; received ${forms.join(' and ')}. Leave one out.`);
  if (!open && (port !== undefined || !browser)) {
    throw new UserError(
      `${browser ? '--port' : '--no-browser'} must be given with --open; received it alone. Add --open, or leave it out.`,
    );
  }
  const folder = runsFolder();
  if (open) return openRuns(folder, names, { port, browser });
  const { runs: all, faults } = await runRows(folder);
  for (const fault of faults) process.stderr.write(`warning: ${fault}\n`);
  const chosen = names.length === 0 ? all : [...new Set(names.map((name) => runNamed(name, all)))];
  if (json) {
    const plain = chosen.map(({ saved, ...run }) => ({
      ...run,
      settings: Object.fromEntries(saved.map(({ name, value }) => [name, value])),
    }));
    return void process.stdout.write(`${JSON.stringify(plain, null, 2)}\n`);
  }
  if (csv) return void process.stdout.write(runsCsv(chosen));
  const settings = differingSettings(chosen);
  const rows = aligned(chosen.map((run) => rowOf(run, settings)));
  if (names.length > 0) process.stdout.write(textTable(turned(rows)));
  else if (rows.length > 0) process.stdout.write(textTable(rows));
  else process.stdout.write(`There are no runs in ${shownPath(folder)}.\n`);
}

/** Keeps a page of the runs open in the browser, with the named runs selected. */
async function openRuns(folder: string, names: readonly string[], { port, browser }: Flags): Promise<void> {
  const ids = (await runIds(folder)).map((id) => ({ id }));
  const chosen = new URLSearchParams(names.map((name) => ['run', runNamed(name, ids).id]));
  await keepOpen(browser, async () => {
    const { startRunsServer } = await import('../notebook/runs/startRunsServer.js');
    const server = await startRunsServer(folder, shownPath(folder), port);
    return {
      address: `${server.address('/')}${names.length > 0 ? `#${chosen}` : ''}`,
      hint: 'Ctrl-C closes the page; runs go on.',
      farewell: 'closed',
      close: () => {
        server.close();
        return Promise.resolve([]);
      },
    };
  });
}

/** Adds `sparsebook runs`. */
export function addRunsCommand(program: Command): void {
  program
    .command('runs')
    .summary('list and compare training runs')
    .description(
      'List the runs in data/runs with the settings in which they differ, or compare some of them side by side.',
    )
    .argument('[run...]', 'runs to compare; the beginning of a name is enough, and last is the newest')
    .option('--json', 'print their numbers as JSON, shares from 0 to 1')
    .option('--csv', 'print their numbers as comma-separated values, shares from 0 to 1')
    .option('--open', 'show them in the browser with their curves, kept up to date')
    .option('--port <number>', 'the port of that page (default: 8765, or any that is free)', portNumber)
    .option('--no-browser', 'only print its address')
    .addHelpText(
      'after',
      `
Examples:
  $ sparsebook runs
  $ sparsebook runs googlenet-l0-3f2a last
  $ sparsebook runs --csv > runs.csv
  $ sparsebook runs --open`,
    )
    .action(runs);
}
