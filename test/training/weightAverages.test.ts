import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { batches } from 'sparsebook/data/batches.js';
import { cifar10Statistics, normalise } from 'sparsebook/data/normalise.js';
import { randomFlip } from 'sparsebook/data/augment.js';
import { istaSparsifier } from 'sparsebook/sparsity/ista.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { averagedWeights, takeState } from 'sparsebook/training/checkpoint/trainedState.js';
import { evaluate } from 'sparsebook/training/evaluate.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train, type TrainingOptions } from 'sparsebook/training/train.js';
import { WeightAverages } from 'sparsebook/training/weightAverages.js';
import type { EpochEvent, TrainingEvent } from 'sparsebook/training/events.js';
import { assertClose } from '../goldens.ts';
import { colours, smallNet, weightsOf } from './small.ts';

const data = { train: colours(48), validation: colours(40, 2) };

for (const backend of ['cpu', 'simd'] as const) {
  test(`averages follow the weights by their formula, on ${backend}`, async () => {
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

test('validation uses the averages, and the weights are unchanged afterwards', async () => {
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

test('the model gets its weights back however the work ended', async () => {
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

test('where a weight is exactly 0 its average counts as 0, so that closed channels can be cut out', async () => {
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
  // The saved value is the average itself: the weight may come back.
  assert.ok(state['second/kernel'].every((value) => value !== 0));
});

test('averages cost a tensor for each weight and statistic, and none is left behind', async () => {
  const model = smallNet({ gates: false });
  const before = tf.memory().numTensors;
  const averages = new WeightAverages(model);
  for await (const event of train({ model, data, averages, epochs: 2, batchSize: 16 })) {
    assert.notEqual(event.type, 'warning', JSON.stringify(event));
  }
  assert.equal(tf.memory().numTensors, before + model.weights.length);
  averages.restore(await averages.state());
  assert.equal(tf.memory().numTensors, before + model.weights.length);
  averages.dispose();
  assert.equal(tf.memory().numTensors, before);
});

/** The network of `smallNet` without gates, with batch norm of tf.layers. */
function plainNet(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ name: 'first', inputShape: [32, 32, 3], filters: 4, kernelSize: 8, strides: 8 }),
      tf.layers.batchNormalization({ name: 'bn' }),
      tf.layers.reLU(),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({ name: 'logits', units: 3 }),
    ],
  });
}

const options = { data, batchSize: 16, epochs: 2, seed: 5, augment: [randomFlip] };

async function lastEpoch(given: TrainingOptions): Promise<EpochEvent> {
  let last: EpochEvent | undefined;
  for await (const event of train(given)) if (event.type === 'epoch') last = event;
  return last!;
}

// Each channel has 16 images of 4 x 4 positions: our running variance is unbiased, that of tf.layers is not.
for (const [name, network, correction] of [
  ['our batch norm', () => smallNet({ gates: false }), 256 / 255],
  ["tf.layers' batch norm", plainNet, 1],
] as const) {
  test(`running statistics fit the averaged weights: ${name}`, async () => {
    await useBackend({ backend: 'cpu' });
    const model = network();
    const averages = new WeightAverages(model, { decay: 0.95 });
    const { validation } = await lastEpoch({ ...options, model, averages, optimizer: new Sgd({ lr: 0.3 }) });
    const [first, bn] = [model.getLayer('first'), model.getLayer('bn')];
    const raw = bn.getWeights().map((weight) => [...weight.dataSync()]);
    await averages.use(async () => {
      // The moments of the averaged convolution's output for the training images, 48 of them in three batches.
      const [means, variances] = tf.tidy(() => {
        const seen = [...batches(data.train, { ...options, epoch: 0, normalise: normalise(cifar10Statistics) })];
        const moments = seen.map(({ images }) => {
          const x = first.apply(tf.tensor4d(images, [16, 32, 32, 3])) as tf.Tensor;
          const { mean, variance } = tf.moments(x, [0, 1, 2]);
          return [mean, variance.mul(correction)];
        });
        return [0, 1].map((i) =>
          tf
            .stack(moments.map((pair) => pair[i]))
            .mean(0)
            .dataSync()
            .slice(),
        );
      });
      const [, , mean, variance] = bn.getWeights().map((weight) => weight.dataSync());
      assertClose(mean, means, { absolute: 1e-5, relative: 1e-5 }, 'means');
      assertClose(variance, variances, { absolute: 1e-5, relative: 1e-3 }, 'variances');
      assert.notDeepEqual([...mean], raw[2]);
      assert.deepEqual(await evaluate(model, data.validation, { batchSize: 16 }), validation);
    });
    assert.deepEqual(
      bn.getWeights().map((weight) => [...weight.dataSync()]),
      raw,
    );
    averages.dispose();
  });
}

for (const [name, gates, method] of [
  ['L0', true, (model) => l0Sparsifier(model, { lambda_l0: 100, lr_gates: 1 })],
  ['ISTA', false, (model) => istaSparsifier(model, { l1_penalty: 2 })],
] as [string, boolean, (model: tf.LayersModel) => ReturnType<typeof l0Sparsifier>][]) {
  test(`an epoch reports the sparsity of the network that is evaluated: ${name}`, async () => {
    await useBackend({ backend: 'cpu' });
    const model = smallNet({ gates });
    const averages = new WeightAverages(model, { decay: 0.9 });
    const sparsifier = method(model);
    const { sparsity } = await lastEpoch({ ...options, model, sparsifier, averages, optimizer: new Sgd({ lr: 0.1 }) });
    assert.deepEqual(sparsity, await averages.use(() => Promise.resolve(sparsifier.summary!())));
    assert.notDeepEqual(sparsity, sparsifier.summary!(), 'the raw network has another one');
    averages.dispose();
  });
}

test('a checkpoint within an epoch contains exactly the network that its run would evaluate', async () => {
  await useBackend({ backend: 'simd', threads: 1 });
  const parts = (): { model: tf.LayersModel; averages: WeightAverages; optimizer: Sgd } => {
    const model = smallNet({ gates: false });
    return { model, averages: new WeightAverages(model, { decay: 0.9 }), optimizer: new Sgd({ lr: 0.1 }) };
  };
  const run = parts();
  const abort = new AbortController();
  for await (const event of train({ ...options, ...run, signal: abort.signal })) {
    if (event.type === 'step' && event.step === 5) abort.abort();
  }
  const state = await takeState(run);
  const evaluated = await run.averages.use(() => Promise.resolve(weightsOf(run.model)));
  assert.notDeepEqual(evaluated['bn/movingMean'], weightsOf(run.model)['bn/movingMean']);
  for (const [name, { values }] of averagedWeights(state)) assert.deepEqual(values, evaluated[name], name);

  const restored = parts();
  restored.model.setWeights(run.model.getWeights());
  restored.averages.restore(state.averages!);
  assert.deepEqual(await restored.averages.use(() => Promise.resolve(weightsOf(restored.model))), evaluated);
});

test('an invalid decay and averages of another network are refused', () => {
  const model = smallNet();
  for (const decay of [1, -1, NaN]) {
    assert.throws(() => new WeightAverages(model, { decay }), { name: 'UserError', message: /received (1|-1|NaN)/ });
  }
  const averages = new WeightAverages(model);
  assert.throws(() => averages.restore({ steps: 1, averages: { 'first/kernel': new Float32Array(3) } }), {
    name: 'UserError',
    message: /must have 768 values for first\/kernel; received 3: they are of another network/,
  });
  assert.throws(() => averages.restore({ steps: 1 }), { name: 'UserError', message: /received none/ });
});
