import { isObject, type Notebook } from '../run/index.js';
import { placesOf } from '../run/runNotebook.js';
import { faultOf, type Fault } from './faultOf.js';
import { joinedHtml, markup, type Html } from './markup.js';

const sentences: Record<Fault, [one: string, many: string]> = {
  failed: ['cell ended in an error', 'cells ended in an error'],
  missing: ['cell was not run', 'cells were not run'],
  stale: ['cell has outputs older than its source', 'cells have outputs older than their source'],
};

/** Whether the run that the outputs come from stopped early, from the record that headless runners share (papermill's). */
function stoppedEarly({ papermill: record }: Notebook['metadata']): boolean {
  if (!isObject(record) || typeof record.start_time !== 'string') return false;
  return record.exception === true || (record.end_time === undefined && record.duration === undefined);
}

/** The box at the top of a report that counts the cells whose outputs cannot be trusted and leads to each, or says that the run stopped early; undefined if none. */
export function renderNotices(notebook: Notebook): Html | undefined {
  const places = placesOf(notebook);
  const lines = (Object.keys(sentences) as Fault[]).flatMap((fault) => {
    const cells = places.filter(({ index }) => faultOf(notebook.cells[index]) === fault);
    if (cells.length === 0) return [];
    const links = cells.map(
      ({ index, number, title }) => markup`<a href="#cell-${index + 1}">cell ${number}, ${title}</a>`,
    );
    const sentence = sentences[fault][cells.length === 1 ? 0 : 1];
    return [markup`<li><strong>${cells.length} ${sentence}:</strong> ${joinedHtml(links, '; ')}</li>`];
  });
  if (lines.length === 0 && stoppedEarly(notebook.metadata)) {
    lines.push(markup`<li><strong>The run that these outputs come from did not reach its end.</strong></li>`);
  }
  if (lines.length === 0) return undefined;
  return markup`<ul class="notices" role="note" aria-label="Warnings">${lines}</ul>`;
}
