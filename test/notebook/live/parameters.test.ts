import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LiveDocument } from 'sparsebook/notebook/live/document/liveDocument.js';
import {
  affectedCells,
  controlOf,
  parameterControls,
  ParameterPanel,
} from 'sparsebook/notebook/live/document/parameters.js';
import { Clock } from 'sparsebook/notebook/live/document/slice.js';
import type { ParameterControl } from 'sparsebook/notebook/live/protocol.js';
import { readNotebook } from 'sparsebook/notebook/run/notebookFile.js';
import { statementsIn, together } from 'sparsebook/notebook/run/cellNames.js';
import { type ParameterValue, readParameters, setParameter } from 'sparsebook/notebook/run/parameters.js';
import { codeCell, notebookOf } from '../report/fixture.ts';

const parametersCell = (source: string, tag = 'parameters') => codeCell(source, { id: tag, metadata: { tags: [tag] } });

const control = (value: ParameterValue, comment = '', type?: string): Omit<ParameterControl, 'cell'> =>
  controlOf({ name: 'x', keyword: 'const', value, type, comment });

test('a number gets a slider where its comment or its size says how far it may go, and a box elsewhere', () => {
  assert.deepEqual(control(20, 'the rent; try 10, 30, 50').range, { min: 0, max: 50, step: 1 });
  assert.deepEqual(control(12.5, 'the rent; try 10, 30, 50').range, { min: 0, max: 50, step: 0.1 });
  assert.deepEqual(control(0.5, 'share to remove (section 8)').range, { min: 0, max: 1, step: 0.01 });
  assert.deepEqual(control(3, 'blocks, 1 to 8').range, { min: 1, max: 8, step: 0.1 });
  assert.deepEqual(control(-1, 'from -2 to 2').range, { min: -2, max: 2, step: 0.1 });
  for (const [value, comment] of [
    [1280, 'training images; 45000 is all'],
    [0.001, 'learning rate'],
    [1, 'seed'],
    [64, 'images a step'],
  ] as const) {
    assert.equal(control(value, comment).range, undefined, comment);
  }
});

test('a text offers the words in quotes of its comment, and only those of its type', () => {
  assert.deepEqual(control('auto', "'simd' or 'cpu'; 'auto' takes the fastest").choices, {
    values: ['auto', 'simd', 'cpu'],
    only: false,
  });
  assert.deepEqual(control('a', '', "'a' | 'b'").choices, { values: ['a', 'b'], only: true });
  assert.deepEqual(control('a', "'a' or 'b'").choices, { values: ['a', 'b'], only: true });
  assert.equal(control('free', 'any text').choices, undefined);
});

test('the first notebook has a control for each parameter, with its comment', async () => {
  const { cells } = await readNotebook('notebooks/01-l0-googlenet.ipynb');
  const controls = parameterControls(cells);
  const lambda = controls.find(({ name }) => name === 'lambda_l0');
  assert.equal(lambda?.value, 20);
  assert.equal(lambda?.range?.max, 50);
  assert.match(lambda?.comment ?? '', /the rent/);
  assert.ok(controls.every(({ value, comment }) => value !== undefined && comment !== ''));
});

test('a value that a run injected is shown and changed where it is injected', () => {
  const declared = parametersCell('const a = 1; // how many\nconst b = 2;');
  const injected = parametersCell('const a = 5;', 'injected-parameters');
  assert.deepEqual(parameterControls([declared, injected]), [
    { name: 'a', comment: 'how many', value: 5, cell: 'injected-parameters' },
    { name: 'b', comment: '', value: 2, cell: 'parameters' },
  ]);
});

test('a new value changes the value alone', () => {
  const source = `// what to try\nconst a: number = -1.5; // 'a' // twice\nlet s = 'it', n = null as null | number;\nconst d = [1, 2] // list`;
  const changed = setParameter(
    setParameter(setParameter(setParameter(source, 'a', 2), 's', "it's"), 'd', ['x', 3]),
    'n',
    7,
  );
  assert.equal(
    changed,
    `// what to try\nconst a: number = 2; // 'a' // twice\nlet s = 'it\\'s', n = 7 as null | number;\nconst d = ['x', 3] // list`,
  );
  assert.equal(
    setParameter('const { o } = { o: { p: 1 } as object as Options };', 'o', { p: 2, 'q r': ['s'] }),
    "const { o } = { o: { p: 2, 'q r': ['s'] } as object as Options };",
  );
  assert.throws(() => setParameter(source, 'gone', 1), /declares no value for 'gone'/);
});

test('whatever value is set, reading the cell gives it back', () => {
  const value = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
  );
  const any = fc.oneof(value, fc.array(value));
  fc.assert(
    fc.property(any, fc.constantFrom("'a'", '"a"', '1'), (given, before) => {
      const [, read] = readParameters(setParameter(`const a = 1;\nconst b = ${before}; // c`, 'b', given));
      assert.deepEqual(JSON.parse(JSON.stringify(read.value)), JSON.parse(JSON.stringify(given)));
    }),
    { numRuns: 100 },
  );
});

test('the names of a cell: declared, used, assigned, changed from within, handed to calls', () => {
  const { declares, uses, assigns, mutates, passes } = together(
    statementsIn(
      `import * as sb from 'sparsebook';
const { a, b: [c] } = f(x.y);
list.push(a);
count += 1; --steps; [low, { high }] = [w]; for (row of rows) {}
(net as any).layers[0].rate = 1; delete table.row;
new Model({ data, more: [...parts], made: g(q) }, one ? two : three);
console.log(seen.join(), JSON.stringify(told), Object.keys(kept));
Object.assign(target, from);
function h() {}`,
    ),
  );
  const sorted = (names: Set<string>): string[] => [...names].sort();
  assert.deepEqual(sorted(declares), ['a', 'c', 'h', 'sb']);
  for (const name of ['f', 'x', 'list', 'count', 'low', 'rows', 'net', 'seen']) assert.ok(uses.has(name), name);
  assert.equal(uses.has('y') || uses.has('more'), false);
  assert.deepEqual(sorted(assigns), ['count', 'high', 'low', 'row', 'steps']);
  assert.deepEqual(sorted(mutates), ['Object', 'list', 'net', 'table']);
  assert.deepEqual(sorted(passes), ['a', 'data', 'from', 'one', 'parts', 'q', 'target', 'three', 'two', 'x'].sort());
});

test('a changed name runs its cell and what depends on it, directly, through others, or through what they change', () => {
  const cells = [
    ['p', 'const lambda = 20; const other = 1;'],
    ['data', 'const images = load(other);'],
    ['net', 'const net = build(images, lambda);'],
    ['list', 'const results = [];'],
    ['train', 'results.push(net);'],
    ['plain', 'console.log(images);'],
    ['show', 'show(results);'],
  ].map(([id, source]) => ({ id, source }));
  const all = (): boolean => true;
  // build may have changed the images that it was given.
  assert.deepEqual(affectedCells(cells, 'p', ['lambda'], all), ['p', 'net', 'train', 'plain', 'show']);
  assert.deepEqual(affectedCells(cells, 'p', ['other'], all), ['p', 'data', 'net', 'train', 'plain', 'show']);
  const someRan = (id: string): boolean => !['data', 'list'].includes(id);
  assert.deepEqual(affectedCells(cells, 'p', ['lambda'], someRan), [
    'p',
    'data',
    'net',
    'list',
    'train',
    'plain',
    'show',
  ]);
});

/** The cells that run again when `rate` moves, of cells that are told apart by their numbers; 0 declares it. */
function rerun(...sources: string[]): number[] {
  const cells = ['const rate = 2; // 1 to 10', ...sources].map((source, index) => ({ id: String(index), source }));
  return affectedCells(cells, '0', ['rate'], () => true).map(Number);
}

const changes: [string, string[], number[]][] = [
  ['a call', ['const w = [1];', 'scale(w, rate);', 'console.log(w);'], [0, 2, 3]],
  ['a method', ['const w = [1];', 'w.fill(rate);', 'console.log(w);'], [0, 2, 3]],
  ['Object.assign', ['const w = {};', 'Object.assign(w, { rate });', 'console.log(w);'], [0, 2, 3]],
  [
    'a destructuring assignment',
    ['let low = 0, high = 0;', '[low, high] = [rate, 1];', 'console.log(high);'],
    [0, 2, 3],
  ],
  ['one into an object', ['let low = 0;', '({ low, high: o.high } = { low: rate });', 'show(low);'], [0, 2, 3]],
  ['a step', ['let n = 0;', 'if (rate > 1) ++n;', 'console.log(n);'], [0, 2, 3]],
  ['a loop over a variable of before', ['let last = 0;', 'for (last of [rate]) {}', 'console.log(last);'], [0, 2, 3]],
  ['a name for the same object', ['const w = [1]; const same = w;', 'same.push(rate);', 'console.log(w);'], [0, 2, 3]],
  ['a part of it', ['const w = [[1]];', 'for (const row of w) row.push(rate);', 'console.log(w);'], [0, 2, 3]],
  ['a function that does it', ['let n = 0;', 'function step() { n++; }', 'step(rate);', 'console.log(n);'], [0, 3, 4]],
  ['a function above that reads', ['let n = 0;', 'const tell = () => n;', 'n = rate;', 'show(tell());'], [0, 3, 4]],
  [
    'what holds such a function',
    ['let n = 0; const c = { up() { n++; } };', 'c.up(rate);', 'console.log(n);'],
    [0, 2, 3],
  ],
  ['a value that is computed beside it', ['console.log(1);', 'const k = 1;'], [0]],
  ['a constant, which no call changes', ['const k = 1;', 'scale(k, rate);', 'console.log(k);'], [0, 2]],
  ['what is only read', ['const w = [1];', 'console.log(rate, w, w.join());', 'console.log(w);'], [0, 2]],
  ['an import', ["import { show } from 'x';", 'show(rate);', 'show(1);'], [0, 2]],
  ['a name that is declared again', ['const t = 1;', 'const u = rate;', 'const u = 5;', 'show(u);'], [0, 2, 3, 4]],
];
for (const [what, sources, right] of changes) {
  test(`what depends on a parameter through ${what} runs again`, () => assert.deepEqual(rerun(...sources), right));
}

test('what the parameters cell itself computes from a moved value has moved too', () => {
  const cells = [
    { id: 'p', source: 'const batch = 32; const other = 1;\nconst steps = 1024 / batch;' },
    { id: 'steps', source: 'console.log(steps);' },
    { id: 'other', source: 'console.log(other);' },
  ];
  assert.deepEqual(
    affectedCells(cells, 'p', ['batch'], () => true),
    ['p', 'steps'],
  );
});

test('a value that was injected stays when another one is moved', () => {
  const clock = new Clock();
  const cells = [
    parametersCell('const a = 1;\nconst b = 2;'),
    parametersCell('const a = 5;', 'injected-parameters'),
    codeCell('show(b);', { id: 'c' }),
  ];
  const document = new LiveDocument(clock, notebookOf(...cells));
  const panel = new ParameterPanel(clock);
  panel.read(document);
  for (const { id } of document.list) panel.ran(id);
  document.cell('parameters').edit('const a = 1;\nconst b = 3;');
  panel.read(document);
  assert.deepEqual(panel.toRun(document), ['parameters', 'injected-parameters', 'c']);
});

test('the panel runs everything on a fresh kernel, and then what changed', () => {
  const clock = new Clock();
  const cells = [
    parametersCell('const a = 1; // try 2\nconst b = 2;'),
    codeCell('const c = a;', { id: 'c' }),
    codeCell('const d = b;', { id: 'd' }),
  ];
  const document = new LiveDocument(clock, notebookOf(...cells));
  const panel = new ParameterPanel(clock);
  panel.read(document);
  assert.deepEqual(panel.toRun(document), ['parameters', 'c', 'd']);
  for (const { id } of document.list) panel.ran(id);
  assert.deepEqual(panel.ranWith(), { a: 1, b: 2 });
  document.cell('parameters').edit('const a = 1; // try 2\nconst b = 3;');
  panel.read(document);
  assert.deepEqual(panel.toRun(document), ['parameters', 'd']);
  panel.forget();
  assert.deepEqual(panel.toRun(document), ['parameters', 'c', 'd']);
});
