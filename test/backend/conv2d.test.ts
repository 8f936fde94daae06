import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import {
  assertClose,
  assertSameAsCpu,
  assertSameBits,
  builds,
  computeOn,
  forAll,
  type Plain,
  random,
  useSimd,
} from './compare.ts';

type Pad = 'same' | 'valid' | tf.backend_util.ExplicitPadding;

interface Convolution {
  input: [number, number, number, number];
  filter: [number, number, number, number];
  strides: number;
  pad: Pad;
  seed: number;
}

const small = (max: number) => fc.integer({ min: 0, max });
const explicitPad = fc.tuple(small(2), small(2), small(2), small(2)).map(([top, bottom, left, right]): Pad => [
  [0, 0],
  [top, bottom],
  [left, right],
  [0, 0],
]);

function convolutions(
  kernel: fc.Arbitrary<[number, number]>,
  strides: number[],
  channels: fc.Arbitrary<number>,
  { batch = [1, 3], side = [1, 12] }: { batch?: [number, number]; side?: [number, number] } = {},
) {
  const within = ([min, max]: [number, number]) => fc.integer({ min, max });
  return fc
    .record({
      shape: fc.tuple(within(batch), within(side), within(side)),
      kernel,
      channels: fc.tuple(channels, channels),
      strides: fc.constantFrom(...strides),
      pad: fc.oneof({ weight: 4, arbitrary: explicitPad }, fc.constantFrom<Pad>('same', 'valid')),
      seed: fc.integer({ min: 1, max: 1e6 }),
    })
    .map(({ shape, kernel, channels, ...rest }): Convolution => {
      return { input: [...shape, channels[0]], filter: [...kernel, ...channels], ...rest };
    })
    .filter(({ input, filter, strides, pad }) => {
      try {
        return tf.backend_util.computeConv2DInfo(input, filter, strides, 1, pad).outShape.every((n) => n > 0);
      } catch {
        return false;
      }
    });
}

/** Results of the cpu kernels by convolution: those kernels are slow, and each build tests the same convolutions. */
const expected = new Map<string, Plain[]>();

/** Forward, input gradient and filter gradient, as tfjs's own conv2d calls them. */
async function assertConvolutionSameAsCpu(convolution: Convolution): Promise<void> {
  const { input, filter, strides, pad, seed } = convolution;
  const { outShape } = tf.backend_util.computeConv2DInfo(input, filter, strides, 1, pad);
  const forward = (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad);
  const compute = (x: tf.Tensor, w: tf.Tensor, dy: tf.Tensor) => [forward(x, w), ...tf.grads(forward)([x, w], dy)];
  const inputs = [random(input, seed), random(filter, seed + 1), random(outShape, seed + 2)];
  const key = JSON.stringify(convolution);
  if (!expected.has(key)) expected.set(key, await computeOn('cpu', compute, inputs));
  assertClose(await computeOn('simd', compute, inputs), expected.get(key)!);
}

for (const { variant, threads } of builds) {
  test(`${variant}: a convolution of any kernel, stride, padding and channel count is right, and so are both its gradients`, async () => {
    await useSimd(variant, threads);
    const kernel = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }));
    await forAll(convolutions(kernel, [1, 2, 3], fc.integer({ min: 1, max: 18 })), assertConvolutionSameAsCpu);
  });

  test(`${variant}: many small images, most of whose windows reach into the border, are convolved correctly`, async () => {
    await useSimd(variant, threads);
    const kernel = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }));
    const many = convolutions(kernel, [1, 2, 3], fc.integer({ min: 1, max: 18 }), { batch: [24, 60], side: [1, 4] });
    await forAll(many, assertConvolutionSameAsCpu, 40);
  });

  for (const side of [3, 5]) {
    test(`${variant}: Winograd's ${side}x${side} convolutions are right on images whose size is no multiple of the tile`, async () => {
      await useSimd(variant, threads);
      const channels = fc.oneof(fc.integer({ min: 16, max: 34 }), fc.integer({ min: 5, max: 15 }), fc.constant(3));
      const kernel = fc.constant<[number, number]>([side, side]);
      await forAll(convolutions(kernel, [1], channels, { side: [6, 12] }), assertConvolutionSameAsCpu, 20);
    });
  }

  test(`${variant}: channels first, dilation and unequal strides fall back to the cpu kernel`, async () => {
    await useSimd(variant, threads);
    const [x, w] = [random([2, 6, 7, 3], 1), random([3, 3, 3, 4], 2)];
    const as4d = (t: tf.Tensor) => t as tf.Tensor4D;
    await assertSameAsCpu((x, w) => tf.conv2d(as4d(x), as4d(w), 1, 'same', 'NHWC', 2), [x, w]);
    await assertSameAsCpu((x, w) => tf.conv2d(as4d(x), as4d(w), [1, 2], 'same'), [x, w]);
    await assertSameAsCpu((x, w) => tf.conv2d(as4d(x), as4d(w), 1, 'same', 'NCHW'), [random([2, 3, 6, 7], 3), w]);
  });

  for (const activation of ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const) {
    test(`${variant}: a convolution with bias and ${activation} in one call is right, as layers request it outside of training`, async (t) => {
      const backend = await useSimd(variant, threads);
      const fused = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor, preluActivationWeights: tf.Tensor) =>
        tf.fused.conv2d({
          ...{ x: x as tf.Tensor4D, filter: filter as tf.Tensor4D, bias, strides: 1, pad: 'same' as const },
          ...{ activation, preluActivationWeights, leakyreluAlpha: 0.3 },
        });
      const inputs = [random([2, 7, 6, 5], 1), random([3, 3, 5, 9], 2), random([9], 3), random([9], 4)];
      await assertSameAsCpu(fused, inputs);
      const computed = t.mock.method(backend, 'defer');
      await computeOn('simd', fused, inputs);
      assert.ok(computed.mock.callCount() > 0, 'by the fast kernel');
      const { numTensors, numDataBuffers } = tf.memory();
      await computeOn('simd', fused, inputs);
      assert.deepEqual([tf.memory().numTensors, tf.memory().numDataBuffers], [numTensors, numDataBuffers]);
    });
  }

  test(`${variant}: NaN and infinity reach exactly the outputs that see them`, async () => {
    await useSimd(variant, threads);
    const x = random([1, 5, 5, 5], 1);
    x.values[62] = NaN;
    const y = random([1, 5, 5, 5], 1);
    y.values[62] = Infinity;
    const positive = { ...random([3, 3, 5, 9], 2), values: random([3, 3, 5, 9], 2).values.map(Math.abs) };
    const convolve = (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same');
    await assertSameAsCpu(convolve, [x, positive]);
    await assertSameAsCpu(convolve, [y, positive]);
  });
}

test('one, two and three threads give the same bits, with tiles of any width', async () => {
  const inputs = [random([5, 9, 9, 19], 1), random([3, 3, 19, 21], 2), random([5, 9, 9, 21], 3)];
  const strided = [random([5, 9, 9, 7], 1), random([5, 5, 7, 9], 2), random([5, 5, 5, 9], 3)];
  const all = (strides: number) => (x: tf.Tensor, w: tf.Tensor, dy: tf.Tensor) => {
    const forward = (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, 'same');
    return [forward(x, w), ...tf.grads(forward)([x, w], dy)];
  };
  await assertSameBits(async () => [
    ...(await computeOn('simd', all(1), inputs)),
    ...(await computeOn('simd', all(2), strided)),
  ]);
});

test('memory stays flat, and tensors that no fast kernel computed are moved to the heap once', async () => {
  const backend = await useSimd('fma', 2);
  const x = tf.randomNormal<tf.Rank.R4>([4, 8, 8, 16]);
  const w = tf.randomNormal<tf.Rank.R4>([3, 3, 16, 16]);
  const step = () =>
    tf.tidy(() => tf.grads((x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'))([x, w]));
  tf.dispose(step());
  const [tensors, { live, high }] = [tf.memory().numTensors, backend.heap.usage()];
  for (let i = 0; i < 50; i++) tf.dispose(step());
  assert.equal(tf.memory().numTensors, tensors);
  assert.deepEqual(backend.heap.usage(), { live, high });
});
