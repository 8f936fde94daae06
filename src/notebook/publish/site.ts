import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../../errors.js';
import type { FolderKind } from '../../platform/writeFolder.js';
import { assetFolder } from '../assets.js';
import { pageProgram } from '../page/program.js';
import { renderReport, controls, footnote, renderPage, type Site } from '../report/renderReport.js';
import { isObject } from '../../formats/json.js';
import { isText, isExecuted, type Notebook, secondsTaken } from '../run/notebook.js';
import { readNotebook } from '../run/notebookFile.js';
import { duration, megabytes } from '../../formats/text.js';
import { Latex } from '../render/latex.js';
import { countTitles, type Outline, renderMarkdownCell, textsOf } from '../render/markdown.js';
import { asHtml, type Html, markup } from '../render/markup.js';
import { outputPage } from '../render/inNode.js';

/** The file that marks a folder as a site of ours: it names all the site's files. */
const MARK = 'sparsebook-site.json';
const LIST = 'index.html';
const SERVICE_WORKER = 'service-worker.js';

/** The names of the files of the site at a path; none if there is no site of ours. */
async function filesOf(path: string): Promise<string[]> {
  const mark: unknown = await readFile(join(path, MARK), 'utf8')
    .then((text) => JSON.parse(text) as unknown)
    .catch(() => undefined);
  return isObject(mark) && Array.isArray(mark.files) && isText(mark.files) ? mark.files : [];
}

/** What may be replaced at a path: a site that was published there, to which no file was added. */
export async function siteFolder(path: string): Promise<FolderKind> {
  return { name: 'a site that publish wrote', files: [...(await filesOf(path)), MARK], mark: MARK };
}

/** The names of the pages of the site at a path. Throws a UserError if there is no site of ours. */
export async function pagesOf(path: string): Promise<string[]> {
  const pages = (await filesOf(path)).filter((name) => name.endsWith('.html'));
  if (pages.length > 0) return pages;
  throw new UserError(`${path} must be a site that publish wrote, and holds no ${MARK}. Write one: sparsebook publish`);
}

/**
 * The names of the notebooks' pages, by notebook file; throws a UserError if two would have the same name on any file
 * system.
 */
function pageNames(notebooks: readonly string[]): Map<string, string> {
  const names = new Map(notebooks.map((file) => [file, `${basename(file, '.ipynb')}.html`]));
  const taken = new Set([LIST]);
  for (const [file, name] of names) {
    const plain = name.normalize().toLowerCase();
    if (taken.has(plain)) throw new UserError(`${file} cannot be the page ${name}: there is one already. Rename it.`);
    taken.add(plain);
  }
  return names;
}

/** A page of a site: its file name, its size, and the names of the notebook's runs that are missing here. */
export interface RenderedPage {
  name: string;
  bytes: number;
  missingRuns: string[];
}

export interface SiteOptions {
  runs?: (file: string) => boolean;
  onPage?: (page: RenderedPage) => void;
}

/**
 * Renders notebook files with their saved outputs as a site that any host of plain files can serve; returns the site's
 * files by name. Links from one notebook to another lead to its page. A notebook for which `runs` returns true can be
 * run in its page. `onPage` is called for each page. Throws a UserError if a file is not a notebook.
 */
export async function renderSite(
  notebooks: readonly string[],
  { runs = () => false, onPage = () => undefined }: SiteOptions = {},
): Promise<Map<string, Uint8Array>> {
  const names = pageNames(notebooks);
  const files = new Map<string, Uint8Array>();
  const share = (of: string, bytes: Uint8Array): string => {
    const name = `${of}-${createHash('sha256').update(bytes).digest('hex').slice(0, 10)}.bin`;
    files.set(name, bytes);
    return name;
  };
  const site = { list: LIST, serviceWorker: SERVICE_WORKER, share };
  const addresses = new Set([...names.values()].map(encodeURIComponent));
  const pages: ListedPage[] = [];
  for (const [file, name] of names) {
    const notebook = await readNotebook(file);
    const of = { name: basename(file, '.ipynb'), folder: dirname(file) };
    const program = runs(file) ? await pageProgram(notebook, of.name, of.folder) : undefined;
    const html = withLinks(renderReport(notebook, { ...of, program, site }), addresses);
    const bytes = Buffer.from(html);
    files.set(name, bytes);
    pages.push({ notebook, ...of, address: encodeURIComponent(name), bytes: bytes.length });
    onPage({ name, bytes: bytes.length, missingRuns: program?.notebook.missingRuns ?? [] });
  }
  files.set(LIST, Buffer.from(withLinks(renderList(pages, site), addresses)));
  files.set(SERVICE_WORKER, readFileSync(join(assetFolder, SERVICE_WORKER)));
  // Otherwise GitHub would leave out files whose names begin with _.
  files.set('.nojekyll', Buffer.alloc(0));
  files.set(MARK, Buffer.from(`${JSON.stringify({ files: [...files.keys()] }, null, 1)}\n`));
  return files;
}

/**
 * Makes a page's links to other notebooks of the site lead to their pages. Quotes outside of tags are escaped in a
 * page.
 */
function withLinks(html: string, addresses: ReadonlySet<string>): string {
  return html.replace(/ href="([^"]+)\.ipynb(?=["#])/g, (link, written: string) => {
    const address = addressOf(written);
    return addresses.has(address) ? ` href="${address}` : link;
  });
}

/** The address of a notebook's page, from a link to the notebook (without .ipynb) as its author wrote it in HTML. */
function addressOf(link: string): string {
  const path = link.replaceAll('&amp;', '&').replace(/^\.\//, '');
  try {
    return `${encodeURIComponent(decodeURIComponent(path))}.html`;
  } catch {
    return ''; // A stray per cent sign.
  }
}

/** A page that the list leads to. */
export interface ListedPage {
  /** The page's notebook, with its name and folder. */
  notebook: Notebook;
  name: string;
  folder: string;
  address: string;
  bytes: number;
}

/** How many paragraphs of a notebook the list shows. */
const paragraphs = 2;

/** The title of a notebook and the first paragraphs below it, with links into its page. */
function introductionOf({ notebook, name, folder, address }: ListedPage): { title: string; text?: Html } {
  const texts = textsOf(notebook.cells);
  const first = texts.find(({ source }) => countTitles(source) > 0) ?? texts[0];
  if (first === undefined) return { title: name };
  const blocks = first.source.split(/\n[^\S\n]*\n/).filter((block) => block.trim() !== '');
  const headings = blocks.filter((block) => block.trimStart().startsWith('#'));
  const source = [...headings.slice(0, 1), ...blocks.filter((block) => !headings.includes(block)).slice(0, paragraphs)];
  const outline: Outline = { headings: [] };
  const page = outputPage(folder, new Latex(() => texts));
  const text = renderMarkdownCell(source.join('\n\n'), outline, page, { id: first.id });
  const links = String(text).replaceAll(' href="#', ` href="${address}#`);
  return { title: outline.title?.text ?? name, text: asHtml(links) };
}

/** How long the run that produced a notebook's outputs took: as the runner noted, else the sum over the cells. */
function secondsOf({ metadata: { papermill }, cells }: Notebook): number {
  if (isObject(papermill) && typeof papermill.duration === 'number') return papermill.duration;
  return cells.filter(isExecuted).reduce((sum, cell) => sum + (secondsTaken(cell) ?? 0), 0);
}

function renderListed(page: ListedPage): Html {
  const { title, text } = introductionOf(page);
  const seconds = secondsOf(page.notebook);
  const run = seconds > 0 && ` · its run took ${duration(seconds)}`;
  return markup`<section class="prose">
<h2><a href="${page.address}">${title}</a></h2>
${text}<p><small>${megabytes(page.bytes)}${run}</small></p>
</section>
`;
}

/**
 * Renders the page that lists a site's pages: for each its title, its introduction, its size and how long its run took.
 */
export function renderList(pages: readonly ListedPage[], site: Site): string {
  const body = markup`<body>
<a class="skip" href="#main">Skip to the list</a>
<header>
<div class="kicker"><span>sparsebook</span>${controls}</div>
<h1>Notebooks</h1>
</header>
<main id="main" tabindex="-1">
${pages.map(renderListed)}</main>
<footer>
<p>Rendered by sparsebook. ${footnote(site)}</p>
</footer>`;
  return renderPage({ title: 'Notebooks', body, site });
}
