import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../errors.js';
import type { Protocol } from '../experiments/protocols/protocol.js';
import { protocols } from '../experiments/protocols/protocols.js';
import { readRecord } from '../experiments/record.js';
import { settingsOf } from '../experiments/settings/schema.js';
import { givenIn, valueText } from '../experiments/settings/settle.js';
import { csvLine, textTable, type Cell } from '../formats/text.js';
import { listed, runIds, runNamed, runsFolder } from '../training/log/listRuns.js';
import { runFiles } from '../training/log/readRun.js';
import { isHeld } from '../training/log/runLock.js';
import { shownPath } from './output.js';

type Row = Record<string, Cell>;

/** A run as this command tells of it: numbers by machine names, `null` where there is none. */
interface Told {
  id: string;
  name: string | null;
  tags: string[];
  state: string;
  epochs: number;
  steps: number;
  numbers: Record<string, number | null>;
  /** As they were saved. */
  settings: object;
}

const headings: Record<string, string> = {
  'validation.best': 'best validation, %',
  'validation.last': 'last validation, %',
  'channels.closed': 'closed channels',
  'test.accuracy': 'test, %',
  'sparsity.complete': 'sparsity, complete, %',
};
const shares = ['validation.best', 'validation.last', 'test.accuracy', 'sparsity.complete'];
/** Settings that say nothing of what was learnt, and those that have a column of their own. */
const unasked = ['experiment', 'topology', 'name', 'tags', 'backend', 'threads', 'resume_training', 'again'];

async function settingsIn(dir: string): Promise<object> {
  return Object(JSON.parse(await readFile(join(dir, runFiles.settings), 'utf8'))) as object;
}

/** A run: one that is finished by its record and settings alone, so that a log of thousands of steps need not be read. */
async function toldOf(root: string, id: string): Promise<Told> {
  const dir = join(root, id);
  const [record, settings] = await Promise.all([readRecord(dir), settingsIn(dir).catch(() => undefined)]);
  if (record && settings) {
    const { name, tags, epochs, steps, validation, last, channels, test, sparsity } = record;
    return {
      id,
      name,
      tags,
      state: 'finished',
      epochs,
      steps,
      numbers: {
        'validation.best': validation.accuracy,
        'validation.last': last?.validation ?? validation.accuracy,
        'channels.closed': channels.all > 0 ? channels.closed : null,
        'test.accuracy': test.accuracy,
        'sparsity.complete': sparsity.complete,
      },
      settings,
    };
  }
  const run = await listed(dir);
  const { name = null, tags = [] } = Object(run.settings) as { name?: string | null; tags?: string[] };
  const held = await isHeld(join(dir, runFiles.lock)).catch(() => true);
  return {
    id,
    name,
    tags,
    state: held ? 'training' : run.end === 'finished' ? 'finished, not measured' : (run.end ?? 'killed'),
    epochs: run.epochs,
    steps: run.step,
    numbers: {
      'validation.best': run.best?.accuracy ?? null,
      'validation.last': run.last?.validation?.accuracy ?? null,
      'channels.closed': run.last?.sparsity?.closed ?? null,
      'test.accuracy': null,
      'sparsity.complete': null,
    },
    settings: Object(run.settings) as object,
  };
}

/** The runs of a folder that can be read, oldest first; the others are warned of. */
async function toldIn(root: string): Promise<Told[]> {
  const ids = await runIds(root);
  const runs: Told[] = [];
  // So many at once, since the number of files that may be open has a limit.
  for (let first = 0; first < ids.length; first += 32) {
    for (const run of await Promise.allSettled(ids.slice(first, first + 32).map((id) => toldOf(root, id)))) {
      if (run.status === 'fulfilled') runs.push(run.value);
      else process.stderr.write(`warning: ${(run.reason as Error).message}\n`);
    }
  }
  return runs;
}

/** A setting and its value. */
type Setting = readonly [name: string, value: unknown];

/** What was set of a run, by names with dots. */
const settingsOfRun = ({ settings }: Told): Setting[] =>
  givenIn(settings)
    .filter(({ name }) => !unasked.includes(name) && !name.startsWith('checkpoints.'))
    .map(({ name, value }) => [name, value]);

/** Tells which settings mean something beside the others of their run. */
function meaning({ settings }: Told): (name: string) => boolean {
  const { experiment } = settings as { experiment?: string };
  const protocol = (protocols as Record<string, Protocol | undefined>)[experiment ?? ''];
  const known = protocol && settingsOf(protocol.schema);
  return (name) => {
    try {
      return known?.get(name)?.conflict?.(settings) === undefined;
    } catch {
      // Another version's settings may lack what the rule looks at.
      return true;
    }
  };
}

/** The settings in which runs that have them differ, and their values in each run. */
function differing(runs: readonly Told[]): { names: string[]; values: Map<Told, Map<string, string>> } {
  const all = new Map(runs.map((run) => [run, new Map(settingsOfRun(run))]));
  const isVaried = (values: ReadonlyMap<Told, ReadonlyMap<string, unknown>>, name: string): boolean => {
    const found = [...values.values()].filter((own) => own.has(name)).map((own) => JSON.stringify(own.get(name)));
    return new Set(found).size > 1;
  };
  const names = [...new Set([...all.values()].flatMap((own) => [...own.keys()]))].filter((name) => isVaried(all, name));
  const values = new Map(
    runs.map((run) => {
      const means = meaning(run);
      const own = names.filter((name) => all.get(run)!.has(name) && means(name));
      return [run, new Map(own.map((name) => [name, valueText(all.get(run)!.get(name))]))];
    }),
  );
  return { names: names.filter((name) => isVaried(values, name)), values };
}

/** A run as a row: what it came to, and the settings in which it differs from others; one named like an outcome is told from it. */
function rowOf(run: Told, settings: readonly string[], values: ReadonlyMap<string, string>): Row {
  const numbers = Object.entries(run.numbers).map(
    ([name, value]) =>
      [headings[name], value === null || !shares.includes(name) ? value : Number((100 * value).toFixed(2))] as const,
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
  for (const name of settings) row[name in row ? `setting ${name}` : name] = values.get(name) ?? null;
  return row;
}

/** Rows that all have the same columns, in the order in which they first appear. */
function aligned(rows: readonly Row[]): Row[] {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const first = ['run', 'name', 'tags'].filter((name) => columns.includes(name));
  const order = [...first, ...columns.filter((name) => !first.includes(name))];
  return rows.map((row) => Object.fromEntries(order.map((name) => [name, row[name] ?? null])));
}

/** Rows as columns: what they have in common to the left, a column for each. */
function turned(rows: readonly Row[]): Row[] {
  const names = Object.keys(rows[0] ?? {}).filter((name) => name !== 'run');
  return names.map((name) => ({ '': name, ...Object.fromEntries(rows.map((row) => [String(row.run), row[name]])) }));
}

interface Flags {
  json?: boolean;
  csv?: boolean;
}

/** Prints a table of all runs or, of those named, a comparison; or their numbers by machine names. */
async function runs(names: readonly string[], { json, csv }: Flags): Promise<void> {
  if (json && csv) throw new UserError('Runs are printed as JSON or as CSV; received both --json and --csv.');
  const folder = runsFolder();
  const all = await toldIn(folder);
  const chosen = names.length === 0 ? all : [...new Set(names.map((name) => runNamed(name, all)))];
  if (json) {
    const plain = chosen.map((run) => ({ ...run, settings: Object.fromEntries(settingsOfRun(run)) }));
    return void process.stdout.write(`${JSON.stringify(plain, null, 2)}\n`);
  }
  const { names: settings, values } = differing(chosen);
  if (csv) {
    const columns = [
      'run',
      'name',
      'tags',
      'state',
      'epochs',
      'steps',
      ...Object.keys(headings),
      ...settings.map((name) => `settings.${name}`),
    ];
    process.stdout.write(csvLine(columns));
    for (const run of chosen) {
      const { id, name, tags, state, epochs, steps, numbers } = run;
      const given = settings.map((each) => values.get(run)!.get(each));
      const came = Object.keys(headings).map((each) => numbers[each]);
      process.stdout.write(csvLine([id, name, tags.join(' '), state, epochs, steps, ...came, ...given]));
    }
    return;
  }
  const rows = aligned(chosen.map((run) => rowOf(run, settings, values.get(run)!)));
  if (names.length > 0) process.stdout.write(textTable(turned(rows)));
  else if (rows.length > 0) process.stdout.write(textTable(rows));
  else process.stdout.write(`There are no runs in ${shownPath(folder)}.\n`);
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
    .addHelpText(
      'after',
      `
Examples:
  $ sparsebook runs
  $ sparsebook runs googlenet-l0-3f2a last
  $ sparsebook runs --csv > runs.csv`,
    )
    .action(runs);
}
