import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelSpec } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { foreignKernel, ownKernel, runCells, stockKernel, type Sent } from './kernels.ts';

const cells = [
  `import { dataFrame, liveFigure, markdown, table, watch } from 'sparsebook';
   import { hardConcreteDensity, penaltyCurve } from 'sparsebook';
   const view = liveFigure(hardConcreteDensity());`,
  `view.update(penaltyCurve(), { final: true });`,
  `const frame = dataFrame([
     { run: 'a <b>', accuracy: 0.9012, gates: 832 },
     { run: 'b', accuracy: 0.87, gates: 41 },
   ]);
   table(frame, { caption: 'Two runs', formats: { accuracy: (x) => (100 * Number(x)).toFixed(1) + ' %' } });`,
  'markdown`\n  The mask is $\\alpha$, **${1 + 1}** times.\n`;',
  `async function* training() {
     yield { type: 'start' as const, epochs: 1, stepsPerEpoch: 30, startStep: 0 };
     for (let step = 1; step <= 30; step++) {
       await new Promise((resolve) => setTimeout(resolve, 20));
       const scores = { loss: 3 / step, crossEntropy: 2 / step, penalty: 1 / step, accuracy: 1 - 1 / step };
       yield { type: 'step' as const, step, epoch: 0, imagesPerSecond: 4000, ...scores };
     }
   }
   await watch(training(), { interval: 100 });`,
];

const displays = (sent: Sent[]): Sent[] => sent.filter(({ type }) => type.endsWith('display_data'));
const data = ({ content }: Sent): Record<string, string> => content.data as Record<string, string>;
const id = ({ content }: Sent): string => (content.transient as { display_id: string }).display_id;

type Results = Awaited<ReturnType<typeof runCells>>;

/** Runs the first cells, which show a figure and replace it. */
async function showsFigures(spec: KernelSpec, count = 2): Promise<Results> {
  const results = await runCells(spec, cells.slice(0, count));
  results.forEach(({ outcome, text }, i) => assert.equal(outcome.status, 'ok', `cell ${i}: ${text}`));
  const [shown, updated] = results.map(({ sent }) => displays(sent));

  // A figure is one output in three forms.
  assert.deepEqual(
    shown.map(({ type }) => type),
    ['display_data'],
  );
  assert.deepEqual(Object.keys(data(shown[0])).sort(), ['application/vnd.plotly.v1+json', 'image/png', 'text/plain']);
  assert.ok(Buffer.from(data(shown[0])['image/png'], 'base64').subarray(1, 4).equals(Buffer.from('PNG')));
  assert.match(data(shown[0])['text/plain'], /^The hard concrete distribution\. .*59\.9 % exactly 0/);

  // Another cell replaces it in place.
  assert.deepEqual(
    updated.map(({ type }) => type),
    ['update_display_data'],
  );
  assert.equal(id(updated[0]), id(shown[0]));
  assert.match(data(updated[0])['text/plain'], /^What an open gate costs/);
  assert.ok('image/png' in data(updated[0]));
  return results;
}

async function showsEverything(spec: KernelSpec): Promise<void> {
  const results = await showsFigures(spec, cells.length);
  const [, , tabled, marked, watched] = results.map(({ sent }) => displays(sent));

  assert.equal(tabled.length, 1);
  assert.match(data(tabled[0])['text/html'], /<caption>Two runs<\/caption>.*a &lt;b&gt;.*90\.1 %/s);
  assert.match(data(marked[0])['text/markdown'], /^The mask is \$\\alpha\$, \*\*2\*\* times\.$/);

  // Live training: two outputs, each updated in place every 100 ms, at the start and at the end.
  const added = watched.filter(({ type }) => type === 'display_data');
  assert.equal(added.length, 2);
  const updates = watched.filter(({ type }) => type === 'update_display_data');
  for (const output of added) {
    const own = updates.filter((update) => id(update) === id(output));
    assert.ok(own.length >= 2 && own.length <= 3 + results[4].milliseconds / 100, `${own.length} updates`);
  }
  const lines = updates.map(data).filter((bundle) => !('application/vnd.plotly.v1+json' in bundle));
  assert.match(
    lines.at(-1)?.['text/plain'] ?? '',
    /^\[█{24}\] step 30 of 30, epoch 1 of 1, .* 4,000 images\/s, 0\.0 s left$/,
  );
  const plots = updates.map(data).filter((bundle) => 'application/vnd.plotly.v1+json' in bundle);
  // Only the last plot is drawn as an image.
  assert.deepEqual(
    plots.map((bundle) => 'image/png' in bundle),
    plots.map((_, i) => i === plots.length - 1),
  );
  assert.match(plots.at(-1)?.['text/plain'] ?? '', /Over 30 training steps the loss goes from 3 to 0\.1/);
  const own = results[4].sent.filter(({ type }) => type === 'execute_result' || type === 'stream');
  assert.deepEqual(own, [], 'a call in the last line gives nothing to show');
}

test("figures, tables, Markdown and live plots reach the cells of this project's kernel", async () => {
  await showsEverything(ownKernel());
});

/**
 * Retries: stock tslab fails a cell if a file that it watches changes while it reads the cell, which parallel tests may
 * cause, and it sometimes does not start while they keep the machine busy.
 */
async function undisturbed(show: () => Promise<unknown>, tries = 3): Promise<void> {
  try {
    await show();
  } catch (error) {
    if (tries === 1 || !/Unexpected pending rebuildTimer|did not answer within/.test(String(error))) throw error;
    await undisturbed(show, tries - 1);
  }
}

test('figures, tables, Markdown and live plots reach the cells of stock tslab', async () => {
  await undisturbed(() => showsEverything(stockKernel()));
});

test('figures reach the cells of a separately installed tslab, and other cells replace them', async () => {
  const { spec, remove } = foreignKernel();
  try {
    await undisturbed(() => showsFigures(spec));
  } finally {
    remove();
  }
});
