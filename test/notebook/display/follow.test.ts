import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { follow } from 'sparsebook/notebook/display/follow.js';
import { KernelClient } from 'sparsebook/notebook/kernel/client/kernelClient.js';
import type { Message } from 'sparsebook/notebook/kernel/wire.js';
import { packageRoot } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import type { TrainingEvent } from 'sparsebook/training/events.js';
import { madeUpSweep } from '../../sweeps.ts';
import { end, epoch, start, step, wholeRun } from '../../training/log/events.ts';
import { fakeKernel, type Shown } from './fakeKernel.ts';
import { ownKernel } from './kernels.ts';

let data: string;
before(() => {
  data = mkdtempSync(join(tmpdir(), 'sparsebook-follow-'));
  process.env.SPARSEBOOK_DATA = data;
});
after(() => rmSync(data, { recursive: true }));

let time = 0;
/** Events as in a log, two seconds apart. */
const lines = (events: readonly TrainingEvent[]): string =>
  events.map((event) => `${JSON.stringify({ ...event, time: (time += 2000) })}\n`).join('');

/** Makes a run's folder with a log; returns the log's path. */
function makeRun(id: string, events: readonly TrainingEvent[]): string {
  const dir = join(data, 'runs', id);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'settings.json'), '{}');
  writeFileSync(join(dir, 'metrics.jsonl'), lines(events));
  return join(dir, 'metrics.jsonl');
}

const inKernel = (t: TestContext): Shown[] => {
  t.mock.method(console, 'warn', () => undefined);
  const { shown, leave } = fakeKernel();
  t.after(leave);
  return shown;
};
const textOf = ({ data }: Shown): string => String(data['text/plain']);
const isFigure = ({ data }: Shown): boolean => 'application/vnd.plotly.v1+json' in data;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a run that has ended is shown with all its curves', async (t) => {
  const shown = inKernel(t);
  makeRun('2026-01-01-a', wholeRun);
  await follow('2026-01-01');
  const last = shown.findLast(isFigure)!;
  assert.match(textOf(last), /Over 4 training steps .* Validation accuracy after 2 epochs: 60/);
  assert.ok('image/png' in last.data);
  assert.match(
    textOf(shown.findLast((each) => !isFigure(each))!),
    /step 4 of 4, epoch 2 of 2, .* finished after 9\.\d s$/,
  );
});

test('a running run is redrawn as its log grows, even if it was killed and resumes from a checkpoint', async (t) => {
  const shown = inKernel(t);
  const log = makeRun('2026-01-02-b', [start(), step(1), step(2)]);
  const following = follow('last', { interval: 20 });
  const drawn = (words: RegExp): Promise<void> => until(() => shown.some((each) => words.test(textOf(each))));
  // The present steps are drawn although no more come; the time left follows the log's clock: 2 steps in 4 s.
  await drawn(/Over 2 training steps/);
  await drawn(/step 2 of 4, .* 4\.\d s left$/);
  appendFileSync(log, lines([epoch(0), step(3)]));
  await drawn(/Over 3 training steps .*after 1 epoch: 50/);
  appendFileSync(log, lines([start(2)]));
  await drawn(/step 2 of 4, .*, going on$/);
  appendFileSync(log, lines([step(3), step(4), epoch(1), end(4)]));
  await following;
  assert.match(textOf(shown.at(-1)!), /Over 4 training steps/, 'a step that was made anew is there once');
  assert.equal(shown.filter(({ update }) => !update).length, 2, 'one line and one plot, updated in place');
});

test('an interrupted cell keeps what it showed, and the kernel goes on', async () => {
  const log = makeRun('2026-01-03-c', [start(), step(1)]);
  const kernel = await KernelClient.start({ spec: ownKernel(), cwd: packageRoot });
  try {
    const shown: string[] = [];
    const onMessage = ({ header, content }: Message): void => {
      if (header.msg_type !== 'update_display_data') return;
      const bundle = content.data as Record<string, string>;
      const text = bundle['text/plain'];
      if ('application/vnd.plotly.v1+json' in bundle) shown.push(text);
      if (text.includes('Over 1 training step') && shown.length === 1) appendFileSync(log, lines([step(2)]));
      if (text.includes('Over 2 training steps')) kernel.interrupt();
    };
    const cell = await kernel.execute(
      `import { follow } from 'sparsebook';
       await follow(${JSON.stringify(join(log, '..'))}, { interval: 20 });`,
      onMessage,
    );
    assert.ok(cell.status === 'error' && cell.ename === 'Interrupted');
    assert.match(shown.at(-1)!, /Over 2 training steps/);
    assert.equal((await kernel.execute('1 + 1')).status, 'ok');
  } finally {
    await kernel.shutdown();
  }
});

test('a missing run is refused with the existing ones', async () => {
  await assert.rejects(follow('2025'), {
    name: 'UserError',
    message: /No run begins with '2025'\. There are: 2026-01-01-a/,
  });
  await assert.rejects(follow('2026'), { name: 'UserError', message: /Several runs begin with '2026'/ });
});

test('a sweep is redrawn as its runs finish, until all are done', async (t) => {
  const shown = inKernel(t);
  const { finish } = await madeUpSweep(data, 'made-up');
  const following = follow('made-up', { interval: 20 });
  const drawn = (words: RegExp): Promise<void> => until(() => shown.some((each) => words.test(textOf(each))));
  await drawn(/^0 of 4 runs done$/);
  await drawn(/made-up\. No run is finished yet/);
  await finish(0.9, 0.1);
  await drawn(/^1 of 4 runs done$/);
  await drawn(/made-up\. Accuracy against sparsity, 1: 90.0 % right at 10.0 % removed/);
  await finish(0.8, 0.5);
  await finish(0.9, 0.1);
  await finish(0.8, 0.5);
  await following;
  assert.match(
    textOf(shown.findLast(isFigure)!),
    /1: 90.0 % right at 10.0 % removed and 2: 80.0 % right at 50.0 % removed/,
  );
  assert.ok('image/png' in shown.findLast(isFigure)!.data);
});
