import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../errors.js';
import { duration, megabytes } from '../formats/text.js';
import { resolveNotebook } from '../notebook/run/notebookFile.js';
import { checkFolderWritable, writeFolderWhole } from '../platform/writeFolder.js';
import { usualFolder } from './open.js';
import { shownPath } from './output.js';
import { addPageOptions, checkPageFlags, type PageFlags, runsInPage } from './report.js';

interface Flags extends PageFlags {
  check?: boolean;
}

const DEFAULT_FOLDER = 'site';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function usualNotebooks(): Promise<string[]> {
  const folder = usualFolder();
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^[^.].*\.ipynb$/.test(name));
  if (names.length === 0) throw new UserError(`there are no notebooks in ${folder}; name those to publish`);
  return names.sort().map((name) => join(folder, name));
}

/** Writes the site, whole or not at all. */
async function write(folder: string, given: readonly string[], flags: PageFlags): Promise<void> {
  checkPageFlags(flags);
  const name = basename(folder);
  if (/\.ipynb$|^\d\d$/.test(name)) {
    throw new UserError(
      `the first word of publish must be the folder that is written; received ${name}, which names a notebook. Write a folder before it: sparsebook publish ${DEFAULT_FOLDER} ${name}`,
    );
  }
  const notebooks = given.length > 0 ? given.map((name) => resolveNotebook(name)) : await usualNotebooks();
  // Imported when needed: the other commands do not use it.
  const { renderSite, siteFolder } = await import('../notebook/publish/site.js');
  await checkFolderWritable(folder, await siteFolder(folder));
  const started = performance.now();
  const files = await renderSite(notebooks, {
    runs: (file) => runsInPage(file, flags),
    onPage: ({ name, bytes, missingRuns: missing }) => {
      const without = missing.length > 0 ? `, without runs that are not in data/runs: ${missing.join('; ')}` : '';
      say(`  ${name}  ${megabytes(bytes)}${without}`);
    },
  });
  await writeFolderWhole(folder, files, await siteFolder(folder));
  const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  const taken = duration((performance.now() - started) / 1000);
  say(`wrote ${shownPath(folder)} (${files.size} files, ${megabytes(bytes)}) in ${taken}`);
}

/** Opens every page of the site; sets the exit code if one has a fault. */
async function check(folder: string): Promise<void> {
  const { checkSite } = await import('../notebook/publish/checkSite.js');
  let faulty = 0;
  for await (const { name, facts, faults } of checkSite(folder)) {
    if (faults.length > 0) faulty++;
    process.stdout.write(`${faults.length > 0 ? 'FAULTY' : 'good'}  ${name}  ${facts}\n`);
    for (const fault of faults) process.stdout.write(`    ${fault}\n`);
  }
  if (faulty > 0) process.exitCode = 1;
}

/** Adds `sparsebook publish`. */
export function addPublishCommand(program: Command): void {
  addPageOptions(program.command('publish'))
    .summary('write the notebooks as a web site')
    .description(
      'Write the notebooks, with their saved outputs, as a static web site: a page that lists them and a page for each, for any host and below any path. No cell is run. Only a folder with a site that was published before is replaced.',
    )
    .argument('[folder]', `the folder to write (default: ${DEFAULT_FOLDER})`)
    .argument('[notebook...]', 'paths, or the beginnings of names in notebooks/ (default: all that are there)')
    .option('--check', 'write nothing: open every page of the site in Chromium, from a plain server on this machine')
    .addHelpText(
      'after',
      `
Examples:
  $ sparsebook publish
  $ sparsebook publish site 01 03
  $ sparsebook publish site my/notebook.ipynb
  $ sparsebook publish --check

Exit codes: 0 if all is written or, with --check, every page is isolated, draws its figures, has no dead link within
the site, logs no error and asks nothing of another site; 1 if not, or if there is no Chromium to check with.`,
    )
    .action(async (given: string | undefined, notebooks: string[], { check: checks, ...flags }: Flags) => {
      const folder = resolve(given ?? DEFAULT_FOLDER);
      if (!checks) return write(folder, notebooks, flags);
      if (notebooks.length > 0)
        throw new UserError(
          `--check must be given a folder alone; received ${notebooks.join(' ')} as well. Leave that out`,
        );
      return check(folder);
    });
}
