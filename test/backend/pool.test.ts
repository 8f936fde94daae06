import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { random, useSimd } from './compare.ts';

type Shape = [number, number, number, number];

const { values, shape } = random([8, 8, 8, 16], 1);
const convolve = () =>
  tf.tidy(() =>
    tf.conv2d(tf.tensor<tf.Rank.R4>(values, shape as Shape), tf.ones<tf.Rank.R4>([3, 3, 16, 16]), 1, 'same').dataSync(),
  );

test('when the workers are gone, the calling thread computes alone', async () => {
  const backend = await useSimd('fma', 3);
  const before = convolve();
  await backend.pool.close();
  assert.equal(backend.pool.threads, 1);
  assert.deepEqual(convolve(), before);
});

test('an unknown kernel is named, and a kernel that fails does not stop the pool', async () => {
  const backend = await useSimd('fma', 2);
  const before = convolve();
  assert.throws(() => backend.run('noSuchKernel', 1, []), /no simd kernel 'noSuchKernel'/);
  const outside = 2 ** 32 - 8;
  assert.throws(() => backend.run('fillRows', 4, [outside, backend.zeros, 4], { chunks: 4 }), /'fillRows' failed/);
  assert.deepEqual(convolve(), before);
});

test('a tensor that is too large is an error that leaves the process able to go on', async () => {
  await useSimd('fma', 2);
  const before = convolve();
  const one = tf.ones<tf.Rank.R4>([1, 1, 1, 1]);
  const pad: tf.backend_util.ExplicitPadding = [
    [0, 0],
    [0, 40000],
    [0, 40000],
    [0, 0],
  ];
  assert.throws(() => tf.tidy(() => tf.conv2d(one, one, 1, pad)), /out of memory/);
  assert.deepEqual(convolve(), before);
});
