import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  controlOf,
  parameterControls,
  ParameterPanel,
  sourceWhenRun,
} from 'sparsebook/notebook/live/document/parameters.js';
import { Clock } from 'sparsebook/notebook/live/document/slice.js';
import type { ParameterControl } from 'sparsebook/notebook/live/protocol.js';
import { readNotebook, sourceHash } from 'sparsebook/notebook/run/notebookFile.js';
import { readParameters, setParameter } from 'sparsebook/notebook/run/parameters.js';
import type { ParameterValue } from 'sparsebook/notebook/run/syntax.js';
import { codeCell, notebookOf } from '../report/fixture.ts';

const parametersCell = (source: string, tag = 'parameters') => codeCell(source, { id: tag, metadata: { tags: [tag] } });

const control = (value: ParameterValue, comment = '', type?: string): Omit<ParameterControl, 'cell'> =>
  controlOf({ name: 'x', keyword: 'const', value, type, comment });

test('a number gets a slider if its comment or its size gives a range, and a box otherwise', () => {
  assert.deepEqual(control(20, 'the penalty; try 10, 30, 50').range, { min: 0, max: 50, step: 1 });
  assert.deepEqual(control(12.5, 'the penalty; try 10, 30, 50').range, { min: 0, max: 50, step: 0.1 });
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

test('a text offers the quoted words of its comment, but only those of its type', () => {
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
  assert.match(lambda?.comment ?? '', /L0 penalty/);
  assert.ok(controls.every(({ value, comment }) => value !== undefined && comment !== ''));
});

test('an injected value is shown and changed where it is injected', () => {
  const declared = parametersCell('const a = 1; // how many\nconst b = 2;');
  const injected = parametersCell('const a = 5;', 'injected-parameters');
  assert.deepEqual(parameterControls([declared, injected]), [
    { name: 'a', comment: 'how many', value: 5, cell: 'injected-parameters' },
    { name: 'b', comment: '', value: 2, cell: 'parameters' },
  ]);
});

test('a new value changes only the value', () => {
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

test('whatever value is set, reading the cell returns it', () => {
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

test('the panel knows the values that the kernel has seen, and values of the file that differ', () => {
  const clock = new Clock();
  const file = [parametersCell('const a = 1; // try 2\nconst b = 2;')];
  const panel = new ParameterPanel(clock, structuredClone(file));
  panel.read(file);
  panel.ran('parameters');
  assert.deepEqual(panel.ranWith(), { a: 1, b: 2 });
  file[0].source = 'const a = 1; // try 2\nconst b = 3;';
  panel.read(file);
  assert.deepEqual(
    panel.controls.get().map(({ name, value, default: usual }) => [name, value, usual]),
    [
      ['a', 1, undefined],
      ['b', 3, 2],
    ],
  );
  panel.forget();
  assert.deepEqual(panel.ranWith(), {});
});

test('the source with which a cell ran is recovered from its hash and the recorded values', () => {
  const noted = (source: string) => ({ tags: ['parameters'], sparsebook: { sourceHash: sourceHash(source) } });
  const then = (source: string, ran: string): string | undefined => {
    const cell = codeCell(source, { id: 'p', metadata: noted(ran) });
    const metadata = { sparsebook: { parameters: { a: 1, b: 'x' } } };
    return sourceWhenRun(cell, { ...notebookOf(cell), metadata });
  };
  assert.equal(then('const a = 1;', 'const a = 1;'), 'const a = 1;');
  assert.equal(
    then("const a = 5; // try 9\nconst b = 'x';", "const a = 1; // try 9\nconst b = 'x';"),
    "const a = 1; // try 9\nconst b = 'x';",
  );
  assert.equal(then('const a = 5;', 'const a = 2;'), undefined);
  assert.equal(sourceWhenRun(codeCell('anything'), notebookOf()), 'anything');
});
