import { freshness } from './freshness.js';
import type { Notebook } from './notebook.js';

type Fault = 'stale' | 'missing' | 'failed';

const sentences: Record<Fault, [one: string, many: string]> = {
  stale: ['cell has outputs older than its source', 'cells have outputs older than their source'],
  missing: ['cell was not run', 'cells were not run'],
  failed: ['cell ended in an error', 'cells ended in an error'],
};

/** The box at the top of a report that counts the cells whose outputs cannot be trusted and leads to each; empty if none. */
export function renderNotices(notebook: Notebook): string {
  const lines = (Object.keys(sentences) as Fault[]).flatMap((fault) => {
    const cells = notebook.cells.flatMap((cell, index) => (freshness(cell) === fault ? [index + 1] : []));
    if (cells.length === 0) return [];
    const links = cells.map((number) => `<a href="#cell-${number}">cell ${number}</a>`).join(', ');
    return [`<li><strong>${cells.length} ${sentences[fault][cells.length === 1 ? 0 : 1]}:</strong> ${links}</li>`];
  });
  return lines.length ? `<ul class="notices" role="note" aria-label="Warnings">${lines.join('')}</ul>` : '';
}
