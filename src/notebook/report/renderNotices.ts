import type { Notebook } from '../run/index.js';
import { placesOf } from '../run/placesOf.js';
import { escapeHtml } from './escape.js';
import { faultOf, type Fault } from './faultOf.js';

const sentences: Record<Fault, [one: string, many: string]> = {
  failed: ['cell ended in an error', 'cells ended in an error'],
  missing: ['cell was not run', 'cells were not run'],
  stale: ['cell has outputs older than its source', 'cells have outputs older than their source'],
};

/** The box at the top of a report that counts the cells whose outputs cannot be trusted and leads to each; empty if none. */
export function renderNotices(notebook: Notebook): string {
  const places = placesOf(notebook);
  const lines = (Object.keys(sentences) as Fault[]).flatMap((fault) => {
    const cells = places.filter(({ index }) => faultOf(notebook.cells[index]) === fault);
    if (cells.length === 0) return [];
    const links = cells.map(
      ({ index, number, title }) => `<a href="#cell-${index + 1}">cell ${number}, ${escapeHtml(title)}</a>`,
    );
    const sentence = sentences[fault][cells.length === 1 ? 0 : 1];
    return [`<li><strong>${cells.length} ${sentence}:</strong> ${links.join('; ')}</li>`];
  });
  return lines.length ? `<ul class="notices" role="note" aria-label="Warnings">${lines.join('')}</ul>` : '';
}
