import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedKernel } from './cells.ts';

const { kernel, execute } = sharedKernel();

/** Cells that run one after another, and what each prints, or the text of its last value. */
const cases: Record<string, [code: string, said: string][]> = {
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
  '`export default` leaves its value as the last one, and names what has a name': [
    ['export default 5;', '5'],
    ['console.log("no semicolon")\nexport default { a: [1] }', 'no semicolon\n{ a: [ 1 ] }'],
    ['export default function () { return 1; }', '[Function (anonymous)]'],
    ['export default class Named { value = 8 }', ''],
    ['export default async function named() { return new Named().value; }\nawait named()', '8'],
  ],
  'a list of exports says nothing, and one from a module imports': [
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

for (const [title, cells] of Object.entries(cases)) {
  test(title, async () => {
    for (const [code, said] of cells) {
      const { stdout, result, traceback } = await execute(code);
      assert.equal(traceback(), '', code);
      assert.equal(stdout() + (result() ?? ''), said, code);
    }
  });
}

test('completion and inspection know the variables of earlier cells, and what is written about them', async () => {
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
});
