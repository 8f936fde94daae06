import { duration, hasTag, joined, secondsTaken, type CodeCell } from '../run/index.js';
import { escapeHtml } from './escape.js';
import { faultOf } from './faultOf.js';
import { highlight } from './highlight.js';
import type { OutputPage } from './outputPage.js';
import { renderOutputs } from './outputs.js';

/** Code of up to this many lines is open from the start; the rest unfolds at a click. */
const openLines = 8;

const warnings = {
  stale: 'The source of this cell has changed since it was run: what stands below is older than the code.',
  missing: 'This cell was not run: its outputs are missing.',
  failed: 'This cell ended in an error.',
};

/** How long a cell ran; empty where that is not known or too short to tell. */
function timeTaken(cell: CodeCell): string {
  const seconds = secondsTaken(cell) ?? 0;
  return seconds >= 0.1 ? duration(seconds) : '';
}

function renderCode(cell: CodeCell): string {
  const source = joined(cell.source).replace(/\s+$/, '');
  if (!source) return '';
  const lines = source.split('\n').length;
  const open = lines <= openLines && !hasTag(cell, 'hide-input');
  const details = [`${lines} ${lines === 1 ? 'line' : 'lines'}`, timeTaken(cell)].filter(Boolean).join(' · ');
  const count = cell.execution_count === null ? '' : `<span class="count">[${cell.execution_count}]</span>`;
  return (
    `<details class="code"${open ? ' open' : ''}><summary>${count}<span class="show">code</span>` +
    `<span class="extent">${details}</span></summary>` +
    `<pre><code>${highlight(source, 'typescript')}</code></pre></details>`
  );
}

/** Renders a code cell: its code, folded when long, a warning where its outputs cannot be trusted, and its outputs. */
export function renderCodeCell(cell: CodeCell, number: number, page: OutputPage): string {
  const fault = faultOf(cell);
  const outputs = renderOutputs(cell.outputs, page);
  const code = renderCode(cell);
  if (!code && !outputs) return '';
  const warning = fault ? `<p class="warning ${fault}">${escapeHtml(warnings[fault])}</p>` : '';
  return `<section class="cell" id="cell-${number}" aria-label="Cell ${number}">${code}${warning}${outputs}</section>`;
}
