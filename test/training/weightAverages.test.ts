import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { evaluate, Sgd, train, WeightAverages, type TrainingEvent } from 'sparsebook/training';
import { assertClose } from '../goldens.ts';
import { colours, smallNet, weightsOf } from './small.ts';

const data = { train: colours(48), validation: colours(40, 2) };

for (const backend of ['cpu', 'simd'] as const) {
  test(`averages follow the weights as their formula says, on ${backend}`, async () => {
    await useBackend({ backend, threads: 1 });
    const model = smallNet({ gates: false });
    const averages = new WeightAverages(model, { decay: 0.5 });
    const name = 'first/kernel';
    let expected = Array.from(weightsOf(model)[name]);
    for await (const event of train({
      model,
      data,
      averages,
      epochs: 4,
      batchSize: 16,
      optimizer: new Sgd({ lr: 1 }),
    })) {
      if (event.type !== 'step') continue;
      // (1 + n) / (10 + n) passes 0.5 at n = 8.
      const decay = event.step < 8 ? (1 + event.step) / (10 + event.step) : 0.5;
      const weights = weightsOf(model)[name];
      expected = expected.map((value, i) => decay * value + (1 - decay) * weights[i]);
      const { steps, averages: all } = (await averages.state()) as {
        steps: number;
        averages: Record<string, Float32Array>;
      };
      assert.equal(steps, event.step);
      assertClose(all[name], expected, { absolute: 1e-5, relative: 1e-5 }, `averages after step ${steps}`);
    }
    averages.dispose();
  });
}

test('validation is of the averages, and the weights are what they were', async () => {
  await useBackend({ backend: 'cpu' });
  const model = smallNet();
  const averages = new WeightAverages(model, { decay: 0.9 });
  const events: TrainingEvent[] = [];
  let atLastStep: Record<string, Float32Array> = {};
  for await (const event of train({
    model,
    data,
    averages,
    epochs: 2,
    batchSize: 16,
    optimizer: new Sgd({ lr: 0.3 }),
  })) {
    if (event.type === 'step') atLastStep = weightsOf(model);
    events.push(event);
  }
  assert.deepEqual(weightsOf(model), atLastStep);
  const last = events.findLast((event) => event.type === 'epoch');
  assert.deepEqual(await averages.use(() => evaluate(model, data.validation, { batchSize: 16 })), last?.validation);
  assert.notDeepEqual(await evaluate(model, data.validation, { batchSize: 16 }), last?.validation);
});

test('the model has its weights back however the work ended', async () => {
  const model = smallNet();
  const averages = new WeightAverages(model);
  const start = weightsOf(model);
  assert.deepEqual(await averages.use(() => Promise.resolve(weightsOf(model))), start, 'before the first step');
  averages.begin();
  const kernel = model.getLayer('second').weights[0];
  kernel.write(tf.ones(kernel.shape as [number, number, number, number]));
  const moved = weightsOf(model);
  await assert.rejects(
    averages.use(() => {
      assert.deepEqual(weightsOf(model), start);
      return Promise.reject(new Error('stopped'));
    }),
    /stopped/,
  );
  assert.deepEqual(weightsOf(model), moved);
});

test('where a weight is exactly 0 its average counts as 0, so that what is closed can be cut out', async () => {
  await useBackend({ backend: 'cpu' });
  const model = smallNet();
  const averages = new WeightAverages(model, { decay: 0.9 });
  averages.begin();
  const kernel = model.getLayer('second').weights[0];
  const values = Float32Array.from(weightsOf(model)['second/kernel'], (value, i) => (i % 3 === 0 ? 0 : value));
  kernel.write(tf.tensor(values, kernel.shape as [number, number, number, number]));
  averages.update();
  const { averages: state } = (await averages.state()) as { averages: Record<string, Float32Array> };
  await averages.use(() => {
    weightsOf(model)['second/kernel'].forEach((value, i) =>
      assert.ok(value === (i % 3 === 0 ? 0 : state['second/kernel'][i])),
    );
    return Promise.resolve();
  });
  // What is saved is the average itself: the weight may come back.
  assert.ok(state['second/kernel'].every((value) => value !== 0));
});

test('averages cost a tensor for each weight, and none is left behind', async () => {
  const model = smallNet({ gates: false });
  const before = tf.memory().numTensors;
  const averages = new WeightAverages(model);
  for await (const event of train({ model, data, averages, epochs: 2, batchSize: 16 })) {
    assert.notEqual(event.type, 'warning', JSON.stringify(event));
  }
  assert.equal(tf.memory().numTensors, before + model.trainableWeights.length);
  averages.restore(await averages.state());
  assert.equal(tf.memory().numTensors, before + model.trainableWeights.length);
  averages.dispose();
  assert.equal(tf.memory().numTensors, before);
});

test('a decay that is none and averages of another network are refused', () => {
  const model = smallNet();
  for (const decay of [1, -1, NaN]) {
    assert.throws(() => new WeightAverages(model, { decay }), { name: 'UserError', message: /received (1|-1|NaN)/ });
  }
  const averages = new WeightAverages(model);
  assert.throws(() => averages.restore({ steps: 1, averages: { 'first/kernel': new Float32Array(3) } }), {
    name: 'UserError',
    message: /need 768 values for first\/kernel, got 3: they are of another network/,
  });
  assert.throws(() => averages.restore({ steps: 1 }), { name: 'UserError', message: /got none/ });
});
