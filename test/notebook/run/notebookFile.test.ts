import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'sparsebook';
import type { Cell, CodeCell } from 'sparsebook/notebook/run/notebook.js';
import { notebookText, parseNotebook, readNotebook, resolveNotebook } from 'sparsebook/notebook/run/notebookFile.js';
import { machinePathRemover } from 'sparsebook/notebook/run/machinePaths.js';
import { cleanBundle } from 'sparsebook/notebook/run/outputArea.js';
import { cellTitle } from 'sparsebook/notebook/run/notebook.js';
import { terminalText } from 'sparsebook/notebook/run/terminalText.js';
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
  ['a file that is no JSON', '{ "cells": [', /is not JSON/],
  ['a list', [], /no list of 'cells'/],
  ['nbformat 3', { nbformat: 3, worksheets: [] }, /nbformat is 3; save it from Jupyter as nbformat 4/],
  ['cells without a nbformat', { cells: [] }, /nbformat is undefined/],
  ['another kind of JSON', { name: 'a package' }, /no list of 'cells'/],
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
    'tags that are not a list',
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

test('a notebook of nbformat 4.0 is brought up to 4.5: unique ids for all cells, and required keys', async () => {
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
  test(`an execution count is an integer or missing: ${JSON.stringify(saved)}`, async () => {
    const cells = [{ cell_type: 'code', source: '', metadata: {}, outputs: [], execution_count: saved }];
    const [cell] = (await readNotebook(written('counted.ipynb', { ...minimal, cells }))).cells;
    assert.equal(cell.cell_type === 'code' && cell.execution_count, read);
  });
}

test('outputs are kept and written again unchanged, whatever they are and however deep', async () => {
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

test('a notebook is written as Jupyter writes it: sorted keys, indented by one, a newline at the end', () => {
  const text = notebookText({ nbformat_minor: 5, nbformat: 4, metadata: { b: [], a: 'ü' }, cells: [] });
  assert.equal(
    text,
    '{\n "cells": [],\n "metadata": {\n  "a": "ü",\n  "b": []\n },\n "nbformat": 4,\n "nbformat_minor": 5\n}\n',
  );
});

test('a notebook reads the same after it is written, whatever its parts are', () => {
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

test('a notebook is found by its path, with or without its extension', () => {
  assert.equal(resolveNotebook(`${fixtures}/outputs.ipynb`), `${fixtures}/outputs.ipynb`);
  assert.equal(resolveNotebook('outputs', fixtures), `${fixtures}/outputs.ipynb`);
});

test('text is converted to what a terminal would show', () => {
  const cases: [string, string][] = [
    ['plain\ntext', 'plain\ntext'],
    ['windows\r\nlines\r\n', 'windows\nlines\n'],
    ['long line\rshort', 'shortline'],
    ['long line\r\x1b[Kshort', 'short'],
    ['long line\r\x1b[2Kshort\r', 'short'],
    ['ab\b\bcd', 'cd'],
    ['ab\b\b\b\bc', 'cb'],
    ['1\r2\r3\n4\r5', '3\n5'],
    ['█░░\r██░', '██░'],
    ['a\nb\n\x1b[2A\x1b[2KA\n\x1b[2KB\n', 'A\nB\n'],
    ['tab\there\b\bX', 'tab\theXe'],
    ['\x1b[32mworking\x1b[0m\rdone', 'done\x1b[32ming\x1b[0m'],
    ['\x1b[33m50%\x1b[39m\r\x1b[32m100%\x1b[39m', '\x1b[32m100%\x1b[0m'],
    ['a\r\x1b[1;38;5;208;41mb', '\x1b[1;38;5;208;41mb'],
    ['abc\x1b[2Dx\x1b[1Gy\x1b[Cz', 'yxz'],
    ['\x1b[?25l10 %\r20 %', '20 %'],
    ['\x1b]8;;https://x.org\x07link\x1b]8;;\x1b\\\rL\x1b(B\x1b=', 'Link'],
    ['\x1b[?25lone\ntwo\x1b[1A\x1b[>1u\x1b[2J\x1b[Hthree\x1b[?25h', 'three'],
  ];
  for (const [raw, shown] of cases) assert.equal(terminalText(raw), shown, JSON.stringify(raw));
});

const markdown = (source: string): Cell => ({ cell_type: 'markdown', id: 'm', metadata: {}, source });
const code = (source: string): Cell => ({
  cell_type: 'code',
  id: 'c',
  metadata: {},
  source,
  outputs: [],
  execution_count: null,
});

test('a cell is named by the nearest heading above it, or else by its first comment or its first line', () => {
  const fenced = markdown('prose\n## Training *two* [lambdas](x.md)\n```sh\n# not a heading\n```');
  assert.equal(cellTitle([markdown('# One'), fenced, code('x')], 2), 'Training two lambdas');
  assert.equal(cellTitle([markdown('no heading'), code('// Load the data  \nx')], 1), 'Load the data');
  assert.equal(cellTitle([code('/**\n * Prepare\n */\nx')], 0), '* Prepare'.slice(0, 9));
  assert.equal(cellTitle([code('\nconst x = 1;\ny')], 0), 'const x = 1;');
  assert.equal(cellTitle([code(`// ${'long '.repeat(20)}`)], 0).length, 60);
});

const root = process.cwd();
const shortened: [what: string, text: string, shown: string][] = [
  ['a file address in a stack', `at f (file://${root}/dist/a.js:1:2)`, 'at f (dist/a.js:1:2)'],
  ['the project itself', `in ${root}`, 'in .'],
  ['the project with a slash', `in ${root}/.`, 'in ./.'],
  ['a folder whose name is longer', `not ${root}er`, `not ${root}er`],
  ['the home folder', '/home/al/.cache', '~/.cache'],
  ['the home folder at the end of a sentence', 'saved in /home/al.', 'saved in ~.'],
  ['a list of folders', 'PATH=/bin:/home/al/bin', 'PATH=/bin:~/bin'],
  [
    'another home folder',
    '/home/alice /home/al2 /home/al.b /home/al-b /home/alé',
    '/home/alice /home/al2 /home/al.b /home/al-b /home/alé',
  ],
  ['a path in a longer path', '/mnt/home/al/x backup/home/al ../home/al', '/mnt/home/al/x backup/home/al ../home/al'],
  ['an address', 'https://x.org/home/al/data.csv', 'https://x.org/home/al/data.csv'],
  ['an address with a port and a query', 'http://[::1]:80/home/al?in=/home/al', 'http://[::1]:80/home/al?in=/home/al'],
  ['an address, then a path', 'GET https://x.org/home/al /home/al', 'GET https://x.org/home/al ~'],
  ['a link in HTML', '<a href="https://x.org/home/al">/home/al</a>', '<a href="https://x.org/home/al">~</a>'],
  ['an image in base64', 'src="data:image/png;base64,AB+/home/al/+"', 'src="data:image/png;base64,AB+/home/al/+"'],
  ['a path after a colour', '\x1b[90m/home/al/x\x1b[39m', '\x1b[90m~/x\x1b[39m'],
  ['a quoted text', '{"a":"x\\n/home/al/y"}', '{"a":"x\\n~/y"}'],
];
for (const [what, text, shown] of shortened) {
  test(`paths of this machine are shortened where a path begins, and nowhere else: ${what}`, () => {
    assert.equal(machinePathRemover(root, '/home/al')(text), shown);
  });
}

test('the root of the file system is not removed', () => {
  assert.equal(machinePathRemover('/', '/')('/usr/lib'), '/usr/lib');
});

test('outputs reveal no path of this machine either, in any of their forms', () => {
  const bundle = {
    'text/plain': ['in /home/al\n', 'ok'],
    'text/html': '<b>/home/al/x</b>',
    'image/svg+xml': '<text>/home/al</text>',
    'image/png': '/home/al',
    'application/vnd.plotly.v1+json': { data: [{ text: ['/home/al/x', 1, null] }], layout: { title: '/home/al' } },
  };
  const clean = machinePathRemover(root, '/home/al');
  assert.deepEqual(cleanBundle(bundle, clean), {
    'text/plain': ['in ~\n', 'ok'],
    'text/html': '<b>~/x</b>',
    'image/svg+xml': '<text>~</text>',
    'image/png': '/home/al',
    'application/vnd.plotly.v1+json': { data: [{ text: ['~/x', 1, null] }], layout: { title: '~' } },
  });
  assert.equal(cleanBundle(bundle, clean), cleanBundle(bundle, clean), 'the same object: a page sees no change');
});
