import { duration, megabytes } from '../../formats/text.js';
import { Latex } from '../render/latex.js';
import { countTitles, type Outline, renderMarkdownCell, textsOf } from '../render/markdown.js';
import { asHtml, type Html, markup } from '../render/markup.js';
import { outputPage } from '../render/inNode.js';
import { controls, footnote, renderPage, type Site } from '../report/renderReport.js';
import { isExecuted, isObject, type Notebook, secondsTaken } from '../run/notebook.js';

/** A page that the list leads to. */
export interface ListedPage {
  /** Its notebook, and the name and the folder that this has. */
  notebook: Notebook;
  name: string;
  folder: string;
  address: string;
  bytes: number;
}

/** So many paragraphs of a notebook say what it asks and what it shows. */
const paragraphs = 2;

/** The title of a notebook, and what its first text says below it, with links into its page. */
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

/** How long the run took that a notebook's outputs come from: what runners note, else its cells together. */
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
 * Renders the page that leads to those of a site: of each its title, what it asks and shows, its size and how long its
 * run took.
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
