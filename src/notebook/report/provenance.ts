import type { Notebook } from '../run/index.js';

/** What is known about a run, in the order in which a reader asks. Other keys follow under their own names. */
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

/** The rows [what, value] of the table that says where the results come from: whatever the runner noted down. */
export function readProvenance(notebook: Notebook): [string, string][] {
  const { sparsebook, papermill } = notebook.metadata;
  const notes: Record<string, unknown> = { ...timing(papermill), ...(sparsebook ?? {}) };
  const known = Object.keys(labels).filter((key) => key in notes);
  const others = Object.keys(notes).filter((key) => !(key in labels) && !elsewhere.has(key));
  return [...known, ...others]
    .map((key): [string, string] => [labels[key] ?? key, describe(notes[key])])
    .filter(([, value]) => value !== '');
}
