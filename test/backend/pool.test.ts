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

test('the remaining workers keep to their own memory when one worker is gone', async () => {
  const backend = await useSimd('fma', 3);
  const { workers } = backend.pool as unknown as { workers: { terminate(): Promise<unknown> }[] };
  await workers[0].terminate();
  assert.equal(backend.pool.threads, 2);
  const before = backend.heap.usage().live;
  backend.run('fillRows', 1, [backend.heap.allocate(64), backend.zeros, 4, 1, 0], { scratch: 2 ** 20 });
  assert.ok(backend.heap.usage().live - before > 3 * 2 ** 20, 'a part for each number that a thread may have');
  await backend.pool.close();
});

test('a kernel that runs out of memory at any of its steps frees what it took', async (t) => {
  const backend = await useSimd('fma', 1);
  const [x, w, deep] = [tf.tensor<tf.Rank.R4>(values, shape as Shape), tf.ones([3, 3, 16, 16]), tf.ones([3, 3, 16, 2])];
  const compute = (): void =>
    tf.tidy(() => {
      const y = tf.conv2d(x, w as tf.Tensor4D, 1, 'same');
      const z = tf.concat([y.relu(), tf.maxPool(y, 2, 1, 'same'), y.add(1)], 3);
      const pieces = tf.split(tf.depthwiseConv2d(x, deep as tf.Tensor4D, 1, 'same'), 2, 3);
      for (const read of [z.mean(0), tf.matMul(z, z, false, true), pieces[1].square(), tf.softmax(z)]) read.dataSync();
    });
  compute();
  const { live } = backend.heap.usage();
  const allocate = backend.heap.allocate.bind(backend.heap);
  let left = 0;
  t.mock.method(backend.heap, 'allocate', (bytes: number) => {
    if (left-- === 0) throw new Error('out of memory');
    return allocate(bytes);
  });
  let failures = 0;
  for (let done = false; !done; failures++) {
    left = failures;
    try {
      compute();
      done = true;
    } catch (error) {
      assert.match((error as Error).message, /out of memory/);
    }
    assert.equal(backend.heap.usage().live, live, `at allocation ${failures}`);
  }
  assert.ok(failures > 10);
  tf.dispose([x, w, deep]);
});

test('an unknown kernel is named, and a kernel that fails does not stop the pool', async () => {
  const backend = await useSimd('fma', 2);
  const before = convolve();
  assert.throws(() => backend.run('noSuchKernel', 1, []), /no simd kernel 'noSuchKernel'/);
  const outside = 2 ** 32 - 8;
  assert.throws(() => backend.run('fillRows', 4, [outside, backend.zeros, 4], { chunks: 4 }), /'fillRows' failed/);
  assert.deepEqual(convolve(), before);
});

test('a tensor that is too large is an error after which the process can go on', async () => {
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
