import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'sparsebook';
import { readNotebook } from 'sparsebook/notebook/run/notebookFile.js';
import { Verbatim, type GivenValue } from 'sparsebook/notebook/run/parameters.js';
import type { Notebook } from 'sparsebook/notebook/run/notebook.js';
import { applyParameters } from 'sparsebook/notebook/run/applyParameters.js';
import { readAssignments } from 'sparsebook/formats/text.js';
import { parametersFrom } from 'sparsebook/cli/parameterOptions.js';
import { readParameters, withExpressions } from 'sparsebook/notebook/run/parameters.js';
import { codeCell, notebookOf } from '../report/fixture.ts';
import { fixtures, printed, runFixture, saved, scratchFile } from './runs.ts';

const read = (): Promise<Notebook> => readNotebook(`${fixtures}/parameters.ipynb`);

async function injected(given: Record<string, GivenValue>): Promise<string[]> {
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
function f() { const inner = 1; }`;
  assert.deepEqual(
    readParameters(source).map(({ name, keyword, type, value }) => [name, keyword, type, value]),
    [
      ['a', 'const', undefined, -1.5e-3],
      ['b', 'const', undefined, 'x'],
      ['list', 'let', '(number | null)[]', [1, null, 2]],
      ['flag', 'var', undefined, false],
      ['computed', 'const', undefined, undefined],
    ],
  );
});

test('a name in a pattern gets its part of the value', () => {
  const source = `const { rate, deep: { steps = 5 }, many = 2, ...rest } = { rate: 0.1, deep: {}, 'other': 1 };
const [first, , third = 'c'] = [1, 2];
const { lost } = { ...rest, lost: 1 }, { foreign } = rest;`;
  assert.deepEqual(
    readParameters(source).map(({ name, value }) => [name, value]),
    [
      ['rate', 0.1],
      ['steps', 5],
      ['many', 2],
      ['rest', undefined],
      ['first', 1],
      ['third', 'c'],
      ['lost', undefined],
      ['foreign', undefined],
    ],
  );
});

test('a comment is read after a declaration, or from the line above it, whatever the line ends', () => {
  const source = `// the penalty
const a = '//'; // from 'x'
/* not of b */ const b = 1;

// a heading

const c = [ // the first line
  1, // an element
];
/** how many,
 *  at most */
export const d = 2, e = 3
const f = 4; let g; /* of f and g */`;
  const found = (text: string) => readParameters(text).map(({ comment }) => comment);
  const right = [
    "from 'x'",
    '',
    'the first line',
    'how many, at most',
    'how many, at most',
    'of f and g',
    'of f and g',
  ];
  assert.deepEqual(found(source), right);
  assert.deepEqual(found(source.replaceAll('\n', '\r\n')), right);
});

test('numbers and texts are read as in JavaScript, and computed values are left alone', () => {
  const source = [
    "const a = 1_000, b = 0x1F, c = 'it\\'s \\u{1F600}\\x41\\u0042\\n', d = `plain`, e = [[1], []];",
    'export const f = 2 satisfies number;',
    'const broken = ;',
    "const g = 5n, h = `a${a}`, i = [1, , 2], j = [...e], k = -'x', l = a ? 1 : 2, m = { n: 1, a }, n = { o: { p: [1] }, 'q r': -1, };",
  ].join('\n');
  const values = Object.fromEntries(readParameters(source).map(({ name, value }) => [name, value]));
  const { a, b, c, d, e, f, n, broken, ...computed } = values;
  assert.deepEqual(
    { a, b, c, d, e, f, n, broken },
    {
      ...{ a: 1000, b: 31, c: "it's 😀AB\n", d: 'plain', e: [[1], []], f: 2, broken: undefined },
      n: { o: { p: [1] }, 'q r': -1 },
    },
  );
  assert.deepEqual(Object.keys(computed), ['g', 'h', 'i', 'j', 'k', 'l', 'm']);
  assert.ok(Object.values(computed).every((value) => value === undefined));
});

test('whatever a cell contains while it is typed, it can be read', () => {
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
    '',
    '// What a reader changes',
    'const lambda_l0: any = 20;',
    'const lambdas: number[] = [1, 2.5] as number[];',
    `const data: 'synthetic' | 'cifar10' = 'cifar10' as 'synthetic' | 'cifar10';`,
    'const augment: any = false;',
    `const checkpoint: string | null = 'a b' as string | null;`,
    'const steps = 2 * lambda_l0;',
  ]);
});

test('values are accepted as well as texts', async () => {
  const lines = await injected({ lambda_l0: 5, lambdas: [3], augment: true, checkpoint: null });
  assert.deepEqual(lines.slice(3), [
    'const lambda_l0: any = 5;',
    'const lambdas: number[] = [3] as number[];',
    `const data: 'synthetic' | 'cifar10' = 'synthetic';`,
    'const augment: any = true;',
    'const checkpoint: string | null = null as string | null;',
    'const steps = 2 * lambda_l0;',
  ]);
});

test('an injected cell replaces an earlier one, and is removed when nothing is given', async () => {
  const notebook = await read();
  const before = notebook.cells.length;
  applyParameters(notebook, { lambda_l0: 1 });
  applyParameters(notebook, { lambda_l0: 2 });
  assert.equal(notebook.cells.length, before + 1);
  assert.match([notebook.cells[2].source].flat().join(''), /lambda_l0: any = 2;/);
  applyParameters(notebook, {});
  assert.equal(notebook.cells.length, before);
});

test('if there are several parameters cells, each that declares a given name is injected again', () => {
  const cell = (id: string, source: string) => codeCell(source, { id, metadata: { tags: ['parameters'] } });
  const cells = [cell('a', 'const x = 1;'), cell('b', 'const y = x;'), cell('c', 'let x = 2, z = 3;')];
  const notebook = notebookOf(cells[0], cells[1], cells[2], codeCell('x', { id: 'd' }));
  const { defaults } = applyParameters(notebook, { z: '4', x: '5' });
  assert.deepEqual(
    notebook.cells.map(({ id }) => id),
    ['a', 'b', 'c', 'injected-parameters', 'd'],
  );
  assert.match([notebook.cells[3].source].flat().join(''), /\nlet x = 5, z = 4;$/);
  assert.deepEqual(defaults, { x: 2, z: 3 });
  const two = notebookOf(cell('a', 'const x = 1;'), cell('b', 'const y = 2;'));
  applyParameters(two, { x: '3', y: '4' });
  assert.deepEqual(
    two.cells.map(({ id }) => id),
    ['a', 'injected-parameters', 'b', 'injected-parameters-2'],
  );
});

const refused: [string, Record<string, GivenValue>, RegExp][] = [
  [
    'an unknown name, with the nearest suggested',
    { lamda_l0: '1' },
    /no parameter 'lamda_l0'; did you mean 'lambda_l0'\?/,
  ],
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
  ['a computed parameter', { steps: '3' }, /^'steps' cannot be set: the notebook computes it \(2 \* lambda_l0\)/],
  ['a value that its type excludes', { data: 'mnist' }, /^'data' must be one of "synthetic", "cifar10"/],
  ['a text, where it must be a number', { lambda_l0: new Verbatim('1') }, /^'lambda_l0' must be a number/],
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

/** The values that result from setting parameters of a cell. */
function given(source: string, values: Record<string, GivenValue>): unknown {
  const notebook = notebookOf(codeCell(source, { metadata: { tags: ['parameters'] } }));
  return applyParameters(notebook, values).given;
}

const texts: [string, string, string, unknown][] = [
  ['nothing for a list', "const x = ['a', 'b'];", '', []],
  ['nothing for an empty list', 'const x: string[] = [];', '', []],
  ['a list in YAML', "const x = ['a'];", '[b, "c, d"]', ['b', 'c, d']],
  [
    'an object in YAML',
    'const x = { a: 1, b: { c: true, d: 2 } };',
    '{a: 5, b: {c: false}}',
    { a: 5, b: { c: false, d: 2 } },
  ],
  ['an object in JSON', "const x = { name: 'sgd' };", '{"name":"adam"}', { name: 'adam' }],
  ['any keys for an empty object', 'const x = {};', '{a: [1]}', { a: [1] }],
  ['a number where the notebook says null', 'const x = null;', '5', 5],
  ['null where the notebook says null', 'const x = null;', 'null', null],
  ['a text where the notebook says null', 'const x = null;', 'a: b # c', 'a: b # c'],
  ['the largest exact integer', 'const x = 1;', '9007199254740991', 9007199254740991],
  ['a value in the range of the comment', 'const x = 2; // blocks, 1 to 8', '8', 8],
  ['a value that the comment does not offer', 'const x = 20; // the penalty; try 10 to 50', '70', 70],
  ['a time in a comment, which is no range', 'const x = 4; // takes 3 to 5 minutes', '10', 10],
  ['a word of the comment', "const x = 'a'; // 'a', 'b' or 'c'", 'c', 'c'],
  ['another word although the comment names some', "const x = 'a'; // 'a', 'b', or a folder", 'c', 'c'],
  ['True, as Python writes it', 'const x = false;', 'True', true],
  ['digits for a text or null', 'const x: string | null = null;', '5', '5'],
  ['null for a text or null', "const x: string | null = 'a';", 'null', null],
  ['null beside undefined', 'const x: number[] | null | undefined = [1];', 'null', null],
  ['a number beside a word', "const x: number | 'auto' = 'auto';", '5', 5],
  ['a word beside a number', "const x = 5 as number | 'auto';", 'auto', 'auto'],
  ['numbers and words', 'const x: readonly (string | number)[] = [];', '1,a', [1, 'a']],
  ['a key that its type has', 'const x: { a: number; b?: string } = { a: 1 };', '{b: c}', { a: 1, b: 'c' }],
  ['any key of a record', 'const x: Record<string, number> = { a: 1 };', '{b: 2}', { a: 1, b: 2 }],
  ['a value of a named type, read like its current value', "const x: Mode = 'a';", 'b', 'b'],
];
for (const [what, source, text, value] of texts) {
  test(`read: ${what}`, () => assert.deepEqual(given(source, { x: text }), { x: value }));
}

const refusedOf: [string, string, string, RegExp][] = [
  ['an integer that is not exact', 'const x = 1;', '9007199254740993', /9007199254740993 .* become 9007199254740992/],
  ['such an integer in a list', 'const x = [1];', '1,-9007199254740993', /-9007199254740993 as a number/],
  ['such an integer in an object', 'const x = { a: 1 };', '{a: 9007199254740993}', /9007199254740993 as a number/],
  ['such an integer in another base', 'const x = 1;', '0x20000000000001', /0x20000000000001 as a number/],
  ['a number outside its union type', 'const x: 5 | null = 5;', '6', /^'x' must be one of 5, null, as the/],
  ['a text for a number or a word', "const x: number | 'auto' = 5;", 'often', /must be a number or "auto", such as 5/],
  ['a text for any, where the notebook has a number', 'const x: any = 5;', 'a', /^'x' must be a number/],
  ['a key that its type lacks', 'const x: { a?: number } = {};', '{b: 1}', /^'x' must be an object of a, such as/],
  [
    'a value that the record does not allow',
    'const x: Record<string, number> = {};',
    '{b: c}',
    /^'x' must be an object, such as/,
  ],
  ['a number that its list type lacks', "const x: Array<'a' | 'b'> = [];", 'a,c', /^'x' must be a list of "a" or "b"/],
  ['a list element that is not a number', 'const x = null;', '[.nan]', /^'x' must be a value/],
  ['a key that the object lacks', 'const x = { rate: 1 };', '{rat: 2}', /^'x' must be an object of rate, such as/],
  ['a wrong value in an object', 'const x = { rate: 1 };', '{rate: fast}', /^'x' must be an object of rate/],
  ['no object', 'const x = { rate: 1 };', 'rate', /^'x' must be an object/],
  ['a BigInt', 'const x = -5n;', '6', /^'x' cannot be set: it is a BigInt/],
  [
    'a number below the range',
    'const x = 2; // the rate (1 to 10)',
    '0.5',
    /^'x' must be from 1 to 10, .*; received 0.5$/,
  ],
  ['a number above it', 'const x = 0.5; // between 0 and 1', '1.5', /^'x' must be from 0 to 1/],
  ['a word that the comment excludes', "const x = 'a'; // 'a' or 'b'", 'c', /^'x' must be one of "a", "b"/],
  ['a number that its type excludes', 'const x: 4 | 8 | 16 = 4;', '5', /^'x' must be one of 4, 8, 16/],
];
for (const [what, source, text, message] of refusedOf) {
  test(`refused: ${what}`, () => assert.throws(() => given(source, { x: text }), { name: 'UserError', message }));
}

const injections: [what: string, source: string, text: string, right: string][] = [
  ['a constant has the type of its value, so any', "const x = 'a', y = 1;", 'b', "const x: any = 'b', y = 1;"],
  ['a constant whose value stays has that type too', 'const x = 1; // one', '1', 'const x: any = 1; // one'],
  ['a value that is constant in all its parts', 'const x = ([1, 2] as const);', '3', 'const x: any = [3];'],
  ['a variable has a wider type', 'let x = "a";', 'b', 'let x = "b";'],
  ['a list of the same kind', 'const x = [1, 2];', '3', 'const x = [3];'],
  ['an empty list, which has no element type', "const x = ['a'];", '', 'const x: any = [];'],
  ['an object with an empty list', "let x = { a: ['b'] };", '{a: []}', 'let x: any = { a: [] };'],
  ['an object of the same kind', 'const x = { a: 1 };', '{a: 2}', 'const x = { a: 2 };'],
  ['an explicit type', "let x: 'a' | 'b' = 'a';", 'b', "let x: 'a' | 'b' = 'b' as 'a' | 'b';"],
  ['a cast', 'const x = [] as string[];', 'a', "const x = ['a'] as string[];"],
  ['a cast beside a type', "const x: Mode = 'a' as Mode;", 'b', "const x: Mode = 'b' as Mode;"],
  ['a value with satisfies', "const x = 'a' satisfies Mode;", 'b', "const x: any = 'b' satisfies Mode;"],
  ['a pattern', 'const { x, y = 10 * x } = { x: 1 };', '2', 'const { x, y = 10 * x } = { x: 2 };'],
  ['a default value in a pattern', 'const { x = 1 } = {};', '2', 'const { x = 2 } = {};'],
  ['a pattern within another', 'const { a: [x = 1] } = { a: [] };', '2', 'const { a: [x = 2] } = { a: [] };'],
  ['a name that objects inherit', 'const x = {};', '{__proto__: 1}', "const x: any = { ['__proto__']: 1 };"],
  ['a comment in between', 'const x /* a */ = /* b */ 0.5', '2', 'const x: any /* a */ = /* b */ 2'],
  ['a Windows line end', 'const x = 1;\r\nconst y = 2 * x;\r\n', '2', 'const x: any = 2;\r\nconst y = 2 * x;\r\n'],
];
for (const [what, source, text, right] of injections) {
  test(`injected: ${what}`, () => {
    const notebook = notebookOf(codeCell(source, { metadata: { tags: ['parameters'] } }));
    applyParameters(notebook, { x: text });
    assert.equal([notebook.cells[1].source].flat().join(''), `// Parameters of this run\n\n${right}`);
  });
}

test('parameters come from words, pairs, YAML and files, in this order of priority', () => {
  const file = scratchFile('parameters.yaml');
  writeFileSync(file, 'a: file\nb: file\nc: [1, 2]\n');
  const flags = {
    parameters: ['d=x'],
    parameters_raw: ['e=5'],
    parameters_yaml: ['{b: yaml}'],
    parameters_file: [file],
    parameters_base64: [Buffer.from('{a: base64, f: {g: 1}}').toString('base64')],
  };
  assert.deepEqual(parametersFrom(['a=1'], flags), {
    a: '1',
    b: new Verbatim('yaml'),
    c: new Verbatim([1, 2]),
    d: 'x',
    e: new Verbatim('5'),
    f: new Verbatim({ g: 1 }),
  });
  assert.throws(() => parametersFrom(['a=1'], { parameters: ['a=2'] }), /'a' must be given once/);
  assert.throws(
    () => parametersFrom([], { parameters_file: ['none.yaml'] }),
    /cannot read the parameters in none.yaml/,
  );
  assert.throws(() => parametersFrom([], { parameters_yaml: ['[1]'] }), /must hold parameters in YAML/);
  assert.throws(
    () => parametersFrom([], { parameters_yaml: ['{a: [1'] }),
    /in --parameters_yaml: it is not YAML: Flow/,
  );
  writeFileSync(file, '\uFEFF{"a":\t9007199254740993}');
  assert.throws(() => parametersFrom([], { parameters_file: [file] }), /parameters.yaml: 9007199254740993 as a number/);
  assert.throws(() => parametersFrom(['out.ipynb'], {}), /received out\.ipynb\. To save to it, write -o out\.ipynb/);
});

test('a notebook without a parameters cell accepts none', async () => {
  const notebook = await readNotebook(`${fixtures}/failing-cell.ipynb`);
  assert.throws(() => applyParameters(notebook, { a: '1' }), /'a' cannot be set: no code cell .* tag "parameters"/);
});

test('words are read as key=value', () => {
  assert.deepEqual(readAssignments(['a=1', 'b=x=y', 'c=']), { a: '1', b: 'x=y', c: '' });
  assert.throws(() => readAssignments(['a']), /written key=value, .*; received 'a'/);
  assert.throws(() => readAssignments(['a=1', 'a=2']), /'a' must be given once/);
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

test('values are replaced by expressions in place; types, comments and computed values stay', () => {
  const look = (name: string, written: string): string => `look("${name}", ${written})`;
  for (const [source, replaced] of [
    ['const a = 20; // the penalty', 'const a = look("a", 20); // the penalty'],
    ['let a: number = -1, b = "x";', 'let a: number = look("a", -1), b = look("b", "x");'],
    ['const a = 0.5 as number;', 'const a = look("a", 0.5) as number;'],
    ['const a = [1, 2] as const;', 'const a = look("a", [1, 2] as const);'],
    ['const { a, b: [c] } = { a: 1, b: [2] };', 'const { a, b: [c] } = { a: look("a", 1), b: [2] };'],
    ['const a = 2 * 3;', 'const a = 2 * 3;'],
    ['const other = 1;', 'const other = 1;'],
  ]) {
    assert.equal(withExpressions(source, new Set(['a', 'b']), look), replaced);
  }
});
