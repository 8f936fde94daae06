import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { fusedBatchNorm, hasKernel, type Relu } from 'sparsebook/backend/fusedOps.js';
import type { SimdBackend } from 'sparsebook/backend/simd/simdBackend.js';
import { assertClose, assertSameBits, computeOn, random, useSimd } from './compare.ts';

const normalised = (x: tf.Tensor, gamma: tf.Tensor, relu: Relu): tf.Tensor => {
  const options = { epsilon: 1e-3, relu };
  if (hasKernel('FusedBatchNorm')) return fusedBatchNorm({ x, gamma } as never, options).y;
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  const parameters = [mean, variance, tf.zerosLike(mean), gamma] as never[];
  const y = tf.batchNorm(x as tf.Tensor4D, parameters[0], parameters[1], parameters[2], parameters[3], 1e-3);
  return relu ? tf.clipByValue(y, 0, 6) : y;
};

const IMAGES = 40;
const CHANNELS = 12;

/** An inverted residual block and the gradients of everything it reads. */
const block =
  (stride: number) =>
  (...inputs: tf.Tensor[]): tf.Tensor[] => {
    const conv = (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same');
    const forward = (...[x, expand, filter, project, wide, narrow]: tf.Tensor[]): tf.Tensor => {
      const inner = normalised(conv(x, expand), wide, 6);
      const spread = tf.depthwiseConv2d(inner as tf.Tensor4D, filter as tf.Tensor4D, stride, 'same');
      const y = normalised(conv(normalised(spread, wide, 6), project), narrow, false);
      return (stride === 1 ? tf.add(y, x) : y).mean([1, 2]);
    };
    return tf.grads(forward)(inputs.slice(1), inputs[0]);
  };

/** Inputs for images of the given size, with `wide` channels inside the block. */
const inputs = (size: number, wide: number) => [
  random([IMAGES, CHANNELS], 1),
  random([IMAGES, size, size, CHANNELS], 2),
  random([1, 1, CHANNELS, wide], 3),
  random([3, 3, wide, 1], 4),
  random([1, 1, wide, CHANNELS], 5),
  random([wide], 6),
  random([CHANNELS], 7),
];

for (const [size, stride] of [
  [20, 1],
  [20, 2],
  [4, 1],
]) {
  test(`a block of step ${stride} on ${size}x${size} has the gradients of the cpu backend`, async () => {
    await useSimd('wide', 2);
    const ours = await computeOn('simd', block(stride), inputs(size, 20));
    assertClose(ours, await computeOn('cpu', block(stride), inputs(size, 20)), 2e-4);
  });

  test(`a block of step ${stride} on ${size}x${size} has the same bits for any number of threads`, async () => {
    await assertSameBits(() => computeOn('simd', block(stride), inputs(size, 44)));
  });
}

const [images, pixels, SQUARE, ADD] = [50, 16, 2, 0];
const channels = 8;
const n = images * pixels * channels;

/** Numbers, their squares as work that may be repeated, and a count of how often it ran. */
function squares(backend: SimdBackend) {
  const values = Float32Array.from({ length: n }, (_, i) => (i % 97) / 97 - 0.3);
  const x: tf.TensorInfo = tf.tensor(values);
  let times = 0;
  const write = (to: number): void => {
    times++;
    backend.run('unary', n / 4, [SQUARE, backend.pointer(x), to, n], { images });
  };
  const squared = backend.defer([images, pixels, channels], { reads: [x], repeatable: true, write });
  return { values, x, squared, times: () => times };
}

const together = (backend: SimdBackend, use: () => void): void => backend.together(tf.zeros([images, 200, 200]), use);

test('values that pass from kernel to kernel are computed once for all readers, and never stored in full', async () => {
  const backend = await useSimd('fma', 3);
  const { values, x, squared, times } = squares(backend);
  const [sum, twice] = [1, 2].map(() => backend.heap.allocate(n * 4));
  const { live } = backend.heap.usage();
  together(backend, () => {
    backend.run('binaryDense', n / 4, [ADD, backend.pointer(x), backend.passing(squared), sum, n], { images });
    backend.run('binaryDense', n / 4, [ADD, backend.passing(squared), backend.passing(squared), twice, n], { images });
  });
  assert.equal(times(), 1);
  assert.ok(backend.deferred(squared));
  assert.ok(backend.heap.usage().live - live < n * 4 + 3 * 4096 * 2);
  assert.deepEqual(
    backend.heap.floats(sum, n),
    Float32Array.from(values, (v) => v + Math.fround(v * v)),
  );
  assert.deepEqual(
    backend.heap.floats(twice, n),
    Float32Array.from(values, (v) => 2 * Math.fround(v * v)),
  );
});

test('values that pass are recomputed for kernels with other chunks, and stored for a kernel that needs all of them', async () => {
  const backend = await useSimd('fma', 2);
  const { values, squared, times } = squares(backend);
  const [total, four, eight] = [64, 4096, 4096].map((bytes) => backend.heap.allocate(bytes));
  together(backend, () => {
    for (const [chunks, sums] of [
      [4, four],
      [8, eight],
    ]) {
      const args = [backend.passing(squared), channels, sums];
      backend.run('batchNormSums', images * pixels, args, { chunks, images, scratch: 64 });
    }
    assert.equal(times(), 2);
    backend.run('sumMiddle', 1, [backend.passing(squared), total, n, 1, 1]);
  });
  assert.equal(times(), 3);
  assert.equal(backend.deferred(squared), undefined);
  const exact = values.reduce((sum, v) => sum + v * v, 0);
  assert.ok(Math.abs(backend.heap.floats(total, 1)[0] / exact - 1) < 1e-5);
  /** The total of the sums that batchNormSums keeps per chunk, relative to the first pixel of the chunk. */
  const sumOf = (sums: number, chunks: number): number => {
    let sum = 0;
    for (let chunk = 0; chunk < chunks; chunk++) {
      const at = sums + chunk * channels * 20;
      const count = (Math.floor((images * (chunk + 1)) / chunks) - Math.floor((images * chunk) / chunks)) * pixels;
      const { buffer } = backend.heap.floats(at, channels);
      const [doubles, origin] = [new Float64Array(buffer, at, channels), at + channels * 16];
      backend.heap.floats(origin, channels).forEach((first, c) => (sum += doubles[c] + count * first));
    }
    return sum;
  };
  for (const [sums, chunks] of [
    [four, 4],
    [eight, 8],
  ])
    assert.ok(Math.abs(sumOf(sums, chunks) / exact - 1) < 1e-5);
});
