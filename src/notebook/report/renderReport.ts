import { joined, type Notebook } from '../run/index.js';
import { renderCodeCell } from './cells.js';
import { escapeHtml } from './escape.js';
import { renderMarkdownCell, type Outline } from './markdown.js';
import { outputPage } from './outputPage.js';
import { renderNotices } from './renderNotices.js';
import { renderPage } from './page.js';
import { shownParameters, type ShownParameter } from './shownParameters.js';
import { readProvenance } from './provenance.js';

/** How a report is rendered. */
export interface ReportOptions {
  /** The notebook's name: the title where the notebook has no heading of level 1, and named in the footer. */
  name: string;
}

function renderParameter({ name, value, changedFrom, comment }: ShownParameter): string {
  const before =
    changedFrom === undefined ? '' : ` <span class="was">instead of <code>${escapeHtml(changedFrom)}</code></span>`;
  return (
    `<tr${before && ' class="changed"'}><th scope="row"><code>${escapeHtml(name)}</code></th>` +
    `<td class="value"><code>${escapeHtml(value)}</code>${before}</td><td>${escapeHtml(comment)}</td></tr>`
  );
}

function renderParameters(notebook: Notebook): string {
  const parameters = shownParameters(notebook);
  if (parameters.length === 0) return '';
  return `<section class="facts" aria-labelledby="parameters"><h2 id="parameters">Parameters</h2>
<div class="scroll"><table><thead><tr><th scope="col">Name</th><th scope="col">Value</th><th scope="col">Meaning</th></tr></thead>
<tbody>${parameters.map(renderParameter).join('')}</tbody></table></div></section>`;
}

function renderProvenance(notebook: Notebook): string {
  const rows = readProvenance(notebook);
  if (rows.length === 0) return '';
  const cells = rows.map(
    ([what, value]) => `<tr><th scope="row">${escapeHtml(what)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return `<section class="facts" aria-labelledby="provenance"><h2 id="provenance">Provenance</h2>
<div class="scroll"><table><tbody>${cells.join('')}</tbody></table></div></section>`;
}

/** Renders a notebook with its saved outputs as one HTML file that makes no network request. */
export function renderReport(notebook: Notebook, options: ReportOptions): string {
  const outline: Outline = { headings: [] };
  const page = outputPage();
  const cells = notebook.cells.map((cell, index) => {
    if (cell.cell_type === 'code') return renderCodeCell(cell, index + 1, page);
    if (cell.cell_type === 'markdown') {
      const html = renderMarkdownCell(joined(cell.source), outline, cell.attachments);
      return html.trim() && `<section class="prose">${html}</section>`;
    }
    return '';
  });
  const title = outline.title ?? { text: options.name, html: escapeHtml(options.name) };
  return renderPage({
    title: title.text,
    titleHtml: title.html,
    headings: outline.headings,
    introHtml: renderNotices(notebook) + renderParameters(notebook),
    mainHtml: cells.filter(Boolean).join('\n'),
    footerHtml: `${renderProvenance(notebook)}<p>Rendered by sparsebook from <code>${escapeHtml(options.name)}</code>. This page is one file and loads nothing.</p>`,
  });
}
