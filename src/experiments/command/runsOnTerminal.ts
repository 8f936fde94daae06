import { shownPath } from '../../cli/output.js';
import { textTable, type Cell } from '../../formats/text.js';
import { listRuns, type RunSummary } from '../../training/log/listRuns.js';
import { readResult } from '../runResult.js';
import { runNamed } from '../runNamed.js';
import { runsFolder } from '../runsFolder.js';
import { givenIn } from '../settings/given.js';
import { valueText } from '../settings/settingWords.js';

type Row = Record<string, Cell>;

const percent = (share: number | undefined): number | null =>
  share === undefined ? null : Number((100 * share).toFixed(2));

/** What a run came to. One that is still going has the state of one that was killed. */
async function outcome(run: RunSummary): Promise<Row> {
  const result = run.end === 'finished' ? await readResult(run.dir) : undefined;
  return {
    run: run.id,
    state: run.end ?? 'going or killed',
    epochs: run.epochs,
    steps: run.step,
    'best validation, %': percent(run.best?.accuracy),
    'last validation, %': percent(run.last?.validation?.accuracy),
    'closed channels': run.last?.sparsity?.closed ?? null,
    'test, %': result?.['test, %'] ?? null,
    'sparsity, complete, %': result?.['sparsity, complete, %'] ?? null,
  };
}

/** The settings in which runs differ, as they are in one of them. */
function differing(runs: readonly RunSummary[]): (run: RunSummary) => Row {
  const valuesOf = (run: RunSummary): Map<string, string> =>
    new Map(givenIn(Object(run.settings) as object).map(({ name, value }) => [name, valueText(value)]));
  const all = new Map(runs.map((run) => [run, valuesOf(run)]));
  const names = [...new Set([...all.values()].flatMap((values) => [...values.keys()]))];
  const differ = names.filter((name) => new Set([...all.values()].map((values) => values.get(name))).size > 1);
  return (run) => Object.fromEntries(differ.map((name) => [name, all.get(run)?.get(name)]));
}

/** Rows as columns: what they have in common to the left, a column for each. */
function turned(rows: readonly Row[]): Row[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => name !== 'run');
  return names.map((name) => ({ '': name, ...Object.fromEntries(rows.map((row) => [String(row.run), row[name]])) }));
}

/** What runs came to and in which settings they differ; a setting named like an outcome is told from it. */
function comparison(outcomes: readonly Row[], settings: readonly Row[]): Row[] {
  return outcomes.map((row, i) => {
    const named = Object.entries(settings[i]).map(([name, value]) => [name in row ? `setting ${name}` : name, value]);
    return { ...row, ...(Object.fromEntries(named) as Row) };
  });
}

/** Prints a table of all runs or, of those named, a comparison. */
export async function runsOnTerminal(names: readonly string[]): Promise<void> {
  const folder = runsFolder();
  const { runs, problems } = await listRuns(folder);
  for (const problem of problems) process.stderr.write(`warning: ${problem}\n`);
  const chosen = names.length === 0 ? runs : [...new Set(names.map((name) => runNamed(name, runs)))];
  const outcomes: Row[] = [];
  for (const run of chosen) outcomes.push(await outcome(run));
  if (names.length > 0) {
    process.stdout.write(textTable(turned(comparison(outcomes, chosen.map(differing(chosen))))));
  } else if (runs.length > 0) {
    process.stdout.write(textTable(outcomes));
  } else {
    process.stdout.write(`There are no runs in ${shownPath(folder)}.\n`);
  }
}
