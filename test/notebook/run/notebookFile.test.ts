import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'sparsebook';
import { notebookText, parseNotebook, readNotebook, resolveNotebook, type CodeCell } from 'sparsebook/notebook/run';
import { fuzzRuns } from '../../fuzz.ts';
import { schemaErrors } from './nbformat.ts';
import { fixtures, scratchFile } from './runs.ts';

function written(name: string, content: unknown): string {
  const file = scratchFile(name);
  const asItIs = typeof content === 'string' || content instanceof Uint8Array;
  writeFileSync(file, asItIs ? content : JSON.stringify(content));
  return file;
}

const minimal = { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [] as unknown[] };

const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

const refused: [string, unknown, RegExp][] = [
  ['no JSON', '{ "cells": [', /is not JSON/],
  ['a list', [], /no list of 'cells'/],
  ['nbformat 3', { ...minimal, nbformat: 3 }, /nbformat is 3; save it from Jupyter as nbformat 4/],
  [
    'a cell of an unknown type',
    { ...minimal, cells: [{ cell_type: 'heading', source: '' }] },
    /cell 1 has cell_type "heading"/,
  ],
  ['a deep nbformat', `{"cells": [], "nbformat": ${deep(20_000)}}`, /nbformat is a list/],
  ['a deep cell_type', `{"nbformat": 4, "cells": [{"cell_type": ${deep(20_000)}}]}`, /cell 1 has cell_type a list/],
  ['text that is not UTF-8', Buffer.from('{"cells": "caf\xe9"}', 'latin1'), /is not text in UTF-8/],
  ['a cell without source', { ...minimal, cells: [{ cell_type: 'raw' }] }, /cell 1 needs a 'source'/],
  [
    'tags that are no list',
    { ...minimal, cells: [{ cell_type: 'raw', source: '', metadata: { tags: 'x' } }] },
    /'tags'/,
  ],
];
for (const [what, content, message] of refused) {
  test(`refused with the file's name: ${what}`, async () => {
    const file = written('refused.ipynb', content);
    await assert.rejects(
      readNotebook(file),
      (error: Error) => error instanceof UserError && error.message.startsWith(file) && message.test(error.message),
    );
  });
}

test('a missing notebook is named', async () => {
  await assert.rejects(readNotebook('absent.ipynb'), /^UserError: there is no notebook absent.ipynb$/);
});

test('a notebook of nbformat 4.0 is brought up to 4.5: ids that are there and unique, keys that are needed', async () => {
  const cells = [
    { cell_type: 'code', source: 'a\nb', metadata: {} },
    { cell_type: 'markdown', source: ['c'], id: 'same' },
    { cell_type: 'markdown', source: '', id: 'same' },
    { cell_type: 'markdown', source: 'd', id: 'not an id!' },
  ];
  const notebook = await readNotebook(written('old.ipynb', { ...minimal, nbformat_minor: 0, cells }));
  assert.deepEqual(schemaErrors(notebook), []);
  assert.equal(new Set(notebook.cells.map(({ id }) => id)).size, 4);
  assert.equal(notebook.cells[1].id, 'same');
  assert.deepEqual(notebook.cells[0].source, ['a\n', 'b']);
});

test('a byte order mark is no part of a notebook', async () => {
  const file = written('marked.ipynb', `\ufeff${JSON.stringify(minimal)}`);
  assert.deepEqual((await readNotebook(file)).cells, []);
});

const counts: [unknown, number | null][] = [[3, 3], [null, null], ['4', null], [{}, null], [1.5, null], ['<b>', null]]; // prettier-ignore
for (const [saved, read] of counts) {
  test(`an execution count is a whole number or nothing: ${JSON.stringify(saved)}`, async () => {
    const cells = [{ cell_type: 'code', source: '', metadata: {}, outputs: [], execution_count: saved }];
    const [cell] = (await readNotebook(written('counted.ipynb', { ...minimal, cells }))).cells;
    assert.equal(cell.cell_type === 'code' && cell.execution_count, read);
  });
}

test('outputs are kept as they are, and are written again, whatever they are and however deep', async () => {
  const odd = [null, 5, { output_type: 'stream' }, { deep: JSON.parse(deep(10_000)) as unknown }];
  for (const [outputs, kept] of [
    [odd, odd],
    [{ a: 1 }, [{ a: 1 }]],
    [undefined, []],
  ]) {
    const file = written(
      'odd.ipynb',
      notebookText({ ...minimal, cells: [{ cell_type: 'code', source: '', outputs }] } as never),
    );
    const notebook = await readNotebook(file);
    const again = parseNotebook(Buffer.from(notebookText(notebook)), 'again');
    for (const [cell] of [notebook.cells, again.cells]) {
      assert.equal(notebookText((cell as CodeCell).outputs as never), notebookText(kept as never));
    }
  }
});

test('a notebook is written as Jupyter does: sorted keys, indented by one, a line end at the end', () => {
  const text = notebookText({ nbformat_minor: 5, nbformat: 4, metadata: { b: [], a: 'ü' }, cells: [] });
  assert.equal(
    text,
    '{\n "cells": [],\n "metadata": {\n  "a": "ü",\n  "b": []\n },\n "nbformat": 4,\n "nbformat_minor": 5\n}\n',
  );
});

test('a notebook is written so that it reads as it was, however its parts look', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const metadata = { value, 'ä "b"': [[], {}, [value]] };
      const notebook = { nbformat_minor: 5, nbformat: 4, metadata, cells: [] } as const;
      const text = notebookText({ ...notebook, cells: [] });
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(notebook)));
    }),
    { numRuns: fuzzRuns(100) },
  );
});

test('a notebook is found by its path, with or without its ending', () => {
  assert.equal(resolveNotebook(`${fixtures}/outputs.ipynb`), `${fixtures}/outputs.ipynb`);
  assert.equal(resolveNotebook('outputs', fixtures), `${fixtures}/outputs.ipynb`);
});
