import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { reload } from '../reload.ts';

await useBackend({ backend: 'simd', threads: 1 });
const images = tf.randomUniform([2, 32, 32, 3], -1, 1, 'float32', 3);

test('a saved network loads again with every option and weight', async () => {
  const model = googleNet({ widthMultiplier: 0.125, gates: { droprate_init: 0.3, sampling: 'batch' }, seed: 5 });
  tf.dispose(model.apply(images, { training: true }) as tf.Tensor);
  const loaded = await reload(model);
  const configs = (m: tf.LayersModel): string[] =>
    m.layers.map((layer) => JSON.stringify([layer.getClassName(), layer.getConfig()]));
  assert.deepEqual(configs(loaded), configs(model));
  const logits = (m: tf.LayersModel): Float32Array => (m.predict(images) as tf.Tensor).dataSync<'float32'>();
  assert.deepEqual(logits(loaded), logits(model));
  const gate = loaded.getLayer('block3_5x5_gate') as L0Gate;
  assert.equal(gate.droprate_init, 0.3);
  assert.equal(gate.sampling, 'batch');
});

test('the same seed gives the same network, another seed another network', () => {
  const logits = (seed: number): Float32Array =>
    (googleNet({ widthMultiplier: 0.125, gates: true, seed }).predict(images) as tf.Tensor).dataSync<'float32'>();
  assert.deepEqual(logits(1), logits(1));
  assert.notDeepEqual(logits(1), logits(2));
});

test('gates leave all weights as they are without gates', () => {
  const options = { widthMultiplier: 0.125, seed: 2 };
  const gated = new Map(googleNet({ ...options, gates: true }).weights.map((w) => [w.originalName, w.read()]));
  for (const w of googleNet(options).weights) {
    assert.deepEqual(gated.get(w.originalName)?.dataSync(), w.read().dataSync(), w.originalName);
  }
});

test('gateReduce also puts a gate after every reduce convolution', () => {
  const gates = (gateReduce: boolean): number =>
    googleNet({ widthMultiplier: 0.125, gates: { gateReduce } }).layers.filter((layer) => layer instanceof L0Gate)
      .length;
  assert.equal(gates(false), 32);
  assert.equal(gates(true), 48);
});

test('with unstructured gates every weight of the gated convolutions has a gate, and no layer is added', () => {
  const gates = (more: object): number =>
    gatesOf(googleNet({ gates: { unstructured: true, ...more } })).reduce((n, gate) => n + gate.logAlpha.size, 0);
  // All kernels: 260,650 without biases and batch norm (3 x 1,312 channels), stem and dense layer.
  const channels = 64 + 832 + 6 * 48 + 2 * 64;
  const everywhere = 260_650 - 3 * channels - 27 * 64 - 1290;
  assert.equal(gates({ gateReduce: true }), everywhere);
  const reduce = 48 * (64 + 64 + 96 + 96 + 96 + 96) + 64 * (128 + 128);
  assert.equal(gates({}), everywhere - reduce);
  const plain = googleNet();
  assert.equal(googleNet({ gates: { unstructured: true } }).layers.length, plain.layers.length);
  assert.throws(() => googleNet({ gates: { unstructured: true, sampling: 'image' } }), /one mask for a whole batch/);
});

test('a model keeps at least one channel per layer and as many logits as classes', () => {
  const model = googleNet({ widthMultiplier: 0.01, classes: 3 });
  assert.deepEqual(model.outputs[0].shape, [null, 3]);
  assert.deepEqual(model.getLayer('block1_5x5_conv').outputShape, [null, 32, 32, 1]);
});

test('forward passes leave no tensor behind', () => {
  const model = googleNet({ widthMultiplier: 0.125, gates: true });
  tf.dispose([model.predict(images), model.apply(images, { training: true }) as tf.Tensor]);
  const before = tf.memory().numTensors;
  for (let i = 0; i < 3; i++) tf.dispose([model.predict(images), model.apply(images, { training: true }) as tf.Tensor]);
  assert.equal(tf.memory().numTensors, before);
});

test('options out of range are refused in a sentence', () => {
  assert.throws(() => googleNet({ widthMultiplier: 0 }), /widthMultiplier must be a number above 0; received 0/);
  assert.throws(() => googleNet({ classes: 2.5 }), /classes must be a whole number of at least 1; received 2.5/);
});
