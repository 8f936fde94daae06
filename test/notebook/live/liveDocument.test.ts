import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Renderer } from 'sparsebook/notebook/live/document/liveCell.js';
import { LiveDocument } from 'sparsebook/notebook/live/document/liveDocument.js';
import { Clock } from 'sparsebook/notebook/live/document/slice.js';
import type { CellType, Patch } from 'sparsebook/notebook/live/protocol.js';
import { joined, type CodeCell, type Output } from 'sparsebook/notebook/run/notebook.js';
import { sourceHash } from 'sparsebook/notebook/run/notebookFile.js';
import { schemaErrors } from '../run/nbformat.ts';
import { codeCell, notebookOf } from '../report/fixture.ts';

const plain: Renderer = {
  markdown: ({ source }) => `<p>${joined(source)}</p>`,
  output: (output) => JSON.stringify(output),
  notice: (text) => text,
};
const printed = (text: string): Output => ({ output_type: 'stream', name: 'stdout', text: [text] });

function documentOf(...ids: string[]): { clock: Clock; document: LiveDocument } {
  const clock = new Clock();
  const cells = ids.map((id) => codeCell(`// ${id}`, { id }));
  return { clock, document: new LiveDocument(clock, notebookOf(...cells)) };
}

/** The state of a page after a patch, merged as in the browser. */
function merged(seen: Map<string, object>, { order, cells }: Pick<Patch, 'order' | 'cells'>): Map<string, object> {
  const next = new Map(seen);
  for (const [id, patch] of Object.entries(cells)) {
    const before = (next.get(id) ?? {}) as { outputs?: { length: number; changed: object } };
    const outputs = patch.outputs && {
      length: patch.outputs.length,
      changed: { ...before.outputs?.changed, ...patch.outputs.changed },
    };
    next.set(id, { ...before, ...patch, ...(outputs && { outputs }) });
  }
  for (const id of next.keys()) if (order && !order.includes(id)) next.delete(id);
  return next;
}

test('a page that has a version receives exactly the later changes', () => {
  const { clock, document } = documentOf('a', 'b', 'c');
  const first = document.since(0, plain);
  assert.deepEqual(first.order, ['a', 'b', 'c']);
  assert.deepEqual(Object.keys(first.cells), ['a', 'b', 'c']);
  const seen = clock.version;
  assert.deepEqual(document.since(seen, plain), { cells: {} });
  document.cell('b').edit('const b = 2;', 'page 1');
  const patch = document.since(seen, plain);
  assert.equal(patch.order, undefined);
  assert.deepEqual(patch.cells, { b: { text: { type: 'code', source: 'const b = 2;', tags: [], by: 'page 1' } } });
});

test('only the outputs that changed are sent, with the number of outputs', () => {
  const { clock, document } = documentOf('a');
  const cell = document.cell('a');
  const saved = cell.cell as CodeCell;
  saved.outputs = [printed('one\n'), { output_type: 'display_data', data: { 'text/plain': 'x' }, metadata: {} }];
  assert.equal(cell.refresh(), true);
  const seen = clock.version;
  saved.outputs = [printed('one\ntwo\n'), saved.outputs[1]];
  assert.equal(cell.refresh(), true);
  assert.deepEqual(Object.keys(document.since(seen, plain).cells.a.outputs?.changed ?? {}), ['0']);
  const later = clock.version;
  assert.equal(cell.refresh(), false);
  saved.outputs = [saved.outputs[0], { output_type: 'display_data', data: { 'text/plain': 'y' }, metadata: {} }];
  assert.equal(cell.refresh(), true);
  assert.deepEqual(document.since(later, plain).cells.a.outputs, {
    length: 2,
    changed: { 1: JSON.stringify(saved.outputs[1]) },
  });
  saved.outputs = [];
  cell.refresh();
  assert.deepEqual(document.since(clock.version - 1, plain).cells.a.outputs, { length: 0, changed: {} });
});

test('a cell whose source has changed since it ran is stale until its source is the one that ran', () => {
  const clock = new Clock();
  const ran = codeCell('const a = 1;', { id: 'a', outputs: [printed('1')] });
  ran.metadata.sparsebook = { sourceHash: sourceHash(ran.source) };
  const document = new LiveDocument(clock, notebookOf(ran));
  const fault = (): string | undefined => document.since(0, plain).cells.a.run?.fault;
  assert.equal(fault(), undefined);
  document.cell('a').edit('const a = 2;');
  assert.equal(fault(), 'stale');
  document.cell('a').edit('const a = 1;');
  assert.equal(fault(), undefined);
});

test('markdown is sent as text and as HTML, code only as text', () => {
  const { document } = documentOf('a');
  document.insert('markdown', 0, 'm').edit('**bold**');
  const { cells } = document.since(0, plain);
  assert.equal(cells.m.text?.html, '<p>**bold**</p>');
  assert.equal(cells.a.text?.html, undefined);
});

test('a hidden source or output is announced, and can still be edited', () => {
  const { document } = documentOf('a', 'b');
  document.cell('a').cell.metadata = { tags: ['remove-input'], jupyter: { outputs_hidden: true } };
  document.cell('a').edit('a');
  const { a, b } = document.since(0, plain).cells;
  assert.deepEqual([a.text?.source, a.text?.folded], ['a', ['source', 'outputs']]);
  assert.equal(b.text?.folded, undefined);
});

test('cells are inserted, moved, removed and restored, and change their type', () => {
  const { document } = documentOf('a', 'b', 'c');
  const order = (): string => document.list.map(({ id }) => id).join('');
  document.insert('code', 1, 'x');
  assert.equal(order(), 'axbc');
  document.move('x', 3);
  assert.equal(order(), 'abcx');
  document.move('x', 0);
  assert.equal(order(), 'xabc');
  document.remove('a');
  document.remove('c');
  assert.equal(order(), 'xb');
  assert.equal(document.restore()?.id, 'c');
  assert.equal(document.restore()?.id, 'a');
  assert.equal(document.restore(), undefined);
  assert.equal(order(), 'xabc');
  document.cell('a').become('markdown');
  assert.equal('outputs' in document.cell('a').cell, false);
  assert.deepEqual(schemaErrors(document.save()), []);
  assert.throws(() => document.cell('gone'), /no cell 'gone'/);
  assert.throws(() => document.insert('code', 0, 'a'), /has a cell 'a' already/);
});

test('after any changes, catching up from any version gives the state of a new page, and a valid notebook', () => {
  const types = fc.constantFrom<CellType>('code', 'markdown', 'raw');
  const action = fc.record({ kind: fc.nat(6), at: fc.nat(9), to: fc.nat(9), text: fc.string(), type: types });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 30 }), fc.nat(30), (actions, pause) => {
      const { clock, document } = documentOf('a', 'b');
      let page = new Map<string, object>();
      let seen = 0;
      actions.forEach(({ kind, at, to, text, type }, step) => {
        const { list } = document;
        const cell = list[at % Math.max(1, list.length)] as (typeof list)[number] | undefined;
        if (kind === 0) document.insert(type, to);
        else if (kind === 1) document.restore();
        else if (!cell) return;
        else if (kind === 2) document.remove(cell.id);
        else if (kind === 3) document.move(cell.id, to % list.length);
        else if (kind === 4) cell.edit(text);
        else if (kind === 5) cell.become(type);
        else if (cell.cell.cell_type === 'code') {
          cell.cell.outputs = [...cell.cell.outputs.slice(0, to % 3), printed(text)];
          cell.refresh();
        }
        if (step % (pause + 1) === 0) {
          page = merged(page, document.since(seen, plain));
          seen = clock.version;
        }
      });
      page = merged(page, document.since(seen, plain));
      const shown = (of: Map<string, object>): unknown =>
        Object.fromEntries([...of].map(([id, cell]) => [id, trimmed(cell)]));
      assert.deepEqual(shown(page), shown(merged(new Map(), document.since(0, plain))));
      assert.deepEqual(schemaErrors(document.save()), []);
      assert.ok(document.list.every(({ source, cell }) => source === joined(cell.source)));
    }),
    { numRuns: 200 },
  );
});

/** A page drops outputs beyond the length it was told. */
function trimmed(cell: { outputs?: { length: number; changed: Record<string, string> } }): object {
  const { outputs } = cell;
  if (!outputs) return cell;
  const kept = Object.entries(outputs.changed).filter(([index]) => Number(index) < outputs.length);
  return { ...cell, outputs: Object.fromEntries(kept) };
}
