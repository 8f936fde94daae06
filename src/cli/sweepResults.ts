import { resolve } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../errors.js';
import { sweepNumbers, sweepResults, sweepTable, type SweepResult } from '../experiments/sweep/results.js';
import { Sweep } from '../experiments/sweep/sweep.js';
import type { ResultRow } from '../experiments/results/tables.js';
import { csvLine, textTable } from '../formats/text.js';
import { jsonFile, writeFileWhole } from '../platform/writeFile.js';
import type { Notebook } from '../notebook/run/notebook.js';
import { requireEnding } from '../notebook/run/notebookFile.js';
import { sweepFigure } from '../plots/sweep.js';
import { htmlPage } from './report.js';
import { shownPath } from './output.js';

async function resultsOf(name: string): Promise<SweepResult[]> {
  return sweepResults(await (await Sweep.open(name)).states());
}

function csvOf(rows: readonly ResultRow[]): string {
  const columns = Object.keys(rows[0] ?? {});
  return [csvLine(columns), ...rows.map((row) => csvLine(columns.map((name) => row[name])))].join('');
}

async function table(name: string, { json, csv }: { json?: boolean; csv?: boolean }): Promise<void> {
  if (json && csv)
    throw new UserError('A table must be printed as JSON or as CSV; received both --json and --csv. Leave one out.');
  const results = await resultsOf(name);
  const text = json
    ? `${JSON.stringify(sweepNumbers(results), null, 2)}\n`
    : csv
      ? csvOf(sweepNumbers(results))
      : textTable(sweepTable(results));
  process.stdout.write(text);
}

/** A page with the table and the figure of a sweep, rendered as the report of a notebook. */
async function pageOf(name: string, results: readonly SweepResult[]): Promise<string> {
  // Imported when needed: the other commands do not use it.
  const [{ renderReport }, { figureBundle }, { tableColumns, tableForms }] = await Promise.all([
    import('../notebook/report/renderReport.js'),
    import('../notebook/display/figure.js'),
    import('../notebook/display/table.js'),
  ]);
  const shown = [
    figureBundle(sweepFigure(results), {}),
    tableForms(tableColumns(sweepTable(results), {}), 'Means over the seeds of each group.'),
  ];
  const notebook: Notebook = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: [
      { cell_type: 'markdown', id: 'title', metadata: {}, source: `# Sweep ${name}` },
      {
        cell_type: 'code',
        id: 'results',
        metadata: {},
        source: `sb.loadSweep('${name}')`,
        execution_count: null,
        outputs: shown.map((data) => ({ output_type: 'display_data', data, metadata: {} })),
      },
    ],
  };
  return renderReport(notebook, { name, folder: process.cwd() });
}

async function plot(name: string, { output }: { output?: string }): Promise<void> {
  const sweep = await Sweep.open(name);
  const path = resolve(output ?? `${sweep.name}.html`);
  requireEnding(path, htmlPage);
  const results = sweepResults(await sweep.states());
  if (results.every(({ n }) => n === 0)) throw new UserError(`No run of the sweep ${sweep.name} is finished yet.`);
  await writeFileWhole(path, await pageOf(sweep.name, results), htmlPage);
  process.stderr.write(`wrote ${shownPath(path)}\n`);
}

async function save(name: string, file: string, { latency }: { latency?: boolean }): Promise<void> {
  if (!file.endsWith('.json')) throw new UserError(`The file must end in .json; received ${file}.`);
  // Imported when needed: the other commands need no tensors.
  const { savedSweep } = await import('../experiments/sweep/savedSweep.js');
  const sweep = await Sweep.open(name);
  const timed = latency ? (await (await import('../backend/useBackend.js')).useBackend()).description : undefined;
  const { about, ...lists } = await savedSweep(sweep, timed);
  // One record per line, so that a diff shows changes one by one.
  const lines = Object.entries(lists).map(
    ([key, list]: [string, object[]]) => `"${key}":[\n${list.map((each) => JSON.stringify(each)).join(',\n')}\n]`,
  );
  await writeFileWhole(file, `{${[`"about":${JSON.stringify(about)}`, ...lines].join(',\n')}}\n`, jsonFile);
  process.stderr.write(`wrote ${shownPath(resolve(file))}: ${lists.records.length} of ${sweep.points.length} runs\n`);
}

/** Adds the commands for the results of a sweep: `table`, `plot` and `save`. */
export function addResultCommands(command: Command): void {
  const about = 'its name or folder';
  command
    .command('table')
    .summary('print the results of a sweep: means, 95 % intervals, n')
    .argument('<sweep>', about)
    .option('--json', 'print it as JSON by machine names, shares from 0 to 1')
    .option('--csv', 'print it as comma-separated values, shares from 0 to 1')
    .action(table);
  command
    .command('plot')
    .summary('draw accuracy against sparsity in one HTML file')
    .argument('<sweep>', about)
    .option('-o, --output <file>', 'the HTML file (default: NAME.html)')
    .action(plot);
  command
    .command('save')
    .summary('write the records and histories of a sweep as one JSON file, for a notebook to show')
    .argument('<sweep>', about)
    .argument('<file>', 'the JSON file')
    .option('--latency', 'time the compact networks of all finished runs side by side, here and now')
    .action(save);
}
