import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { UserError } from '../errors.js';
import { duration, megabytes } from '../formats/text.js';
import { packageRoot } from '../notebook/jupyter/kernelSpec.js';
import type { Notebook } from '../notebook/run/notebook.js';
import { type OutputKind, readNotebook, requireEnding, resolveNotebook } from '../notebook/run/notebookFile.js';
import type { RunOptions } from '../notebook/run/runNotebook.js';
import { checkWritable, writeFileWhole } from '../platform/writeFile.js';
import { shownPath, writeStdout } from './output.js';
import { addParameterOptions, type ParameterFlags, parametersFrom } from './parameterOptions.js';
import { runOnTerminal, STDOUT } from './run.js';

const DEFAULT_NOTEBOOK = '01';

/** The kind of file that a page is. */
export const htmlPage: OutputKind = {
  name: 'an HTML page',
  isOne: (head) => /^\s*<!doctype html/i.test(head.toString()),
  endings: ['.html', '.htm'],
  instead: { '.pdf': 'write an .html file, open it in a browser and print it to a PDF' },
};

/** The flags that decide what a page can do. */
export interface PageFlags {
  /** Whether the page only shows what is saved. */
  static?: boolean;
  /** Whether the page runs cells even for a notebook of another project. */
  runInPage?: boolean;
}

interface Flags extends ParameterFlags, PageFlags {
  run: boolean;
  output?: string;
  /** Whether to show the page in the browser. */
  open?: boolean;
}

/** Splits off the notebook, which may be left out: `report lambda_l0=20` is about the first one. */
function splitWords(words: string[]): { notebook: string; assignments: string[] } {
  const [first, ...others] = words;
  // A notebook may well be called lr=0.1.ipynb.
  const isNotebook = first?.endsWith('.ipynb') && existsSync(first);
  if (first === undefined || (first.includes('=') && !isNotebook))
    return { notebook: DEFAULT_NOTEBOOK, assignments: words };
  return { notebook: first, assignments: others };
}

/**
 * Executes a notebook for a report. The outputs are saved beside the notebook, not in it, so that a report with other
 * values leaves it as its author saved it. Resolves with undefined if it was interrupted; the files of an earlier run
 * then stay.
 */
async function execute(
  notebook: string,
  options: Omit<RunOptions, 'notebook'>,
  page: string,
): Promise<Notebook | undefined> {
  const name = basename(notebook, '.ipynb');
  const output = join(dirname(notebook), 'outputs', name, `${name}.ipynb`);
  const result = await runOnTerminal({ ...options, notebook, output, keepOutput: true });
  if (result && result.fault?.kind !== 'interrupted') return result.notebook;
  const kept = [...(page === STDOUT ? [] : [page]), output].filter((file) => existsSync(file));
  const old = kept.length > 0 ? `; as before: ${kept.map(shownPath).join(', ')}` : '';
  process.stderr.write(`no report is written${old}\n`);
  return undefined;
}

async function report(words: string[], flags: Flags): Promise<void> {
  const { notebook, assignments } = splitWords(words);
  const parameters = parametersFrom(assignments, flags);
  const [given] = [...assignments, ...Object.keys(parameters), ...(flags.kernel === undefined ? [] : ['--kernel'])];
  if (!flags.run && given !== undefined) {
    throw new UserError(`--no-run renders saved outputs, which ${given} cannot change; leave out one of the two`);
  }
  if (flags.open && flags.output === STDOUT) {
    throw new UserError('--open shows the file that is written, and -o - writes none; leave out one of the two');
  }
  checkPageFlags(flags);
  if (flags.output !== undefined && flags.output !== STDOUT) requireEnding(flags.output, htmlPage);
  const file = resolveNotebook(notebook);
  const name = basename(file, '.ipynb');
  const page = flags.output === STDOUT ? STDOUT : resolve(flags.output ?? join('docs', 'reports', `${name}.html`));
  if (page !== STDOUT) await checkWritable(page, htmlPage);
  const executed = flags.run
    ? await execute(file, { parameters, kernel: flags.kernel }, page)
    : await readNotebook(file);
  if (!executed) return;
  const started = performance.now();
  // Imported when needed: the other commands do not use it.
  const { renderReport } = await import('../notebook/report/renderReport.js');
  const { pageProgram } = await import('../notebook/page/program.js');
  const program = runsInPage(file, flags) ? await pageProgram(executed, name, dirname(file)) : undefined;
  const html = renderReport(executed, { name, folder: dirname(file), program });
  if (page === STDOUT) return writeStdout(html);
  await writeFileWhole(page, html, htmlPage);
  const taken = duration((performance.now() - started) / 1000);
  process.stderr.write(`wrote ${shownPath(page)} (${megabytes(Buffer.byteLength(html))}) in ${taken}\n`);
  const address = pathToFileURL(page).href;
  if (flags.open) {
    const { openAddress } = await import('../notebook/live/openBrowser.js');
    if (!openAddress(address)) process.stderr.write('there is no screen to open it on; its address is\n');
  }
  process.stderr.write(`${address}\n`);
}

/** Throws a UserError for flags that contradict each other. */
export function checkPageFlags({ static: saved, runInPage }: PageFlags): void {
  if (!saved || !runInPage) return;
  throw new UserError('--static makes a page that runs nothing, --run-in-page one that runs; leave out one of the two');
}

/** Adds the options of `PageFlags`. */
export const addPageOptions = (command: Command): Command =>
  command
    .option('--static', 'a page that only shows what is saved, and runs nothing')
    .option(
      '--run-in-page',
      'a page that runs even for a notebook of another project: anyone who opens it can run its cells',
    );

/**
 * Whether a notebook's page can run cells, which it does on the reader's machine: by default only for this project's
 * own notebooks.
 */
export function runsInPage(file: string, { static: saved, runInPage }: PageFlags): boolean {
  const own = join(packageRoot, 'notebooks');
  return !saved && (runInPage === true || (existsSync(own) && realpathSync(dirname(file)) === realpathSync(own)));
}

/** Adds `sparsebook report`. */
export function addReportCommand(program: Command): void {
  addPageOptions(addParameterOptions(program.command('report')))
    .summary('execute a notebook and render it to one HTML file')
    .description(
      'Execute a notebook and render it, with its outputs, to one HTML file that needs no network. The executed notebook is saved in outputs/<name>/ beside the original, which is not changed.',
    )
    .argument('[notebook]', `a path, or the beginning of a name in notebooks/ (default: ${DEFAULT_NOTEBOOK})`)
    .argument('[key=value...]', 'parameters, as for run')
    .option('--no-run', 'render the outputs that are saved in the notebook')
    .option('-o, --output <file>', 'the HTML file (default: docs/reports/<name>.html); - is standard output')
    .option('--open', 'open the page in the browser when it is written')
    .addHelpText(
      'after',
      `
Examples:
  $ sparsebook report
  $ sparsebook report lambda_l0=20 --open
  $ sparsebook report 01 lambda_l0=30 --output lambda-30.html
  $ sparsebook report notebooks/01-l0-googlenet.ipynb --no-run`,
    )
    .action((notebook: string | undefined, words: string[], flags: Flags) =>
      report([...(notebook === undefined ? [] : [notebook]), ...words], flags),
    );
}
