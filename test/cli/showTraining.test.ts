import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showTraining } from 'sparsebook/cli/trainOnTerminal.js';
import type { TrainingEvent } from 'sparsebook/training/events.js';

const start: TrainingEvent = {
  type: 'start',
  model: 'googleNet',
  optimizer: 'AdamW',
  parameters: 10,
  trainingImages: 200,
  validationImages: 100,
  batchSize: 20,
  epochs: 2,
  stepsPerEpoch: 10,
  startStep: 0,
};
const losses = { loss: 2.5, crossEntropy: 2, penalty: 0.5, accuracy: 0.25 };
const step = (n: number): TrainingEvent => ({
  type: 'step',
  step: n,
  epoch: Math.floor((n - 1) / 10),
  ...losses,
  imagesPerSecond: 1000,
  learningRate: 1e-3,
});
const epoch: TrainingEvent = {
  type: 'epoch',
  epoch: 0,
  step: 10,
  train: losses,
  validation: { loss: 2, accuracy: 0.3 },
  sparsity: { channels: 8, closed: 3 },
  learningRate: 1e-3,
  seconds: 4.2,
};

/** The text that a view writes while it receives events, with a pause before the step numbered in `after`. */
function written(events: TrainingEvent[], stream: { isTTY?: boolean; columns?: number }): string {
  let text = '';
  const realNow = performance.now.bind(performance);
  let now = 0;
  performance.now = () => now;
  try {
    const view = showTraining({ ...stream, write: (piece: string | Uint8Array) => (text += String(piece)) !== '' });
    for (const event of events) {
      now += 1000;
      view.onEvent(event);
    }
    view.close();
  } finally {
    performance.now = realNow;
  }
  return text;
}

test('the time left counts to max_steps if that comes before the last epoch', () => {
  const shown = written([{ ...start, maxSteps: 5 }, step(1), step(2)], { isTTY: true, columns: 200 });
  assert.match(shown, /████████░+ epoch 1 of 2 · 3\.0 s left/);
});

test('on a terminal one line changes: bar, epoch, time left, loss terms, accuracy, speed', () => {
  const text = written([start, step(1), step(2)], { isTTY: true, columns: 200 });
  const lines = text.split('\r\x1b[K');
  assert.equal(
    lines[2],
    '██░░░░░░░░░░░░░░░░░░ epoch 1 of 2 · 18.0 s left · loss 2.500 (cross-entropy 2.000 + penalty 0.500) · ' +
      'accuracy 25.0 % · 1,000 images/s',
  );
  assert.equal(lines.at(-1), '', 'nothing is left behind');
  for (const line of written([start, step(1)], { isTTY: true, columns: 40 }).split('\r\x1b[K')) {
    assert.ok(line.length < 40);
  }
});

test('epochs and warnings stay above the line that changes', () => {
  const text = written([start, step(1), { type: 'warning', message: 'look' }, epoch], { isTTY: true, columns: 80 });
  assert.match(text, /\r\x1b\[Kwarning: look\n█/);
  assert.match(text, /\r\x1b\[Kepoch 1 of 2: loss 2\.500 .*, validation 30\.0 %, 3 of 8 closed in 4\.2 s\n█/);
});

test('outside a terminal there are plain lines: epochs, warnings, and a step now and then', () => {
  const steps = Array.from({ length: 20 }, (_, i) => step(i + 1));
  const text = written([start, ...steps, epoch, ...steps, { type: 'warning', message: 'look' }], {});
  assert.doesNotMatch(text, /[\r\x1b█]/);
  const lines = text.trimEnd().split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[0], /^epoch 1 of 2: /);
  assert.match(lines[1], /^step \d+ of 20, .* left, loss 2\.500 \(.*\), accuracy 25\.0 %, 1,000 images\/s$/);
  assert.equal(lines[2], 'warning: look');
});

test('the time left counts only the steps that this run made', () => {
  const resumed: TrainingEvent = { ...start, startStep: 10 };
  assert.match(
    written([resumed, step(11), step(12)], { isTTY: true, columns: 200 }),
    /1 · 9\.0 s left|2 · 9\.0 s left/,
  );
});
