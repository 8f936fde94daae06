import { hasTag, joined, type Notebook } from '../run/index.js';
import { renderCodeCell } from './cells.js';
import { countTitles, renderMarkdownCell, type Outline } from './markdown.js';
import { joinedHtml, markup, type Html } from './markup.js';
import { orNotice } from './notice.js';
import { outputPage } from './outputPage.js';
import { renderNotices } from './renderNotices.js';
import { renderPage } from './page.js';
import { shownParameters, type ShownParameter } from './shownParameters.js';
import { readProvenance } from './provenance.js';

/** How a report is rendered. */
export interface ReportOptions {
  /** The notebook's name: the title where the notebook has no heading of level 1, and named in the footer. */
  name: string;
  /** Where the notebook lies: pictures that its text names are read from there. None are without it. */
  folder?: string;
}

function renderParameter({ name, value, changedFrom, comment }: ShownParameter): Html {
  const before = changedFrom !== undefined && markup` <span class="was">instead of <code>${changedFrom}</code></span>`;
  const shown = markup`<td class="value"><code>${value}</code>${before}</td><td>${comment}</td>`;
  return markup`<tr${before && markup` class="changed"`}><th scope="row"><code>${name}</code></th>${shown}</tr>`;
}

function renderParameters(notebook: Notebook): Html | undefined {
  const parameters = shownParameters(notebook);
  if (parameters.length === 0) return undefined;
  return markup`<section class="facts" aria-labelledby="parameters"><h2 id="parameters">Parameters</h2>
<div class="scroll"><table><thead><tr><th scope="col">Name</th><th scope="col">Value</th><th scope="col">Meaning</th></tr></thead>
<tbody>${parameters.map(renderParameter)}</tbody></table></div></section>`;
}

function renderProvenance(notebook: Notebook): Html | undefined {
  const rows = readProvenance(notebook);
  if (rows.length === 0) return undefined;
  const cells = rows.map(([what, value]) => markup`<tr><th scope="row">${what}</th><td>${value}</td></tr>`);
  return markup`<section class="facts" aria-labelledby="provenance"><h2 id="provenance">Provenance</h2>
<div class="scroll"><table><tbody>${cells}</tbody></table></div></section>`;
}

/** Renders a notebook with its saved outputs as one HTML file that makes no network request. */
export function renderReport(notebook: Notebook, options: ReportOptions): string {
  const texts = notebook.cells.filter((cell) => cell.cell_type === 'markdown').map(({ source }) => joined(source));
  const titles = texts.reduce((count, text) => count + countTitles(text), 0);
  const outline: Outline = { headings: [], deeper: titles > 1 };
  const page = outputPage(options.folder);
  const cells = notebook.cells.map((cell, index) => {
    if (cell.cell_type === 'code') {
      return orNotice(`Cell ${index + 1}`, cell.source, () => renderCodeCell(cell, index + 1, page));
    }
    if (cell.cell_type === 'markdown' && !hasTag(cell, 'remove-cell')) {
      const { attachments, source } = cell;
      const html = renderMarkdownCell(joined(source), outline, page, { attachments, name: `Cell ${index + 1}` });
      return html.toString().trim() !== '' && markup`<section class="prose">${html}</section>`;
    }
    return undefined;
  });
  const title = outline.title ?? { text: options.name, html: markup`${options.name}` };
  return renderPage({
    title: title.text,
    titleHtml: title.html,
    headings: outline.headings,
    introHtml: joinedHtml([
      renderNotices(notebook),
      orNotice('The table of parameters', undefined, () => renderParameters(notebook)),
    ]),
    mainHtml: joinedHtml(cells, '\n'),
    footerHtml: markup`${orNotice('The provenance', undefined, () => renderProvenance(notebook))}<p>Rendered by sparsebook from <code>${options.name}</code>. This page is one file and loads nothing.</p>`,
  });
}
