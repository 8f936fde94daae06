import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'sparsebook';
import { readNotebook, type Notebook, type ParameterValue } from 'sparsebook/notebook/run';
import { applyParameters } from 'sparsebook/notebook/run/parameters/applyParameters.js';
import { readAssignments } from 'sparsebook/terminal/readAssignments.js';
import { readParameters } from 'sparsebook/notebook/run/parameters/readParameters.js';
import { fixtures, printed, runFixture, saved } from './runs.ts';

const read = (): Promise<Notebook> => readNotebook(`${fixtures}/parameters.ipynb`);

async function injected(given: Record<string, string | ParameterValue>): Promise<string[]> {
  const notebook = await read();
  applyParameters(notebook, given);
  return [notebook.cells[2].source].flat().map((line) => line.trimEnd());
}

test('the declarations of a cell are read with their literal values', () => {
  const source = `// a comment with const no = 1;
const a = -1.5e-3, b = 'x' as const; /* const c = 2 */
let list: (number | null)[] = [1, null, +2];
var flag = (false);
const computed = a * 2;
const { destructured } = { destructured: 1 };
function f() { const inner = 1; }`;
  assert.deepEqual(readParameters(source), [
    { name: 'a', keyword: 'const', annotation: undefined, value: -1.5e-3 },
    { name: 'b', keyword: 'const', annotation: undefined, value: 'x' },
    { name: 'list', keyword: 'let', annotation: '(number | null)[]', value: [1, null, 2] },
    { name: 'flag', keyword: 'var', annotation: undefined, value: false },
    { name: 'computed', keyword: 'const', annotation: undefined, value: undefined },
  ]);
});

test('numbers and texts are read as JavaScript reads them, and what must be computed is left', () => {
  const source = [
    "const a = 1_000, b = 0x1F, c = 'it\\'s \\u{1F600}\\x41\\u0042\\n', d = `plain`, e = [[1], []];",
    'export const f = 2 satisfies number;',
    'const broken = ;',
    "const g = 5n, h = `a${a}`, i = [1, , 2], j = [...e], k = -'x', l = a ? 1 : 2, m = { n: 1 };",
  ].join('\n');
  const values = Object.fromEntries(readParameters(source).map(({ name, value }) => [name, value]));
  const { a, b, c, d, e, f, broken, ...computed } = values;
  assert.deepEqual(
    { a, b, c, d, e, f, broken },
    { a: 1000, b: 31, c: "it's 😀AB\n", d: 'plain', e: [[1], []], f: 2, broken: undefined },
  );
  assert.deepEqual(Object.keys(computed), ['g', 'h', 'i', 'j', 'k', 'l', 'm']);
  assert.ok(Object.values(computed).every((value) => value === undefined));
});

test('whatever a cell holds while it is typed, it is read', () => {
  const broken = [
    'const = 5',
    'const : number = 5',
    'let a: = 1',
    'const a = 1,',
    'var',
    "const a = '",
    'const [ = 2',
    'export const',
  ];
  for (const source of broken) assert.doesNotThrow(() => readParameters(source), source);
  const source = "export const { a, b: [c] } = d, e: number[] = [1, -2] as const, f = 'g'; // h";
  const cut = fc.tuple(fc.nat({ max: source.length }), fc.nat({ max: 12 }));
  fc.assert(fc.property(cut, ([at, length]) => void readParameters(source.slice(0, at) + source.slice(at + length))));
  const [{ value }] = readParameters(String.raw`const a = '\u{110000}\X41\U0041'`);
  assert.equal(value, 'u{110000}X41U0041');
});

test('parameters go into a tagged cell after the parameters cell, declared as they are there', async () => {
  const lines = await injected({
    lambda_l0: '2e1',
    lambdas: '1,2.5',
    data: 'cifar10',
    augment: 'false',
    checkpoint: 'a b',
  });
  assert.deepEqual(lines, [
    '// Parameters of this run',
    'const lambda_l0 = 20;',
    'const lambdas: number[] = [1,2.5];',
    `const data: 'synthetic' | 'cifar10' = "cifar10";`,
    'const augment = false;',
    'const checkpoint: string | null = "a b";',
  ]);
});

test('values are taken as well as texts', async () => {
  const lines = await injected({ lambda_l0: 5, lambdas: [3], augment: true, checkpoint: null });
  assert.deepEqual(lines.slice(1), [
    'const lambda_l0 = 5;',
    'const lambdas: number[] = [3];',
    'const augment = true;',
    'const checkpoint: string | null = null;',
  ]);
});

test('an injected cell takes the place of an earlier one, and goes when nothing is given', async () => {
  const notebook = await read();
  const before = notebook.cells.length;
  applyParameters(notebook, { lambda_l0: 1 });
  applyParameters(notebook, { lambda_l0: 2 });
  assert.equal(notebook.cells.length, before + 1);
  assert.match([notebook.cells[2].source].flat().join(''), /lambda_l0 = 2;/);
  applyParameters(notebook, {});
  assert.equal(notebook.cells.length, before);
});

const refused: [string, Record<string, string | ParameterValue>, RegExp][] = [
  ['an unknown name offers the nearest', { lamda_l0: '1' }, /no parameter 'lamda_l0'; did you mean 'lambda_l0'\?/],
  ['a word for a number', { lambda_l0: 'much' }, /^'lambda_l0' must be a number, such as 10; received "much"$/],
  ['nothing for a number', { lambda_l0: '' }, /^'lambda_l0' must be a number/],
  ['infinity', { lambda_l0: Infinity }, /^'lambda_l0' must be a number/],
  ['a number for a boolean', { augment: '1' }, /^'augment' must be a boolean, such as true; received "1"$/],
  ['a value of another type', { augment: 1 }, /^'augment' must be a boolean, such as true; received 1$/],
  [
    'a list with a wrong element',
    { lambdas: '1,x' },
    /^'lambdas' must be a list of number, such as \[10,20\]; received "1,x"$/,
  ],
  ['a JSON list with a wrong element', { lambdas: '[1,"x"]' }, /^'lambdas' must be a list of number/],
  ['a computed parameter', { steps: '3' }, /^'steps' cannot be set: the notebook computes it/],
];
for (const [what, given, message] of refused) {
  test(`refused: ${what}`, async () => {
    const notebook = await read();
    assert.throws(
      () => applyParameters(notebook, given),
      (error: Error) => error instanceof UserError && message.test(error.message),
    );
  });
}

test('a notebook without a parameters cell takes none', async () => {
  const notebook = await readNotebook(`${fixtures}/failing-cell.ipynb`);
  assert.throws(() => applyParameters(notebook, { a: '1' }), /'a' cannot be set: no code cell .* tag "parameters"/);
});

test('words are read as key=value', () => {
  assert.deepEqual(readAssignments(['a=1', 'b=x=y', 'c=']), { a: '1', b: 'x=y', c: '' });
  assert.throws(() => readAssignments(['a']), /written key=value, .*; received 'a'/);
  assert.throws(() => readAssignments(['a=1', 'a=2']), /'a' is given twice/);
});

test('a run uses the parameters and records them', async () => {
  const result = await runFixture('parameters', { parameters: { lambda_l0: '20', data: 'cifar10' } });
  assert.ok(result.ok);
  const { metadata, ...notebook } = saved(result.output);
  assert.equal(printed({ metadata, ...notebook }, 3), '[20,[10,20],"cifar10",true,null]\n');
  const defaults = { lambda_l0: 10, lambdas: [10, 20], data: 'synthetic', augment: true, checkpoint: null };
  assert.deepEqual(metadata.sparsebook, { parameters: { ...defaults, lambda_l0: 20, data: 'cifar10' } });
  const papermill = metadata.papermill as Record<string, unknown>;
  assert.deepEqual(papermill.parameters, { lambda_l0: 20, data: 'cifar10' });
  assert.deepEqual(papermill.default_parameters, defaults);
  assert.equal(papermill.exception, false);
});
