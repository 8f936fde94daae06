import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CodeCell } from 'sparsebook/notebook/run/notebook.js';
import { notebookOf } from '../report/fixture.ts';
import { fresh, Page, Site } from './site.ts';

/** Cells in which a parameter affects what is printed, each in a different way. */
const sources = [
  'const made = [10];',
  'let low = 0, high = 0, count = 0;',
  '[low, high] = [rate - 1, rate + 1];\n++count;',
  'console.log(low, high, count);',
  'const weights = [1, 2, 3];\nfunction scale(list: number[], by: number) { list.forEach((value, i) => (list[i] = value * by)); }',
  'scale(weights, rate);',
  'console.log(weights.join());',
  'enum Mode { Slow = 1, Fast = rate }',
  'class Counter { n = 0; add(by: number) { this.n += by; } }\nconst counter = new Counter();',
  'counter.add(rate);',
  'console.log(Mode.Fast, counter.n, batches, made[0]);',
];
/** The output of a run from the top. */
const right = (rate: number): string[] => [
  `${rate - 1} ${rate + 1} 1`,
  [1, 2, 3].map((one) => one * rate).join(),
  `${rate} ${rate} ${1024 / rate} 10`,
];

test('after a parameter is moved, Run prints the same as a run from the top, on a warm or a fresh kernel', async (t) => {
  const parameters = fresh('p', 'const rate = 2; // 1 to 10\nconst batches = 1024 / rate;', ['parameters']);
  const site = await Site.open({
    'a.ipynb': notebookOf(parameters, ...sources.map((source, i) => fresh(`c${i}`, source))),
  });
  t.after(() => site.close());
  const page = await new Page(site, 'a.ipynb').connect();
  await page.until('the cells', ({ state }) => state.order !== undefined);
  const { document } = await site.server.notebooks.at('a.ipynb');
  const prints = [3, 6, 10].map((index) => document.cell(`c${index}`));
  const printed = (): string[] =>
    prints.map(({ cell }) =>
      (cell as CodeCell).outputs.map((output) => ('text' in output ? String(output.text).trim() : '?')).join(),
    );
  const run = async (rate: number): Promise<void> => {
    await page.do({ do: 'set', name: 'rate', value: rate });
    await page.do({ do: 'runChanged' });
    await (await site.server.notebooks.at('a.ipynb')).quiet();
    assert.deepEqual(printed(), right(rate));
    await page.until('no mark', ({ state }) =>
      Object.values(state.cells).every(({ run: at }) => at?.state === 'idle' && at.fault === undefined),
    );
  };
  await run(4);
  await run(8);
  await page.do({ do: 'stop' });
  await run(2);
  page.disconnect();
});
