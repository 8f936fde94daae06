import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { fusedBatchNorm } from 'sparsebook/backend/fusedOps.js';
import { sgdStep } from 'sparsebook/backend/fusedSteps.js';
import type { SimdBackend } from 'sparsebook/backend/simd/simdBackend.js';
import { assertSameAsCpu, random, useSimd, type Compute } from './compare.ts';

const options = { epsilon: 1e-3, relu: true };
const pointwise = (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'valid');

afterEach(() => tf.disposeVariables());

/** The buffers and the heap that are in use. */
const inUse = (backend: SimdBackend) => ({ ...tf.memory(), ...backend.heap.usage(), high: undefined });

test('gradients that several branches send back to one tensor add up', async () => {
  await useSimd('fma', 2);
  const compute: Compute = (x, a, b, c, dy) => {
    const branches = (x: tf.Tensor, ...filters: tf.Tensor[]) => {
      const pooled = tf.maxPool(x as tf.Tensor4D, 3, 1, 'same');
      return tf.concat([tf.relu(pooled), ...filters.map((w) => pointwise(x, w)), pointwise(pooled, filters[0])], 3);
    };
    return tf.grads(branches)([x, a, b, c], dy);
  };
  const filters = [5, 8, 3].map((n, i) => random([1, 1, 12, n], i + 2));
  await assertSameAsCpu(compute, [random([2, 7, 7, 12], 1), ...filters, random([2, 7, 7, 12 + 5 + 8 + 3 + 5], 9)]);
});

test('a sum of two convolutions leaves both of them as they were', async () => {
  await useSimd('fma', 1);
  const compute: Compute = (dy, w, v) => {
    const back = (filter: tf.Tensor): tf.Tensor =>
      tf
        .engine()
        .runKernel(
          'Conv2DBackpropInput',
          { dy, filter },
          { strides: 1, pad: 0, dataFormat: 'NHWC', inputShape: [2, 9, 9, 10] },
        );
    const [a, b] = [back(w), back(v)];
    const sum = tf.add(a, b);
    const more = tf.add(sum, a);
    return [more, sum, b, a];
  };
  await assertSameAsCpu(compute, [random([2, 9, 9, 7], 1), random([1, 1, 10, 7], 2), random([1, 1, 10, 7], 3)]);
});

test('variables that are assigned other values leave what was put off as it was, and are freed once', async () => {
  const backend = await useSimd('fma', 1);
  const ones = tf.ones<tf.Rank.R4>([1, 3, 3, 2]);
  const once = (): void => {
    const filter = tf.tidy(() => tf.variable(tf.ones<tf.Rank.R4>([1, 1, 2, 4])));
    const read = tf.conv2d(ones, filter, 1, 'valid');
    const never = tf.conv2d(ones, filter, 1, 'valid');
    const kept = filter.clone();
    tf.tidy(() => filter.assign(tf.zeros([1, 1, 2, 4])));
    tf.dispose([never, kept]);
    assert.deepEqual(new Set(read.dataSync()), new Set([2]));
    assert.deepEqual(new Set(filter.dataSync()), new Set([0]));
    tf.dispose([read, filter]);
  };
  once();
  const before = inUse(backend);
  once();
  assert.deepEqual(inUse(backend), before);
  ones.dispose();
});

test('a deferred result is that of its inputs when it was requested, whatever happens to them later', async () => {
  await useSimd('fma', 1);
  const x = tf.variable(tf.randomNormal([2, 3, 3, 4]));
  const beta = tf.variable<tf.Rank.R1>(tf.tensor1d([1, 2, 3, 4]));
  const expected = fusedBatchNorm({ x, beta }, options).y.dataSync();
  const { y } = fusedBatchNorm({ x, beta }, options);
  sgdStep({ param: x, grad: tf.ones(x.shape) }, { learningRate: 5, momentum: 0, nesterov: false, weightDecay: 0 });
  sgdStep({ param: beta, grad: tf.ones([4]) }, { learningRate: 5, momentum: 0, nesterov: false, weightDecay: 0 });
  assert.deepEqual(y.dataSync(), expected);

  const z = fusedBatchNorm({ x, beta }, options).y;
  const again = fusedBatchNorm({ x, beta }, options).y.dataSync();
  x.dispose();
  assert.deepEqual(z.dataSync(), again);
});

test('pieces of a split outlive what they were split from, on any backend', async () => {
  await useSimd('fma', 1);
  const x = tf.square(tf.range(0, 2 * 3 * 6).reshape([2, 3, 6]));
  const [a, b] = tf.split(x, [2, 4], 2);
  const values = x.dataSync();
  x.dispose();
  tf.tidy(() => tf.square(tf.ones([2, 3, 6])));
  assert.deepEqual(
    [...a.dataSync()],
    [0, 1, 6, 7, 12, 13, 18, 19, 24, 25, 30, 31].map((i) => values[i]),
  );
  await tf.setBackend('cpu');
  assert.equal(b.dataSync()[0], values[2]);
});

test('work whose result is not needed is dropped with all that it held', async () => {
  const backend = await useSimd('fma', 1);
  const waste = () =>
    tf.tidy(() => {
      const x = tf.relu(tf.randomNormal([2, 5, 5, 8]));
      const { y } = fusedBatchNorm({ x }, options);
      tf.split(tf.concat([y, y], 3), 4, 3);
      tf.grad((x) => pointwise(x, tf.ones([1, 1, 8, 8])))(x);
    });
  waste();
  const before = inUse(backend);
  waste();
  assert.deepEqual(inUse(backend), before);
});
