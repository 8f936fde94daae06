import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { fusedBatchNorm, hasKernel } from 'sparsebook/backend/fusedOps.js';
import type { SimdBackend } from 'sparsebook/backend/simd/simdBackend.js';
import { assertClose, assertSameBits, computeOn, random, useSimd } from './compare.ts';

// Three times as many images as fit in the cache at once, and a few more.
const IMAGES = 20;
const inputs = [
  random([IMAGES, 20, 20, 16], 1),
  random([3, 3, 16, 16], 2),
  random([3, 3, 16, 16], 3),
  random([16], 4),
  random([16], 5),
  random([IMAGES, 20, 20, 16], 6),
];

const normalised = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, relu: boolean): tf.Tensor => {
  const options = { epsilon: 1e-3, relu };
  if (hasKernel('FusedBatchNorm')) return fusedBatchNorm({ x, gamma, beta } as never, options).y;
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  const y = tf.batchNorm(x as tf.Tensor4D, mean as never, variance as never, beta as never, gamma as never, 1e-3);
  return relu ? tf.relu(y) : y;
};

/** A residual block and the gradients of everything it reads. */
const gradients = (
  x: tf.Tensor,
  first: tf.Tensor,
  second: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  dy: tf.Tensor,
) =>
  tf.grads((...[x, first, second, gamma, beta]: tf.Tensor[]) => {
    const conv = (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same');
    const inner = normalised(conv(x, first), gamma, beta, true);
    return tf.add(normalised(conv(inner, second), gamma, beta, false), x);
  })([x, first, second, gamma, beta], dy);

test('a residual block of more images than a cache holds has the gradients of the cpu backend', async () => {
  await useSimd('fma', 2);
  const ours = await computeOn('simd', gradients, inputs);
  assertClose(ours, await computeOn('cpu', gradients, inputs), 2e-4);
});

test('a residual block has the same bits for any number of threads', async () => {
  await assertSameBits(() => computeOn('simd', gradients, inputs));
});

/** Blocks of `size` floats; the first contains the numbers 0, 1, ... */
function blocks(backend: SimdBackend, size: number, count: number): number[] {
  const all = Array.from({ length: count }, () => backend.heap.allocate(size * 4));
  backend.heap.floats(all[0], size).set(Float32Array.from({ length: size }, (_, i) => i));
  return all;
}

test('kernels that run together see what earlier ones wrote, and a kernel that needs all images sees all', async () => {
  const backend = await useSimd('fma', 3);
  const [images, size, SQUARE, ADD] = [50, 64, 2, 0];
  const n = images * size;
  const [x, squares, sums, total] = blocks(backend, n, 4);
  backend.together(tf.zeros([images, 200, 200]), () => {
    backend.run('unary', n / 4, [SQUARE, x, squares, n], { images });
    backend.run('binaryDense', n / 4, [ADD, x, squares, sums, n], { images });
    backend.run('sumMiddle', 1, [sums, total, n, 1, 1]);
    backend.run('unary', n / 4, [SQUARE, x, sums, n], { images });
  });
  let expected = 0;
  for (let i = 0; i < n; i++) expected += i * i + i;
  assert.ok(Math.abs(backend.heap.floats(total, 1)[0] / expected - 1) < 1e-4);
  assert.deepEqual(backend.heap.floats(sums, n), backend.heap.floats(squares, n));
});

test('a block that is freed while kernels wait is not reused by them, and is free afterwards', async () => {
  const backend = await useSimd('fma', 2);
  const { live } = backend.heap.usage();
  const [images, n] = [32, 32 * 64];
  const [x, y] = blocks(backend, n, 2);
  backend.together(tf.zeros([images, 200, 200]), () => {
    backend.run('unary', n / 4, [2, x, y, n], { images });
    backend.heap.free(x);
    const z = backend.heap.allocate(n * 4);
    assert.notEqual(z, x);
    backend.heap.free(z);
  });
  assert.equal(backend.heap.floats(y, n)[n - 1], (n - 1) ** 2);
  backend.heap.free(y);
  assert.equal(backend.heap.usage().live, live);
});

test('an error while kernels wait leaves nothing behind that would run later', async () => {
  const backend = await useSimd('fma', 2);
  const [images, n] = [32, 32 * 64];
  const [x, y] = blocks(backend, n, 2);
  backend.heap.floats(y, n).fill(7);
  const failing = (): void => {
    backend.run('unary', n / 4, [2, x, y, n], { images });
    throw new Error('out of paper');
  };
  assert.throws(() => backend.together(tf.zeros([images, 200, 200]), failing), /out of paper/);
  backend.run('fillRows', 1, [backend.zeros, backend.heap.allocate(16), 16, 4, 0]);
  assert.equal(backend.heap.floats(y, n)[1], 7);
});
