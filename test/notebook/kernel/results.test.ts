import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedKernel } from './cells.ts';

const { execute } = sharedKernel();

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

test('a result has the number of its cell, and comes after what the cell printed', async () => {
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

test('a data frame shows as its table, and a long one with its first rows', async () => {
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
