import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { googleNet } from 'sparsebook/models/googleNet.js';

await useBackend({ backend: 'simd' });

test('gates on weights become part of the weights, and the compact network gives the same outputs', () => {
  const model = googleNet({ widthMultiplier: 0.125, gates: { unstructured: true }, seed: 3 });
  gatesOf(model).forEach(({ logAlpha }, i) => logAlpha.assign(tf.randomUniform(logAlpha.shape, -5, 3, 'float32', i)));
  const small = compact(model).model;
  assert.deepEqual(gatesOf(small), []);
  const images = tf.randomUniform([2, 32, 32, 3], -1, 1, 'float32', 3);
  const [wanted, got] = [model, small].map((net) => (net.predict(images) as tf.Tensor).dataSync());
  wanted.forEach((value, i) => assert.ok(Math.abs(value - got[i]) < 1e-4, `logit ${i}: ${value} and ${got[i]}`));
});
