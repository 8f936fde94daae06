import { escapeHtml } from './escape.js';
import { freshness } from './freshness.js';
import { highlight } from './highlight.js';
import { joined, type Cell } from './notebook.js';
import { renderOutputs, type FigureCounter } from './outputs.js';

/** Code of up to this many lines is open from the start; the rest unfolds at a click. */
const openLines = 8;

const warnings = {
  stale: 'The source of this cell has changed since it was run: what stands below is older than the code.',
  missing: 'This cell was not run: its outputs are missing.',
  failed: 'This cell ended in an error.',
};

/** How long a cell ran, from the timing that runners and Jupyter note down; empty where there is none. */
function duration(cell: Cell): string {
  const timing = (cell.metadata.execution ?? {}) as Record<string, string | undefined>;
  const start = timing['iopub.execute_input'] ?? timing['iopub.status.busy'];
  const end = timing['shell.execute_reply'] ?? timing['iopub.status.idle'];
  const seconds = (Date.parse(end ?? '') - Date.parse(start ?? '')) / 1000;
  if (!(seconds >= 0.1)) return '';
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function renderCode(cell: Cell): string {
  const source = joined(cell.source).replace(/\s+$/, '');
  if (!source) return '';
  const lines = source.split('\n').length;
  const tags = cell.metadata.tags ?? [];
  const open = lines <= openLines && !tags.includes('hide-input') && !tags.includes('injected-parameters');
  const details = [`${lines} ${lines === 1 ? 'line' : 'lines'}`, duration(cell)].filter(Boolean).join(' · ');
  const count = cell.execution_count == null ? '' : `<span class="count">[${cell.execution_count}]</span>`;
  return (
    `<details class="code"${open ? ' open' : ''}><summary>${count}<span class="show">code</span>` +
    `<span class="extent">${details}</span></summary>` +
    `<pre><code>${highlight(source, 'typescript')}</code></pre></details>`
  );
}

/** Renders a code cell: its code, folded when long, a warning where its outputs cannot be trusted, and its outputs. */
export function renderCodeCell(cell: Cell, number: number, counter: FigureCounter): string {
  const state = freshness(cell);
  const outputs = renderOutputs(cell.outputs ?? [], counter);
  const code = renderCode(cell);
  if (!code && !outputs) return '';
  const warning = state === 'fresh' ? '' : `<p class="warning ${state}">${escapeHtml(warnings[state])}</p>`;
  return `<section class="cell" id="cell-${number}" aria-label="Cell ${number}">${code}${warning}${outputs}</section>`;
}
