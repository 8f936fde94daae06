import type { Notebook } from './notebook.js';

/** What is known about a run, in the order in which a reader asks. Other keys follow under their own names. */
const labels: Record<string, string> = {
  date: 'Date',
  seconds: 'Duration in seconds',
  data: 'Data',
  backend: 'Backend',
  hardware: 'Hardware',
  git: 'Git revision',
  revision: 'Git revision',
  versions: 'Versions',
};

/** Parts of the runner's notes that are for programs. */
const internal = new Set(['sourceHash', 'schema']);

function describe(value: unknown): string {
  if (Array.isArray(value)) return value.map(describe).filter(Boolean).join(', ');
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .filter(([, entry]) => entry !== null && entry !== undefined && entry !== '')
      .map(([key, entry]) => `${key} ${describe(entry)}`)
      .join(', ');
  }
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** The rows [what, value] of the table that says where the results come from: whatever `metadata.sparsebook` holds. */
export function readProvenance(notebook: Notebook): [string, string][] {
  const notes = notebook.metadata.sparsebook ?? {};
  const keys = [
    ...Object.keys(labels).filter((key) => key in notes),
    ...Object.keys(notes).filter((key) => !(key in labels)),
  ];
  return keys
    .filter((key) => !internal.has(key))
    .map((key): [string, string] => [labels[key] ?? key, describe(notes[key])])
    .filter(([, value]) => value !== '');
}
