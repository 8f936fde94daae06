import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { assertSameAsCpu, builds, forAll, random, useSimd } from './compare.ts';

const side = fc.integer({ min: 1, max: 9 });
const pads = fc.integer({ min: 0, max: 2 });
const pools = fc
  .record({
    shape: fc.tuple(fc.integer({ min: 1, max: 3 }), side, side, fc.integer({ min: 1, max: 9 })),
    size: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    strides: fc.integer({ min: 1, max: 3 }),
    pad: fc.tuple(pads, pads, pads, pads),
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .filter(({ shape, size, pad }) => {
    const [top, bottom, left, right] = pad;
    const inside = Math.max(top, bottom) < size[0] && Math.max(left, right) < size[1];
    return inside && shape[1] + top + bottom >= size[0] && shape[2] + left + right >= size[1];
  });

/**
 * Values in steps of a quarter, so that maxima are often equal: then the first maximum in the window gets the gradient.
 */
const coarse = (shape: number[], seed: number) => {
  const plain = random(shape, seed);
  return { ...plain, values: plain.values.map((v) => Math.round(v * 4) / 4) };
};

for (const { variant, threads } of builds) {
  test(`${variant}: no row writes into the next one, which another thread may have written`, async () => {
    await useSimd(variant, threads);
    const pool = (x: tf.Tensor) => tf.maxPool(x as tf.Tensor4D, 3, 1, 'same');
    for (const channels of [1, 2, 3, 5]) {
      const x = random([16, 8, 8, channels], channels);
      for (let repeat = 0; repeat < 20; repeat++) await assertSameAsCpu(pool, [x]);
    }
  });

  for (const kind of ['max', 'avg'] as const) {
    test(`${variant}: ${kind} pooling of any window, stride, padding and channel count is right, and so is its gradient`, async () => {
      await useSimd(variant, threads);
      await forAll(pools, async ({ shape, size, strides, pad: [top, bottom, left, right], seed }) => {
        const pad: tf.backend_util.ExplicitPadding = [
          [0, 0],
          [top, bottom],
          [left, right],
          [0, 0],
        ];
        const pool = (x: tf.Tensor) => tf[`${kind}Pool`](x as tf.Tensor4D, size, strides, pad);
        const { outShape } = tf.backend_util.computePool2DInfo(shape, size, strides, 1, pad);
        await assertSameAsCpu(
          (x, dy) => [pool(x), tf.grad(pool)(x, dy)],
          [coarse(shape, seed), random(outShape, seed + 1)],
        );
      });
    });
  }

  test(`${variant}: windows of more than 255 positions are right, and so are their gradients`, async () => {
    await useSimd(variant, threads);
    for (const kind of ['max', 'avg'] as const) {
      const pool = (x: tf.Tensor) => tf[`${kind}Pool`](x as tf.Tensor4D, 17, 17, 'same');
      await assertSameAsCpu(
        (x, dy) => [pool(x), tf.grad(pool)(x, dy)],
        [random([2, 20, 18, 5], 1), random([2, 2, 2, 5], 2)],
      );
    }
  });

  test(`${variant}: windows beyond the image, where sides are rounded up, are as on cpu, and so are their gradients`, async () => {
    await useSimd(variant, threads);
    for (const [size, strides, pad] of [
      [1, 3, 0],
      [2, 3, 1],
      [2, 4, 0],
    ]) {
      for (const kind of ['max', 'avg'] as const) {
        const pool = (x: tf.Tensor) => tf[`${kind}Pool`](x as tf.Tensor4D, size, strides, pad, 'ceil');
        const { outShape } = tf.backend_util.computePool2DInfo([2, 5, 5, 3], size, strides, 1, pad, 'ceil');
        const inputs = [random([2, 5, 5, 3], 1), random(outShape, 2)];
        await assertSameAsCpu((x, dy) => [pool(x), tf.grad(pool)(x, dy)], inputs);
      }
    }
  });

  test(`${variant}: 3x3 pools of common widths are right`, async () => {
    await useSimd(variant, threads);
    const pad: tf.backend_util.ExplicitPadding = [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ];
    for (const strides of [1, 2]) {
      const pool = (x: tf.Tensor) => tf.maxPool(x as tf.Tensor4D, 3, strides, pad);
      const dy = random([3, 8 / strides, 8 / strides, 12], 2);
      await assertSameAsCpu((x, dy) => [pool(x), tf.grad(pool)(x, dy)], [coarse([3, 8, 8, 12], 1), dy]);
    }
  });

  test(`${variant}: infinities win or lose a maximum as they should`, async () => {
    await useSimd(variant, threads);
    const x = random([1, 6, 6, 5], 3);
    x.values.fill(-Infinity, 0, 60);
    x.values[100] = Infinity;
    await assertSameAsCpu((x) => tf.maxPool(x as tf.Tensor4D, 3, 1, 'same'), [x]);
  });
}
