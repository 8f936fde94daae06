import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train } from 'sparsebook/training/train.js';
import type { TrainingEvent } from 'sparsebook/training/events.js';
import type { Sparsifier } from 'sparsebook/sparsity/sparsifier.js';
import { WeightAverages } from 'sparsebook/training/weightAverages.js';
import { colours, smallNet } from './small.ts';

const data = { train: colours(40, 1), validation: colours(16, 2) };

test('maxSteps ends a run within an epoch, whose event is like that of a whole epoch', async () => {
  await tf.setBackend('cpu');
  const model = smallNet({ gates: false });
  const types = async (maxSteps: number, startStep = 0): Promise<string[]> => {
    const events: TrainingEvent[] = [];
    for await (const event of train({ model, data, epochs: 3, batchSize: 16, maxSteps, startStep })) events.push(event);
    const last = events.at(-1)!;
    assert.ok(last.type === 'end' && last.reason === 'finished');
    return events.map(({ type }) => type);
  };
  assert.deepEqual(await types(2), ['start', 'step', 'step', 'epoch', 'end']);
  assert.deepEqual(await types(3), ['start', 'step', 'step', 'step', 'epoch', 'end']);
  assert.deepEqual(await types(5, 4), ['start', 'warning', 'step', 'epoch', 'end']);
  assert.deepEqual(await types(5, 5), ['start', 'end']);
  assert.equal((await types(100)).filter((type) => type === 'step').length, 9);
});

test('invalid limits, and averages of another network, are refused', async () => {
  const model = smallNet({ gates: false });
  for (const [options, message] of [
    [{ seed: 0.5 }, /seed must be a whole number; received 0.5/],
    [{ maxSteps: NaN }, /maxSteps must be a whole number of at least 0; received NaN/],
    [{ maxSteps: -5 }, /maxSteps must be .* received -5/],
    [{ batchSize: NaN }, /batchSize must be a whole number of at least 1; received NaN/],
    [{ batchSize: -5 }, /batchSize must be .* received -5/],
    [{ averages: new WeightAverages(smallNet()) }, /averages must be made for the network that is trained, smallNet/],
  ] as const) {
    await assert.rejects(train({ model, data, epochs: 1, ...options }).next(), { name: 'UserError', message });
  }
});

test('a run that is stopped at the beginning of an epoch makes one step of it, so that no method begins it twice', async () => {
  const begun: number[] = [];
  const steps = async (startStep: number, stopIn?: number): Promise<number> => {
    const abort = new AbortController();
    const sparsifier: Sparsifier = {
      name: 'watching',
      beforeEpoch: (epoch) => {
        begun.push(epoch);
        if (epoch === stopIn) abort.abort();
      },
      channelMasks: () => new Map(),
      state: () => ({}),
      restore: () => undefined,
    };
    let made = startStep;
    const model = smallNet({ gates: false });
    const options = { model, data, epochs: 3, batchSize: 16, sparsifier, startStep, signal: abort.signal };
    for await (const { type } of train(options)) if (type === 'step') made++;
    return made;
  };
  const stopped = await steps(0, 1);
  assert.equal(await steps(stopped), 9);
  assert.deepEqual(begun, [0, 1, 2]);
});

for (const backend of ['cpu', 'simd'] as const) {
  test(`SGD decays the chosen variables, ${backend}`, async () => {
    await useBackend({ backend });
    const sgd = new Sgd({ lr: 0.5, weight_decay: 0.25, decays: (key) => key.endsWith('/kernel') });
    const [kernel, gamma] = [tf.variable(tf.ones([2])), tf.variable(tf.ones([2]))];
    const gradient = tf.zeros([2]);
    const update = { gradient, lr: 0.5 };
    sgd.step([
      { ...update, key: 'a/kernel', variable: kernel },
      { ...update, key: 'a/gamma', variable: gamma },
    ]);
    assert.deepEqual([...kernel.dataSync(), ...gamma.dataSync()], [0.875, 0.875, 1, 1]);
  });
}
