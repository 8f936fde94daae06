import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { experimentRun } from 'sparsebook/experiments/experimentRun.js';
import { evaluate, Sgd } from 'sparsebook/training';
import { colours, smallNet } from '../training/small.ts';

await tf.setBackend('cpu');
const [train, validation, testing] = [colours(32, 1), colours(40, 2), colours(40, 3)];
const data = { name: 'colours', train, validation, test: testing, splitHash: '' };

test('a run that keeps averages is evaluated with them, and frees them', async () => {
  const before = tf.memory().numTensors;
  const model = smallNet({ gates: false });
  const training = { epochs: 2, batchSize: 16 };
  const run = experimentRun({ settings: {}, data, model, optimizer: new Sgd({ lr: 0.3 }), ema_decay: 0.9, training });
  for await (const event of run.events()) assert.notEqual(event.type, 'warning');
  const averaged = await run.evaluate('test');
  assert.deepEqual(await run.averages!.use(() => evaluate(model, data.test)), averaged);
  assert.notEqual((await evaluate(model, data.test)).loss, averaged.loss);
  run.dispose();
  assert.equal(tf.memory().numTensors, before);
});
