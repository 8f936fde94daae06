import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkSaid, type Said, sharedKernel } from './cells.ts';

const { kernel, execute } = sharedKernel();

const texts: Record<string, string | undefined> = {
  '10n ** 20n': '100000000000000000000n',
  'new Map([["a", new Set([1])]])': "Map(1) { 'a' => Set(1) { 1 } }",
  'Symbol("s")': 'Symbol(s)',
  '-0': '-0',
  'Promise.resolve(4)': 'Promise { 4 }',
  '"it\'s\\n2 lines"': "it's\n2 lines",
  '({ a: { b: 1 } })': '{ a: { b: 1 } }',
  'const o: any = { name: "o" }; o.self = o;\no': "<ref *1> { name: 'o', self: [Circular *1] }",
  'new Date(0)': '1970-01-01T00:00:00.000Z',
  '(x: number) => x': '[Function (anonymous)]',
  'class {}': undefined,
  null: 'null',
  undefined: undefined,
  'const silent = 1;': undefined,
  'new Error("only a value")': 'Error: only a value\n    at cell:1:1',
};

test('the last value of a cell is its result, as console.log would write it', async () => {
  for (const [code, text] of Object.entries(texts)) {
    const { result, of } = await execute(code);
    assert.equal(result(), text, code);
    assert.deepEqual(of('stream'), [], code);
  }
});

test('a result has the number of its cell, and comes after the output of the cell', async () => {
  const { outcome, messages, of } = await execute('console.log("first");\n"second"');
  assert.ok(outcome.status === 'ok');
  assert.equal(of('execute_result')[0].execution_count, outcome.execution_count);
  const types = messages.map(({ header }) => header.msg_type);
  assert.ok(types.indexOf('stream') < types.indexOf('execute_result'));
});

test('a value that cannot be written fails its cell', async () => {
  const { outcome, traceback } = await execute(
    '({ [Symbol.for("nodejs.util.inspect.custom")]() { throw new Error("shy"); } })',
  );
  assert.equal(outcome.status, 'error');
  assert.match(traceback(), /Error: shy/);
});

test('a data frame is shown as its table, and a long one with its first rows', async () => {
  const code = `import { DataFrame } from 'danfojs-node';
const frame = new DataFrame([{ n: 1, word: 'one' }, { n: 2, word: '<b>' }], { index: ['r1', 'r2'] });
frame`;
  const { of, traceback } = await execute(code);
  assert.equal(traceback(), '');
  const data = of('execute_result')[0].data as Record<string, string>;
  assert.match(data['text/html'], /^<table.*>word<.*>r1<.*>1<.*>one<.*>r2<.*>2<.*>&lt;b&gt;<.*<\/table>$/);
  assert.match(data['text/plain'], /║ r2 +│ 2 +│ <b> +║/);
  const series = (await execute('frame["n"]')).of('execute_result')[0].data as Record<string, string>;
  assert.match(series['text/html'], />r1<.*>1<.*>r2<.*>2</);
  const long = await execute('new DataFrame(Array.from({ length: 1000 }, (_, n) => ({ n })))');
  const { 'text/html': html } = long.of('execute_result')[0].data as Record<string, string>;
  assert.match(html, /the first 60 of 1000 rows/);
  assert.equal(html.match(/<tr>/g)?.length, 61);
});

const cases: Record<string, Said> = {
  'names that begin with underscores are names like any other': [
    ["import { sep as __s } from 'node:path';\nconst _a = 1, __b = 2, ___c = 3;\n__b", '2'],
    ['export function __f() { return _a + __b + ___c; }\nclass __C {}\nenum __E { X }\n__f()', '6'],
    ['`${_a}${__b}${___c}${__s}${__f()} ${new __C() instanceof __C} ${__E.X}`', '123/6 true 0'],
  ],
  'arrays, objects, promises and sets have the methods of the Node that runs': [
    ['const letters = ["c", "a"]; [...letters.toSorted(), letters.findLast((x) => x > "b")].join("")', 'acc'],
    ['letters.with(0, "d").toSpliced(1, 0, "e").join("")', 'dea'],
    ...(Number(process.versions.node.split('.')[0]) < 22
      ? []
      : ([
          ['Object.keys(Object.groupBy([1, 2], (n) => (n > 1 ? "many" : "one"))).join()', 'one,many'],
          ['new Set([1]).union(new Set([2])).size + [1, 2].values().map((n) => n * 2).toArray()[1]', '6'],
        ] as [string, string][])),
  ],
  'a comparison that only the value of a constant rules out compiles, whatever the value is': [
    ['enum Way { Fast, Exact }\nconst way = Way.Fast, whole = 5n, rate = -0.5, flag = true;', ''],
    ['[way === Way.Exact, whole === 6n, rate === 1, flag === false].join()', 'false,false,false,false'],
    ['switch (way) { case Way.Exact: console.log("exact"); }\nswitch (whole) { case -6n: console.log("other"); }', ''],
  ],
  'an object of an earlier cell is taken apart under other names': [
    [
      'const whole = { v: 1, w: { z: 2 }, l: [1, 2, 3] };\nlet v = "variable";\nnamespace Room.Inner { export const c = 9; }',
      '',
    ],
    ['const { v: v1 } = whole;\nv1', '1'],
    ['let { v: v2 = 4, ...others } = whole;\n[v2, Object.keys(others)].join()', '1,w,l'],
    ['var { v: v3 } = whole;\nv3', '1'],
    ['const { w: { z }, l: [h, ...tl] } = whole;\n[z, h, tl].join()', '2,1,2,3'],
    ['export const { v: v4, w: { z: z4 } } = whole;\nv4 + z4', '3'],
    ['const { v: v5 } = await Promise.resolve(whole);\nv5', '1'],
    ['const { ["v"]: v6, "w": w6 } = whole;\nv6 + w6.z', '3'],
    ['const key = "v" as const;', ''],
    ['const { [key]: v7 } = whole;\nv7', '1'],
    ['[whole].map(({ v: m }) => m + whole.v)', '[ 2 ]'],
    ['for (const { v: each } of [whole]) console.log(each);', '1\n'],
    ['{ const { v: inBlock } = whole; console.log(inBlock); }', '1\n'],
    ['function apart({ w: { z: deep } } = whole) { const { v: n } = whole; return deep + n; }\napart()', '3'],
    ['let n = 0;\n({ v: n } = whole);\nn', '1'],
    ['({ v: n = 5, l: [, n] } = whole);\nn', '2'],
    ['const { v: v } = whole;\nv', '1'],
    ['let { w } = whole, { l } = whole;\nw.z + l.length', '5'],
  ],
  'the name of a property is no variable of an earlier cell': [
    ['interface Sides { v: number; times?(): number }\nlet sides: Sides = { v: 2 };\nlet v = 3, times = 4;', ''],
    ['sides = { v: 5 };\nsides.v + sides?.v + sides["v"]', '15'],
    ['sides = { v, times() { return this.v * times; } };\nsides.times!()', '12'],
    ['class Square implements Sides { v = v; get w() { return v; } static times = times; }', ''],
    [
      'class Big extends Square { v = 6; times() { return this.v * Square.times; } }\nnew Big().times() + new Big().w',
      '27',
    ],
    ['enum Kind { v, times = v + 7 }\nKind.times + Kind["v"]', '7'],
    ['v: for (;;) break v;\n({ [v]: v })', "{ '3': 3 }"],
    ['({ v } = { v: 8 });\n({ v = 9, times = 9 } = sides as { v: number; times: any });\nv', '3'],
    ["import { sep as v, sep as times } from 'node:path';\nexport { v as other };\nv + times", '//'],
    ['import Inner = Room.Inner;\nInner.c', '9'],
  ],
  '`using` ends a resource with its block, and one of the cell with the cell': [
    ['const end = (name: string) => ({ name, [Symbol.dispose]() { console.log("end", name); } });', ''],
    ['{ using inner = end("inner");\nconsole.log("in"); }\nconsole.log("out");', 'in\nend inner\nout\n'],
    ['using whole = end("whole");\nconsole.log("last");', 'last\nend whole\n'],
    ['await using later = { async [Symbol.asyncDispose]() { console.log("later"); } };', 'later\n'],
    ['whole.name', 'whole'],
  ],
  'newer syntax than that of TypeScript 5.0 is understood': [
    ['const pair = <const T extends unknown[]>(...all: T) => all satisfies T;\npair(1, 2).length', '2'],
    ['/[\\p{L}--[a-z]]/v.test("a")', 'false'],
    ['class Counted { accessor count = 1; static { console.log(new Counted().count); } }', '1\n'],
  ],
  'namespaces, and additions to global types, are known to all later cells': [
    ['namespace Space2.Inner { export const c = 1; export type T = number }', ''],
    [
      'declare global { interface Array<T> { last(): T } }\nArray.prototype.last = function () { return this.at(-1); };\n[2].last()',
      '2',
    ],
    ['', ''],
    ['const inner: Space2.Inner.T = Space2.Inner.c;\ninner + [3].last()', '4'],
    [
      'declare global { interface Array<T> { last(): T } }\nnamespace Space2 { export const d = [5].last(); }\nSpace2.d',
      '5',
    ],
  ],
  'a cell may declare `require`, as ES modules do': [
    [
      'import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);\nrequire("node:path").sep',
      '/',
    ],
    ['import { EOL } from "node:os";\ntypeof require.resolve + EOL.length', 'function1'],
  ],
  '`export` before a declaration changes nothing': [
    ['export const one = 1, { two } = { two: 2 };\nexport let three = one + two;\nthree', '3'],
    ['export function plus() { return one + two; }\nexport async function soon() { return 4; }', ''],
    [
      'export class Thing { size = 5 }\nexport abstract class Base { abstract size: number }\nexport enum E { A = 6 }',
      '',
    ],
    ['export type Maybe<T> = T | undefined;\nexport interface Sized { size: Maybe<number> }', ''],
    ['export namespace Space { export const seven = 7; }\nexport declare const nowhere: number;', ''],
    ['const sized: Sized = new Thing();\n[plus(), await soon(), sized.size, E.A, Space.seven].join(" ")', '3 4 5 6 7'],
  ],
  '`export default` gives the last value, and declares what has a name': [
    ['export default 5;', '5'],
    ['console.log("no semicolon")\nexport default { a: [1] }', 'no semicolon\n{ a: [ 1 ] }'],
    ['export default function () { return 1; }', '[Function (anonymous)]'],
    ['export default class Named { value = 8 }', ''],
    ['export default async function named() { return new Named().value; }\nawait named()', '8'],
  ],
  'a list of exports does nothing, and one from a module imports': [
    ['const local = 9;\nexport { local, local as other };\nexport {};\nlocal', '9'],
    ["export { basename, join as joined } from 'node:path';\nexport * as url from 'node:url';", ''],
    ["export * from 'node:os';\nexport { default } from 'node:os';\nexport type { Stats } from 'node:fs';", ''],
    [
      'const none: Stats | undefined = undefined;\n[basename("a/b"), joined("c", "d"), typeof url.parse].join()',
      'b,c/d,function',
    ],
  ],
  'a cell awaits in whatever way it likes': [
    ['for await (const n of [1, Promise.resolve(2)]) console.log(n);', '1\n2\n'],
    ['const awaited = await Promise.resolve(3);\nif (awaited) for (const n of [await 4]) console.log(n);', '4\n'],
    ['await Promise.all([5, 6])', '[ 5, 6 ]'],
    ['async function* numbers() { yield 7; }\nfor await (const n of numbers()) console.log(awaited, n);', '3 7\n'],
  ],
};

for (const [title, cells] of Object.entries(cases)) test(title, () => checkSaid(execute, cells));

test('completion and inspection know the variables of earlier cells, and their docstrings', async () => {
  await execute('/** How wide. */\nconst wide = { inMetres: 3 };\nfunction spread(factor: number) { return factor; }');
  const matches = async (code: string): Promise<unknown> =>
    (await kernel().request('complete_request', { code, cursor_pos: code.length })).matches;
  assert.deepEqual(await matches('wide.in'), ['inMetres']);
  assert.deepEqual(await matches("import { basen } from 'node:path'; wide.inMetres.toE"), ['toExponential']);
  const about = async (code: string, cursor_pos: number): Promise<unknown> =>
    (await kernel().request('inspect_request', { code, cursor_pos, detail_level: 0 })).data;
  assert.deepEqual(await about('wide', 1), { 'text/plain': 'const wide: {\n    inMetres: number;\n}\n\nHow wide.' });
  assert.deepEqual(await about('spread(1)', 3), { 'text/plain': 'function spread(factor: number): number' });
  assert.deepEqual(await about('  ', 1), {});
  // The protocol counts characters, some of which are two units of a string.
  const complete = await kernel().request('complete_request', { code: '"🙂🙂"; wide.in', cursor_pos: 13 });
  assert.deepEqual([complete.matches, complete.cursor_start, complete.cursor_end], [['inMetres'], 11, 13]);
  for (const code of ['', '(', '`${', 'import { } from', 'wide.', '/*', '🙂']) {
    for (const cursor_pos of [0, 1, code.length, 99]) {
      for (const type of ['complete', 'inspect']) {
        const { status } = await kernel().request(`${type}_request`, { code, cursor_pos, detail_level: 1 });
        assert.equal(status, 'ok', `${type} ${code} ${cursor_pos}`);
      }
    }
  }
});

test('diagnose_request returns the errors of code as the next cell, with their places, and runs nothing', async () => {
  await execute("const width = 32;\nimport { sep } from 'node:path';");
  const diagnose = async (code: string): Promise<[string, string][]> => {
    const { status, problems } = await kernel().request('diagnose_request', { code });
    assert.equal(status, 'ok');
    return (problems as { start: number; end: number; message: string; severity: string }[]).map((problem) => {
      assert.equal(problem.severity, 'error');
      return [code.slice(problem.start, problem.end), problem.message];
    });
  };
  assert.deepEqual(await diagnose("console.log('must not run', width, sep);\nconst wider = await width;"), []);
  assert.deepEqual(await diagnose('const text: string = width;\r\nnobody(  );'), [
    ['text', "Type 'number' is not assignable to type 'string'."],
    ['nobody', "Cannot find name 'nobody'."],
  ]);
  // The kernel's changes to code before compilation do not move the places of errors.
  assert.deepEqual(await diagnose('export const size = { width, unheard }; export default nobody;'), [
    [
      'unheard',
      "No value exists in scope for the shorthand property 'unheard'. Either declare one or provide an initializer.",
    ],
    ['nobody', "Cannot find name 'nobody'."],
  ]);
  assert.deepEqual(await diagnose('const f: (n: number) => string = (n: number) => n;'), [
    [
      'f',
      "Type '(n: number) => number' is not assignable to type '(n: number) => string'.\nType 'number' is not assignable to type 'string'.",
    ],
  ]);
  assert.equal((await diagnose('const open = `text'))[0][1], 'Unterminated template literal.');
  const { stdout, result } = await execute('width');
  assert.deepEqual([stdout(), result()], ['', '32']);
});

test('variables_request lists the variables that cells have set, with their types, even while a cell runs', async () => {
  await execute(`import * as path from 'node:path';
import { tensor2d } from '@tensorflow/tfjs';
interface Only { types: string }
const matrix = tensor2d([[1, 2]]), rates: Record<string, number> = { slow: 0.5 };
const { left, right: [first] } = { left: 'l', right: [Uint8Array.of(1)] };
function half<T extends number>(n: T, by = 2): number { return n / by; }
class Shape { sides = 3 }`);
  interface Told {
    variables: { name: string; type: string }[];
    tensors: { count: number; bytes: number };
  }
  const ask = async (): Promise<Told> => (await kernel().request('variables_request', {})) as unknown as Told;
  const { variables, tensors } = await ask();
  const about = (name: string): object | undefined => variables.find((variable) => variable.name === name);
  assert.deepEqual(about('matrix'), {
    ...{ name: 'matrix', type: 'Tensor2D', shape: [1, 2], size: 2, bytes: 8, text: 'float32' },
  });
  assert.deepEqual(about('rates'), { name: 'rates', type: 'Record<string, number>', text: '{ slow: 0.5 }' });
  assert.deepEqual(about('left'), { name: 'left', type: 'string', text: '"l"' });
  assert.deepEqual(about('first'), {
    ...{ name: 'first', type: 'Uint8Array<ArrayBuffer>', size: 1, bytes: 1, text: 'Uint8Array [1]' },
  });
  assert.deepEqual(about('half'), {
    ...{ name: 'half', type: '<T extends number>(n: T, by?: number) => number', text: 'function half' },
  });
  assert.deepEqual(about('Shape'), { name: 'Shape', type: 'typeof Shape', text: 'function Shape' });
  for (const name of ['path', 'tensor2d', 'Only']) assert.equal(about(name), undefined, name);
  assert.ok(tensors.count >= 1 && tensors.bytes >= 8);
  const folder = mkdtempSync(join(tmpdir(), 'sparsebook-variables-'));
  const answered = join(folder, 'answered');
  let meanwhile: Told | undefined;
  await kernel().execute(
    `import { existsSync } from 'node:fs';
const earlier = 1;
console.log('set');
while (!existsSync(${JSON.stringify(answered)})) await new Promise((r) => setTimeout(r, 20));
const afterAll = 2;`,
    (message) => {
      if (message.header.msg_type !== 'stream') return;
      void ask()
        .then((told) => (meanwhile = told))
        .finally(() => writeFileSync(answered, ''));
    },
  );
  rmSync(folder, { recursive: true });
  const names = meanwhile!.variables.map(({ name }) => name);
  assert.deepEqual(
    [names.includes('earlier'), names.includes('afterAll'), names.includes('matrix')],
    [true, false, true],
  );
});

test('a failed cell keeps the variables, functions and types that it reached', async () => {
  await execute(`import { sep } from 'node:path';
type Text = string;
const before: Text = 'set', pair = [before, sep];
function both(): Text { return pair.join(''); }
throw new Error('half');
const after = 1;
let afterwards = 2;`);
  const { result } = await execute('const text: Text = both();\ntext + before + sep');
  assert.equal(result(), 'set/set/');
  for (const name of ['after', 'afterwards']) {
    assert.match((await execute(name)).traceback(), new RegExp(`Cannot find name '${name}'`));
  }
});

test('variables that a failed cell did not reach keep the value and the type from before', async () => {
  await execute('const kept = "old", lost = "old";\nclass Shape { sides = 3 }');
  await execute(
    'const kept = 1;\nawait null;\nif (kept) throw new Error("half");\nconst lost = 2;\nclass Shape { sides = 4 }',
  );
  const { traceback, result } = await execute('[kept.toFixed(1), lost.toUpperCase(), new Shape().sides].join()');
  assert.equal(traceback(), '');
  assert.equal(result(), '1.0,OLD,3');
});

test('a cell that does not compile changes nothing', async () => {
  await execute('const kept: number = "text";\nconst never = 1;');
  assert.equal((await execute('kept.toFixed(2)')).result(), '1.00');
});

/** A cell, and the lines of its traceback. */
const traces: Record<string, [code: string, lines: string[]]> = {
  'after types, comments and blank lines': [
    'interface Point {\n  x: number;\n}\n\n// one\nconst p: Point = { x: 1 };\nthrow new RangeError(`x ${p.x}`);',
    ['RangeError: x 1', 'at cell:7:7'],
  ],
  'in a function of the cell': [
    'type T = number;\n\nexport function deep(n: T): never {\n  throw new Error(`n ${n}`);\n}\n\n  deep(2);',
    ['Error: n 2', 'at deep (cell:4:9)', 'at cell:7:3'],
  ],
  'in a function of an earlier cell': ['\n deep(3);', ['Error: n 3', 'at deep (cell NUMBER:4:9)', 'at cell:2:6']],
  'in code that is evaluated': ['\neval("throw new Error(`made`)");', ['Error: made', 'at cell:2:1']],
  'with causes': [
    'throw new Error("outer", { cause: new RangeError("inner") });',
    ['Error: outer', 'at cell:1:7 {', '[cause]: RangeError: inner', 'at cell:1:35'],
  ],
  'of several errors': [
    'await Promise.any([Promise.reject(new Error("one")), Promise.reject(new Error("two"))]);',
    ['AggregateError: All promises were rejected {', 'Error: one', 'at cell:1:35,', 'Error: two', 'at cell:1:69'],
  ],
  'after an await': [
    'type U = string;\nconst wait = async (text: U): Promise<void> => {\n  await null;\n  throw new Error(text);\n};\nawait wait("late");',
    ['Error: late', 'at wait (cell:4:9)', 'at async cell:6:1'],
  ],
  'with properties of its own': [
    'import { readFileSync } from "node:fs";\n\nreadFileSync("/nowhere");',
    ["Error: ENOENT: no such file or directory, open '/nowhere'", 'at cell:3:13 {'],
  ],
};

for (const [where, [code, lines]] of Object.entries(traces)) {
  test(`a traceback names the line of the cell as written: ${where}`, async () => {
    const { traceback } = await execute(code);
    const told = traceback()
      .split('\n')
      .map((line) => line.trim().replace(/cell \d+/, 'cell NUMBER'))
      .filter((line) => lines.includes(line) || line.includes('cell') || /^\w*Error/.test(line));
    assert.deepEqual(told, lines);
  });
}

test('the stack that a cell prints is the stack that its traceback shows', async () => {
  const { stdout } = await execute(
    'type T = 1;\ntry {\n  JSON.parse("{");\n} catch (error) {\n  console.log(error.stack.split("\\n").at(-1));\n}',
  );
  assert.equal(stdout(), '    at cell:3:8\n');
});

test('an error with a message of many megabytes keeps its name and its beginning', async () => {
  const { outcome, traceback } = await execute("throw new RangeError('m'.repeat(20_000_000));");
  assert.ok(outcome.status === 'error');
  assert.equal(outcome.ename, 'RangeError');
  assert.match(traceback(), /^RangeError: m{100}[^]*further characters are left out/);
  assert.ok(traceback().length < 1_100_000);
});

test('an error whose message is not a string is still reported, and the kernel survives', async () => {
  const { outcome } = await execute(
    'const odd: any = new Error(); odd.message = { status: 500 }; odd.name = 5; throw odd;',
  );
  assert.equal(outcome.status, 'error');
  assert.equal((await execute('1 + 1')).result(), '2');
});
