import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import {
  assertClose,
  assertSameAsCpu,
  assertSameBits,
  builds,
  computeOn,
  random,
  useSimd,
  type Compute,
  type Plain,
} from './compare.ts';

type Pad = 'same' | 'valid' | tf.backend_util.ExplicitPadding;
interface Case {
  input: [number, number, number, number];
  filter: [number, number, number, number];
  strides?: number;
  pad?: Pad;
}

const sides = (top: number, bottom: number, left: number, right: number): Pad => [
  [0, 0],
  [top, bottom],
  [left, right],
  [0, 0],
];
const cases: Case[] = [
  { input: [2, 7, 6, 8], filter: [3, 3, 8, 1] },
  { input: [3, 8, 8, 20], filter: [3, 3, 20, 1], strides: 2 },
  { input: [2, 9, 7, 13], filter: [3, 3, 13, 1], strides: 2, pad: sides(1, 1, 1, 1) },
  { input: [2, 6, 6, 3], filter: [3, 3, 3, 1], pad: 'valid' },
  { input: [2, 5, 6, 5], filter: [3, 3, 5, 2] },
  { input: [2, 7, 5, 4], filter: [3, 2, 4, 3], strides: 2 },
  { input: [1, 9, 9, 9], filter: [5, 5, 9, 1], strides: 3 },
  { input: [2, 6, 5, 12], filter: [5, 4, 12, 1], pad: sides(0, 3, 2, 1) },
  { input: [2, 4, 5, 7], filter: [1, 1, 7, 1], pad: sides(1, 0, 0, 2) },
  { input: [3, 5, 5, 10], filter: [1, 1, 10, 1], strides: 2 },
  { input: [20, 1, 1, 9], filter: [3, 3, 9, 1] },
  { input: [5, 2, 2, 17], filter: [3, 3, 17, 1], strides: 2 },
  { input: [2, 40, 33, 2], filter: [3, 3, 2, 1] },
];
const as4d = (t: tf.Tensor) => t as tf.Tensor4D;
const gradients =
  (strides: number, pad: Pad): Compute =>
  (x, w, dy) => {
    const forward = (x: tf.Tensor, w: tf.Tensor) => tf.depthwiseConv2d(as4d(x), as4d(w), strides, pad);
    return [forward(x, w), ...tf.grads(forward)([x, w], dy)];
  };
/** Results of the cpu kernels for each case: every build tests the same cases. */
const expected: Plain[][] = [];

for (const { variant, threads } of builds) {
  test(`${variant}: a depthwise convolution of any kernel, stride, padding, channels and multiplier is right, and so are both gradients`, async () => {
    await useSimd(variant, threads);
    for (const [i, { input, filter, strides = 1, pad = 'same' }] of cases.entries()) {
      const { outShape } = tf.backend_util.computeConv2DInfo(input, filter, strides, 1, pad, undefined, true);
      const inputs = [random(input, i + 1), random(filter, i + 2), random(outShape, i + 3)];
      expected[i] ??= await computeOn('cpu', gradients(strides, pad), inputs);
      assertClose(await computeOn('simd', gradients(strides, pad), inputs), expected[i]);
    }
  });

  test(`${variant}: dilation, unequal strides and empty batches fall back to the cpu kernel`, async () => {
    await useSimd(variant, threads);
    const [x, w] = [random([2, 6, 7, 3], 1), random([3, 3, 3, 2], 2)];
    await assertSameAsCpu((x, w) => tf.depthwiseConv2d(as4d(x), as4d(w), 1, 'same', 'NHWC', 2), [x, w]);
    await assertSameAsCpu((x, w) => tf.depthwiseConv2d(as4d(x), as4d(w), [1, 2], 'same'), [x, w]);
    await assertSameAsCpu(
      (x, w) => tf.depthwiseConv2d(as4d(x), as4d(w), 1, 'same'),
      [{ shape: [0, 6, 7, 3], values: new Float32Array() }, w],
    );
  });
}

for (const activation of ['linear', 'relu', 'relu6', 'elu', 'prelu'] as const) {
  test(`a depthwise convolution with bias and ${activation} in one call is right`, async (t) => {
    const backend = await useSimd('fma', 2);
    const fused = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor, preluActivationWeights: tf.Tensor) =>
      tf.fused.depthwiseConv2d({
        ...{ x: as4d(x), filter: as4d(filter), bias, strides: 1, pad: 'same' as const },
        ...{ activation, preluActivationWeights },
      });
    const wide = { shape: [3, 3, 5, 2], values: random([3, 3, 5, 2], 2).values.map((v) => 9 * v) };
    const inputs = [random([2, 7, 6, 5], 1), wide, random([10], 3), random([10], 4)];
    await assertSameAsCpu(fused, inputs);
    const computed = t.mock.method(backend, 'defer');
    await computeOn('simd', fused, inputs);
    assert.ok(computed.mock.callCount() > 0, 'by the fast kernel');
  });
}

test('NaN and infinity reach exactly the outputs of a depthwise convolution that see them', async () => {
  await useSimd('fma', 1);
  const filter = { shape: [3, 3, 9, 1], values: random([3, 3, 9, 1], 2).values.map(Math.abs) };
  for (const value of [NaN, Infinity, -Infinity]) {
    const x = random([1, 6, 6, 9], 1);
    x.values[132] = value;
    await assertSameAsCpu((x, w) => tf.relu6(tf.depthwiseConv2d(as4d(x), as4d(w), 1, 'same')), [x, filter]);
  }
});

test('one, two and three threads give the same bits for depthwise convolutions, with tiles of any width', async () => {
  const inputs = (side: number) => [
    random([9, 16, 16, 13], 1),
    random([3, 3, 13, 1], 2),
    random([9, side, side, 13], 3),
  ];
  await assertSameBits(async () => [
    ...(await computeOn('simd', gradients(1, 'same'), inputs(16))),
    ...(await computeOn('simd', gradients(2, 'same'), inputs(8))),
  ]);
});

test('memory stays flat over steps of depthwise convolutions', async () => {
  const backend = await useSimd('fma', 2);
  const [x, w] = [tf.randomNormal([4, 8, 8, 6]), tf.randomNormal([3, 3, 6, 2])];
  const step = () => tf.tidy(() => tf.grads((x, w) => tf.depthwiseConv2d(as4d(x), as4d(w), 2, 'same'))([x, w]));
  tf.dispose(step());
  const before = { ...tf.memory(), ...backend.heap.usage() };
  for (let i = 0; i < 20; i++) tf.dispose(step());
  assert.deepEqual({ ...tf.memory(), ...backend.heap.usage() }, before);
});
