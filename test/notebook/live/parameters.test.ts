import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { affectedCells } from 'sparsebook/notebook/live/document/affectedCells.js';
import { cellNames } from 'sparsebook/notebook/live/document/cellNames.js';
import { controlOf, parameterControls } from 'sparsebook/notebook/live/document/parameterControls.js';
import { ParameterPanel } from 'sparsebook/notebook/live/document/parameterPanel.js';
import { LiveDocument } from 'sparsebook/notebook/live/document/liveDocument.js';
import { Clock } from 'sparsebook/notebook/live/document/slice.js';
import type { ParameterControl } from 'sparsebook/notebook/live/protocol.js';
import { readNotebook } from 'sparsebook/notebook/run';
import type { ParameterValue } from 'sparsebook/notebook/run/parameters/parameter.js';
import { readParameters } from 'sparsebook/notebook/run/parameters/readParameters.js';
import { setParameter } from 'sparsebook/notebook/run/parameters/setParameter.js';
import { codeCell, notebookOf } from '../report/fixture.ts';

const parametersCell = (source: string, tag = 'parameters') => codeCell(source, { id: tag, metadata: { tags: [tag] } });

const control = (value: ParameterValue, comment = '', annotation?: string): Omit<ParameterControl, 'cell'> =>
  controlOf({ name: 'x', keyword: 'const', value, annotation }, comment);

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

test('the names of a cell: declared, used, changed', () => {
  const { declares, uses, touches } = cellNames(
    `import * as sb from 'sparsebook';\nconst { a, b: [c] } = f(x.y);\nlist.push(a);\ncount += 1; steps++;\nsb.show({ z: w });\nfunction g() {}`,
  );
  assert.deepEqual([...declares].sort(), ['a', 'c', 'g', 'sb']);
  assert.ok(['f', 'x', 'list', 'w', 'count'].every((name) => uses.has(name)));
  assert.equal(uses.has('y') || uses.has('z'), false);
  assert.deepEqual([...touches].sort(), ['count', 'list', 'steps']);
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
  assert.deepEqual(affectedCells(cells, 'p', ['lambda'], all), ['p', 'net', 'train', 'show']);
  assert.deepEqual(affectedCells(cells, 'p', ['other'], all), ['p', 'data', 'net', 'train', 'plain', 'show']);
  const someRan = (id: string): boolean => !['data', 'list'].includes(id);
  assert.deepEqual(affectedCells(cells, 'p', ['lambda'], someRan), ['p', 'data', 'net', 'list', 'train', 'show']);
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
