import { isObject } from '../../formats/json.js';
import { type Cell, hasTag, isExecuted, type Metadata, type Notebook } from '../run/notebook.js';
import { sourceHash } from '../run/notebookFile.js';
import { placesOf } from '../run/runNotebook.js';
import { type Html, joinedHtml, markup } from '../render/markup.js';

export type Fault = 'stale' | 'missing' | 'failed';

/**
 * Why a cell's saved outputs may be wrong: `stale`, its source has changed since it was run; `missing`, it was not run;
 * `failed`, it ended in an error. Undefined for cells that are not meant to run; without a hash nothing is `stale`.
 */
export function faultOf(cell: Cell): Fault | undefined {
  if (!isExecuted(cell)) return undefined;
  // A hash alone proves nothing: a run that stopped early leaves the hashes of the previous run.
  if (cell.outputs.length === 0 && cell.execution_count === null) return 'missing';
  const noted = (cell.metadata.sparsebook as Metadata | undefined)?.sourceHash;
  if (typeof noted === 'string' && noted !== sourceHash(cell.source)) return 'stale';
  const failed = cell.outputs.some((output: unknown) => isObject(output) && output.output_type === 'error');
  return failed && !hasTag(cell, 'raises-exception') ? 'failed' : undefined;
}

const sentences: Record<Fault, [one: string, many: string]> = {
  failed: ['cell ended in an error', 'cells ended in an error'],
  missing: ['cell was not run', 'cells were not run'],
  stale: ['cell has outputs older than its source', 'cells have outputs older than their source'],
};

/** Whether the run that made the outputs stopped early, from the record that headless runners share (papermill's). */
function stoppedEarly({ papermill: record }: Notebook['metadata']): boolean {
  if (!isObject(record) || typeof record.start_time !== 'string') return false;
  return record.exception === true || (record.end_time === undefined && record.duration === undefined);
}

/**
 * The box at the top of a report that counts the cells whose outputs cannot be trusted and links to each, or says that
 * the run stopped early; undefined if there is nothing to warn of.
 */
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

/** Labels for what is known about a run, most interesting first. Other keys follow under their own names. */
const labels: Record<string, string> = {
  date: 'Date',
  duration: 'Duration',
  data: 'Data',
  backend: 'Backend',
  hardware: 'Hardware',
  git: 'Git revision',
  revision: 'Git revision',
  versions: 'Versions',
};

/** Parts of the runner's notes that a report shows elsewhere. */
const elsewhere = new Set(['parameters', 'sourceHash']);

function describe(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(describe).filter(Boolean).join(', ');
  if (typeof value === 'object') {
    const parts = Object.entries(value).map(([key, entry]) => [key, describe(entry)]);
    return parts.flatMap(([key, text]) => (text ? [`${key} ${text}`] : [])).join(', ');
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** When a run began and how long it took, from the record that headless runners share (papermill's). */
function timing(record: unknown): { date?: string; duration?: string } {
  const { start_time, duration } = (record ?? {}) as { start_time?: unknown; duration?: unknown };
  return {
    ...(typeof start_time === 'string' ? { date: start_time.replace(/\.\d+Z$/, 'Z') } : {}),
    ...(typeof duration === 'number' ? { duration: `${duration.toFixed(1)} s` } : {}),
  };
}

/** The rows [what, value] of the table that says where the results come from: whatever the runner noted. */
export function readProvenance(notebook: Notebook): [string, string][] {
  const { sparsebook, papermill } = notebook.metadata;
  const notes: Record<string, unknown> = { ...timing(papermill), ...(sparsebook ?? {}) };
  const known = Object.keys(labels).filter((key) => key in notes);
  const others = Object.keys(notes).filter((key) => !(key in labels) && !elsewhere.has(key));
  return [...known, ...others]
    .map((key): [string, string] => [labels[key] ?? key, describe(notes[key])])
    .filter(([, value]) => value !== '');
}
