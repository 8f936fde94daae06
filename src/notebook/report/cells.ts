import { duration } from '../../formats/text.js';
import { joined, secondsTaken, type CodeCell, partsOf } from '../run/notebook.js';
import { faultOf } from './provenance.js';
import { highlight } from '../render/highlight.js';
import { markup, type Html } from '../render/markup.js';
import type { OutputPage } from '../render/outputPage.js';
import { renderOutputs } from '../render/outputs.js';

/** Code of up to this many lines is open from the start; longer code unfolds at a click. */
const openLines = 8;

const warnings = {
  stale: 'The source of this cell has changed since it was run: what stands below is older than the code.',
  missing: 'This cell was not run: its outputs are missing.',
  failed: 'This cell ended in an error.',
};

function renderCode(cell: CodeCell, folded: boolean, language: string): Html | undefined {
  const source = joined(cell.source).replace(/\s+$/, '');
  if (!source) return undefined;
  const lines = source.split('\n').length;
  const open = lines <= openLines && !folded;
  const seconds = secondsTaken(cell) ?? 0;
  const time = seconds >= 0.1 ? ` · ${duration(seconds)}` : '';
  const details = `${lines} ${lines === 1 ? 'line' : 'lines'}${time}`;
  const count = cell.execution_count !== null && markup`<span class="count">[${cell.execution_count}]</span>`;
  const summary = markup`<summary>${count}<span class="show">code</span><span class="extent">${details}</span></summary>`;
  const code = markup`<pre><code>${highlight(source, language)}</code></pre>`;
  return markup`<details class="code"${open && ' open'}>${summary}${code}</details>`;
}

/** Renders a code cell: its code, folded if long, a warning if its outputs cannot be trusted, and its outputs. */
export function renderCodeCell(cell: CodeCell, number: number, page: OutputPage, language: string): Html | undefined {
  const fault = faultOf(cell);
  const parts = partsOf(cell);
  const rendered = parts.outputs === 'removed' ? undefined : renderOutputs(cell.outputs, page, number);
  const hidden = cell.outputs.length > 0 && parts.outputs === 'folded';
  const saved = rendered && markup`<div class="saved">${rendered}</div>`;
  const outputs = hidden ? markup`<details class="outputs"><summary>Show output</summary>${saved}</details>` : saved;
  const code = parts.source === 'removed' ? undefined : renderCode(cell, parts.source === 'folded', language);
  if (!code && !fault && (!outputs || cell.outputs.length === 0)) return undefined;
  const warning = fault && markup`<p class="warning ${fault}">${warnings[fault]}</p>`;
  return markup`<section class="cell" id="cell-${number}" aria-label="Cell ${number}">${code}${warning}${outputs}</section>`;
}
