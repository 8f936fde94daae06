// The output of a running sweep: a table that is rewritten on a terminal, plain lines elsewhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusLine } from 'sparsebook/cli/output.js';
import { countsText, pointLine, showSweep, timeLeft } from 'sparsebook/cli/sweepProgress.js';
import type { PointState } from 'sparsebook/experiments/sweep/sweep.js';

const at = (lr: string, state: PointState['state'], more: object = {}): PointState =>
  ({ point: { id: lr, group: `lr=${lr}`, values: { lr, seed: '1' } }, state, ...more }) as unknown as PointState;
const record = { test: { accuracy: 0.8812 }, sparsity: { complete: 0.5 }, seconds: 61 };
const progress = { epoch: 2, epochs: 5, step: 3, steps: 10, imagesPerSecond: 812.4, left: 41.2 };
const states = [
  at('0.1', 'finished', { record }),
  at('0.2', 'running', { progress }),
  at('0.3', 'failed', { reason: 'The loss is NaN.\n    at a stack' }),
  at('0.4', 'blocked', { reason: 'it starts from base, which failed' }),
  at('0.5', 'waiting'),
];

function stream(
  isTTY: boolean,
  columns = 200,
  rows = 24,
): { isTTY: boolean; columns: number; rows: number; text: () => string; write: (text: string) => boolean } {
  let written = '';
  return { isTTY, columns, rows, write: (text: string) => Boolean((written += text)), text: () => written };
}

test('a point is one line with what is known about it', () => {
  assert.deepEqual(states.map(pointLine), [
    'done     lr=0.1 seed=1: test 88.12 %, sparsity 50 %, 1:01 min',
    'running  lr=0.2 seed=1: epoch 2 of 5, 812 images/s, 41.2 s left',
    'failed   lr=0.3 seed=1: The loss is NaN.',
    'blocked  lr=0.4 seed=1: it starts from base, which failed',
    'waiting  lr=0.5 seed=1',
  ]);
  assert.equal(countsText(states), '1 of 5 done, 1 running, 1 failed, 1 blocked, 1 waiting');
});

test('outside a terminal each finished or failed point is printed once', () => {
  const out = stream(false);
  const view = showSweep(out, 'mine');
  const begun = [at('0.1', 'running', { progress }), ...states.slice(1)];
  view.onStates(begun);
  view.onStates(states, 125);
  view.onStates(states, 120);
  view.close();
  assert.deepEqual(out.text().trimEnd().split('\n'), [
    'failed   lr=0.3 seed=1: The loss is NaN.',
    'blocked  lr=0.4 seed=1: it starts from base, which failed',
    'mine: 0 of 5 done, 2 running, 1 failed, 1 blocked, 1 waiting',
    'done     lr=0.1 seed=1: test 88.12 %, sparsity 50 %, 1:01 min',
  ]);
});

test('the time left counts training of unfinished runs, but not what was trained before', () => {
  let now = 0;
  const left = timeLeft(() => now);
  const running = (lr: string, step: number): PointState => at(lr, 'running', { progress: { ...progress, step } });
  const done = at('0.1', 'finished', { record });
  assert.equal(left([done, at('0.2', 'stopped'), at('0.3', 'waiting')]), undefined);
  now = 1000;
  assert.equal(left([done, running('0.2', 6), at('0.3', 'waiting')]), undefined, 'it goes on from step 6 of 10');
  now = 11_000;
  const seconds = left([done, running('0.2', 8), at('0.3', 'waiting')])!;
  assert.ok(Math.abs(seconds - 66) < 1e-9, `0.2 of a run took 11 s, and 1.2 are left: ${seconds}`);
  now = 33_000;
  assert.ok(Math.abs(left([done, at('0.2', 'finished', { record }), running('0.3', 0)])! - 82.5) < 1e-9);
});

test('points that were finished before are not printed again', () => {
  const out = stream(false);
  showSweep(out, 'mine').onStates([states[0], states[4]]);
  assert.equal(out.text(), 'mine: 1 of 2 done, 1 waiting\n');
});

/** The text on a terminal after these writes; knows only the escape sequences used here. */
function screen(text: string): string[] {
  const lines = [''];
  let row = 0;
  for (const [part] of text.matchAll(/\x1b\[A|\x1b\[J|\x1b\[K|\r|\n|[^\x1b\r\n]+/g)) {
    if (part === '\x1b[A') row--;
    else if (part === '\x1b[J') lines.splice(row, Infinity, '');
    else if (part === '\x1b[K') lines[row] = '';
    else if (part === '\n') lines[++row] ??= '';
    else if (part !== '\r') lines[row] = part;
  }
  return lines;
}

test('a terminal that does not know its size is assumed to have 80 columns and 24 rows', () => {
  const out = stream(true, 0, 0);
  new StatusLine(out).show(...Array.from({ length: 30 }, (_, i) => `${i} ${'x'.repeat(100)}`));
  const shown = screen(out.text());
  assert.deepEqual([shown.length, ...new Set(shown.map((line) => line.length))], [23, 79]);
});

test('on a terminal the table stands below finished points, is rewritten in place, keeps to the width, and is removed at the end', () => {
  const out = stream(true, 60);
  const view = showSweep(out, 'mine');
  view.onStates([at('0.1', 'running', { progress }), at('0.2', 'running', { progress })]);
  assert.deepEqual(
    screen(out.text()).map((line) => line.slice(0, 34)),
    ['░░░░░░░░░░░░░░░░░░░░ mine: 0 of 2 ', 'running  lr=0.1 seed=1: epoch 2 of', 'running  lr=0.2 seed=1: epoch 2 of'],
  );
  view.onStates([states[0], at('0.2', 'running', { progress })], 41);
  const shown = screen(out.text());
  assert.deepEqual(
    shown.map((line) => line.slice(0, 34)),
    ['done     lr=0.1 seed=1: test 88.12', '██████████░░░░░░░░░░ mine: 1 of 2 ', 'running  lr=0.2 seed=1: epoch 2 of'],
  );
  assert.ok(shown.slice(1).every((line) => line.length < 60));
  view.close();
  assert.deepEqual(screen(out.text()), ['done     lr=0.1 seed=1: test 88.12 %, sparsity 50 %, 1:01 min', '']);
});
