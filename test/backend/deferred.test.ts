import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { fusedBatchNorm } from 'sparsebook/backend/fusedOps.js';
import { sgdStep } from 'sparsebook/backend/fusedSteps.js';
import type { SimdBackend } from 'sparsebook/backend/simd/simdBackend.js';
import { normaliseBy, normaliseByBatch } from 'sparsebook/layers/batchNorm.js';
import { convolve } from 'sparsebook/layers/conv2d.js';
import { assertSameAsCpu, random, useSimd, type Compute } from './compare.ts';

const options = { epsilon: 1e-3, relu: true };
const pointwise = (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'valid');

afterEach(() => tf.disposeVariables());

/** The numbers of tensors and buffers, and the heap space, in use. */
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

test('a deferred result is right after a reshape, whatever follows', async () => {
  await useSimd('fma', 2);
  const statistics = (channels: number) => [random([channels], 5), random([channels], 6)];
  for (const channels of [1, 4, 16, 512]) {
    const shape = [2, 512 / channels, channels];
    const inputs = [random([2, 8, 8, 3], 1), random([1, 1, 3, 8], 2), random(shape, 3), ...statistics(channels)];
    const compute: Compute = (x, w, open, mean, variance) => {
      const [left, right] = tf.split(tf.concat([pointwise(x, w), pointwise(x, w)], 3), 2, 3);
      return [pointwise(x, w), left, right].flatMap((y) => {
        const seen = y.reshape(shape);
        const moments = { mean: mean as tf.Tensor1D, variance: variance.abs() as tf.Tensor1D };
        const normalised = normaliseBy({ x: seen, ...moments }, options);
        return [seen.relu(), seen.relu6(), normalised, tf.concat([seen, open, seen], 2), seen.add(open)];
      });
    };
    await assertSameAsCpu(compute, inputs);
  }
});

test('gradients that come back in another shape are right', async () => {
  await useSimd('fma', 2);
  for (const channels of [4, 16, 512]) {
    const shape = [2, 512 / channels, channels];
    const before = (x: tf.Tensor, w: tf.Tensor, bias: tf.Tensor) => {
      const y = convolve(x as tf.Tensor4D, w as tf.Tensor4D, bias as tf.Tensor1D, 1, 'same').reshape(shape);
      return tf.concat([normaliseByBatch({ x: y }, options).y.reshape([2, -1]), tf.ones([2, 3])], 1);
    };
    const behind = (x: tf.Tensor, w: tf.Tensor, bias: tf.Tensor) => {
      const z = convolve(x as tf.Tensor4D, w as tf.Tensor4D, bias as tf.Tensor1D, 1, 'same');
      return tf.concat([normaliseByBatch({ x: z }, options).y.reshape(shape), tf.ones(shape)], 2);
    };
    for (const [of, dy] of [
      [before, random([2, 515], 4)],
      [behind, random([...shape.slice(0, 2), 2 * channels], 4)],
    ] as const) {
      const compute: Compute = (x, w, bias, dy) => {
        const [dx, dw, dbias] = tf.grads(of)([x, w, bias], dy);
        return [dx, dw, dbias.add(1)]; // mostly 0, except for rounding
      };
      await assertSameAsCpu(compute, [random([2, 8, 8, 3], 1), random([3, 3, 3, 8], 2), random([8], 3), dy], 1e-4);
    }
  }
});

test('a filter or matrix that is used in two shapes is right in each', async () => {
  await useSimd('fma', 2);
  const compute: Compute = (a, b, x, y, w) => [
    tf.matMul(a, w),
    tf.matMul(b, w.reshape([8, 144])),
    tf.matMul(a, w.reshape([8, 144]), true, true),
    tf.conv2d(x as tf.Tensor4D, w.reshape<tf.Tensor4D>([3, 3, 16, 8]), 1, 'same'),
    tf.conv2d(y as tf.Tensor4D, w.reshape<tf.Tensor4D>([3, 3, 8, 16]), 1, 'same'),
  ];
  const images = [random([2, 5, 5, 16], 3), random([2, 5, 5, 8], 4)];
  await assertSameAsCpu(compute, [random([144, 144], 1), random([5, 8], 2), ...images, random([144, 8], 5)]);
});

test('assigning new values to variables leaves deferred results as they were, and memory is freed once', async () => {
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

test('a deferred result is computed from its inputs as they were when it was requested, whatever happens to them later', async () => {
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

test('pieces of a split outlive the tensor that was split, on any backend', async () => {
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

test('deferred work whose result is not needed is dropped with everything it held', async () => {
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
