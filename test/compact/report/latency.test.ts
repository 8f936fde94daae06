import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { measureLatencies, passOf } from 'sparsebook/compact/report/latency.js';

await useBackend({ backend: 'simd', threads: 1 });

const { layers: l } = tf;

/** Reads values in its call, which a plan cannot repeat. */
class Reading extends l.Layer {
  static className = 'Reading';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [x] = [inputs].flat();
    return x.max().dataSync()[0] > 0 ? x : x.neg();
  }
}

function network(last: tf.layers.Layer): tf.LayersModel {
  const input = tf.input({ shape: [3] });
  return tf.model({ inputs: input, outputs: last.apply(l.dense({ units: 2 }).apply(input)) as tf.SymbolicTensor });
}

test('the compiled plan of a network is timed, unless there is none or it is switched off', async () => {
  const models = [network(l.reLU()), network(new Reading())];
  const once = { runs: 1, warmUp: 0 };
  const { numTensors } = tf.memory();
  const plans = await measureLatencies(models, 2, once);
  assert.deepEqual(
    plans.map(({ compiled }) => compiled),
    [true, false],
  );
  const passes = await measureLatencies(models, 2, { ...once, compiled: false });
  assert.deepEqual(
    passes.map(({ compiled }) => compiled),
    [false, false],
  );
  assert.equal(tf.memory().numTensors, numTensors);
});

test('both kinds of pass compute the same as the network', () => {
  const model = network(l.reLU());
  const images = tf.tensor2d([1, -2, 3, -4, 5, 6], [2, 3]);
  const [plan, plain] = [true, false].map((compiled) => {
    const pass = passOf(model, 2, compiled);
    const [output] = pass.run([images]);
    pass.dispose();
    return output.arraySync();
  });
  assert.deepEqual(plan, plain);
});

test('numbers of images and passes that allow no timing are refused', async () => {
  const models = [network(l.reLU())];
  await assert.rejects(measureLatencies(models, 0), /images that pass at once must be .* at least 1; received 0/);
  await assert.rejects(measureLatencies(models, 1, { runs: 0 }), /runs must be .* at least 1; received 0/);
  await assert.rejects(measureLatencies(models, 1, { warmUp: -1 }), /warmUp must be .* at least 0; received -1/);
});
