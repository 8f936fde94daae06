import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { UserError } from 'sparsebook';
import { notebookText, readNotebook, resolveNotebook } from 'sparsebook/notebook/run';
import { schemaErrors } from './nbformat.ts';
import { fixtures, scratchFile } from './runs.ts';

function written(name: string, content: unknown): string {
  const file = scratchFile(name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const minimal = { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [] as unknown[] };

const refused: [string, unknown, RegExp][] = [
  ['no JSON', '{ "cells": [', /is not JSON/],
  ['a list', [], /no list of 'cells'/],
  ['nbformat 3', { ...minimal, nbformat: 3 }, /nbformat is 3; save it from Jupyter as nbformat 4/],
  [
    'a cell of an unknown type',
    { ...minimal, cells: [{ cell_type: 'heading', source: '' }] },
    /cell 1 has cell_type "heading"/,
  ],
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

test('a notebook is written as Jupyter does: sorted keys, indented by one, a line end at the end', () => {
  const text = notebookText({ nbformat_minor: 5, nbformat: 4, metadata: { b: [], a: 'ü' }, cells: [] });
  assert.equal(
    text,
    '{\n "cells": [],\n "metadata": {\n  "a": "ü",\n  "b": []\n },\n "nbformat": 4,\n "nbformat_minor": 5\n}\n',
  );
});

test('a notebook is found by its path, with or without its ending', () => {
  assert.equal(resolveNotebook(`${fixtures}/outputs.ipynb`), `${fixtures}/outputs.ipynb`);
  assert.equal(resolveNotebook('outputs', fixtures), `${fixtures}/outputs.ipynb`);
});
