import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../../errors.js';
import { checkWritable, writeFileWhole, type FileKind } from '../../platform/writeFile.js';
import { duration, readAssignments, readNotebook, resolveNotebook, runOnTerminal } from '../run/index.js';

const DEFAULT_NOTEBOOK = '01';
const reportFile: FileKind = { name: 'an HTML page', isOne: (head) => /^\s*<!doctype html/i.test(head.toString()) };

interface Flags {
  run: boolean;
  output?: string;
}

/** The notebook may be left out: `report lambda_l0=20` is about the first one. */
function splitWords(words: string[]): { notebook: string; assignments: string[] } {
  const [first, ...others] = words;
  if (first === undefined || first.includes('=')) return { notebook: DEFAULT_NOTEBOOK, assignments: words };
  return { notebook: first, assignments: others };
}

async function report(words: string[], flags: Flags): Promise<void> {
  const { notebook, assignments } = splitWords(words);
  const parameters = readAssignments(assignments);
  if (!flags.run && assignments.length > 0) {
    throw new UserError(
      `--no-run renders saved outputs, which ${assignments[0]} cannot change; leave out one of the two`,
    );
  }
  const file = resolveNotebook(notebook);
  const name = basename(file, '.ipynb');
  const page = resolve(flags.output ?? join('docs', 'reports', `${name}.html`));
  await checkWritable(page, reportFile);
  // Beside the notebook, not in it: a report at other values leaves the notebook as its author saved it.
  const executed = join(dirname(file), 'outputs', name, `${name}.ipynb`);
  const result = flags.run
    ? (await runOnTerminal({ notebook: file, parameters, output: executed }))?.notebook
    : await readNotebook(file);
  if (!result) return;
  const started = performance.now();
  // Loaded late: the other commands need none of it.
  const { renderReport } = await import('./renderReport.js');
  const html = renderReport(result, { name });
  await writeFileWhole(page, html, reportFile);
  const size = (Buffer.byteLength(html) / 1e6).toFixed(1);
  const taken = duration((performance.now() - started) / 1000);
  process.stderr.write(`wrote ${relative(process.cwd(), page)} (${size} MB) in ${taken}\n`);
}

/** Adds `sparsebook report`. */
export function addReportCommand(program: Command): void {
  program
    .command('report')
    .summary('execute a notebook and render it to one HTML file')
    .description(
      'Execute a notebook and render it, with its outputs, to one HTML file that needs no network. The executed notebook is saved in outputs/<name>/ beside the notebook, which stays as it is.',
    )
    .argument('[notebook]', `a path, or the beginning of a name in notebooks/ (default: ${DEFAULT_NOTEBOOK})`)
    .argument('[key=value...]', 'parameters, as for run')
    .option('--no-run', 'render the outputs that are saved in the notebook')
    .option('-o, --output <file>', 'the HTML file (default: docs/reports/<name>.html)')
    .addHelpText(
      'after',
      `
Examples:
  $ sparsebook report
  $ sparsebook report lambda_l0=20
  $ sparsebook report 01 lambda_l0=30 --output lambda-30.html
  $ sparsebook report notebooks/01-l0-googlenet.ipynb --no-run`,
    )
    .action((notebook: string | undefined, words: string[], flags: Flags) =>
      report([...(notebook === undefined ? [] : [notebook]), ...words], flags),
    );
}
