import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { assertSameAsCpu, builds, computeOn, forAll, random, useSimd, type Compute } from './compare.ts';

const dimension = fc.integer({ min: 1, max: 9 });
const seed = fc.integer({ min: 1, max: 1e6 });
const forward = { add: tf.add, sub: tf.sub, mul: tf.mul, div: tf.div };

/** Positive numbers, so that division and square roots stay well behaved. */
const positive = (shape: number[], seed: number) => {
  const plain = random(shape, seed);
  return { ...plain, values: plain.values.map((v) => 1.5 + v) };
};

for (const { variant, threads } of builds) {
  test(`${variant}: sums, differences, products and quotients broadcast as tfjs does`, async () => {
    await useSimd(variant, threads);
    const shapes = fc
      .tuple(
        fc.tuple(dimension, dimension, dimension, fc.integer({ min: 8, max: 20 })),
        fc.integer({ min: 0, max: 15 }),
        fc.boolean(),
      )
      .map(([shape, ones, swap]) => ({ shape, other: shape.map((n, i) => ((ones >> i) & 1 ? 1 : n)), swap }));
    await forAll(
      fc.tuple(shapes, seed, fc.constantFrom(...Object.keys(forward))),
      async ([{ shape, other, swap }, seed, name]) => {
        const operation = forward[name as keyof typeof forward];
        const [a, b] = [positive(shape, seed), positive(other, seed + 1)];
        await assertSameAsCpu((a, b) => operation(a, b), swap ? [b, a] : [a, b]);
      },
    );
  });

  test(`${variant}: the vector functions keep NaN and infinity`, async () => {
    await useSimd(variant, threads);
    const x = random([1027], 5);
    [x.values[3], x.values[500], x.values[1026]] = [NaN, Infinity, -Infinity];
    for (const operation of [tf.relu, tf.neg, tf.square, tf.sqrt, tf.abs, tf.step])
      await assertSameAsCpu((x) => operation(x), [x]);
    await assertSameAsCpu((x) => tf.step(x, 0.5), [x]);
    await assertSameAsCpu((x) => tf.addN([x, x, x]), [x]);
  });

  test(`${variant}: sums and means over any axes are right`, async () => {
    await useSimd(variant, threads);
    const shape = fc.tuple(dimension, dimension, dimension, fc.integer({ min: 8, max: 20 }));
    await forAll(fc.tuple(shape, fc.subarray([0, 1, 2, 3]), fc.boolean(), seed), async ([shape, axes, keep, seed]) => {
      await assertSameAsCpu((x) => [tf.sum(x, axes, keep), tf.mean(x, axes, keep)], [positive(shape, seed)]);
    });
  });

  test(`${variant}: maxima over any axes and their gradients are exact, with ties and NaN`, async () => {
    await useSimd(variant, threads);
    const shape = fc.tuple(dimension, dimension, dimension, fc.integer({ min: 8, max: 20 }));
    await forAll(fc.tuple(shape, fc.subarray([0, 1, 2, 3]), fc.boolean(), seed), async ([shape, axes, keep, seed]) => {
      const x = random(shape, seed);
      x.values.forEach((value, i) => (x.values[i] = i % 97 === 13 ? NaN : Math.round(4 * value) / 4));
      const left = shape.flatMap((n, axis) => (!axes.includes(axis) ? [n] : keep ? [1] : []));
      const max = (x: tf.Tensor) => tf.max(x, axes, keep);
      await assertSameAsCpu((x, dy) => [max(x), tf.grad(max)(x, dy)], [x, random(left, seed + 1)], 0);
    });
  });

  test(`${variant}: ReLU and ReLU6 let gradients through between their bounds, and have gradients of gradients`, async () => {
    await useSimd(variant, threads);
    const x = Float32Array.from({ length: 700 }, (_, i) => [-1, 0, 1e-30, 3, 5.9999995, 6, 7, NaN][i % 8]);
    const passed = { relu: [0, 0, 1, 1, 1, 1, 1, NaN], relu6: [0, 0, 1, 1, 1, 0, 0, NaN] };
    for (const backend of ['cpu', 'simd'] as const) {
      for (const name of ['relu', 'relu6'] as const) {
        const slope = tf.grad((x) => x[name]());
        const twice = tf.grad((x) => slope(x).mul(x));
        const [dx, ...more] = await computeOn(backend, (x) => [slope(x), twice(x)], [{ shape: [700], values: x }]);
        assert.deepEqual([...dx.values.slice(0, 8)], passed[name], `${name} on ${backend}`);
        assert.deepEqual([...more[0].values.slice(0, 8)], passed[name], `${name} on ${backend}, twice`);
      }
    }
  });

  test(`${variant}: enlarging images is exact, by whole factors and by others`, async () => {
    await useSimd(variant, threads);
    const factor = fc.integer({ min: 1, max: 4 });
    const shape = fc.tuple(fc.integer({ min: 1, max: 3 }), dimension, dimension, dimension);
    await forAll(fc.tuple(shape, factor, factor, fc.boolean(), seed), async ([shape, tall, wide, corners, seed]) => {
      const size: [number, number] = [shape[1] * tall, shape[2] * wide];
      const compute: Compute = (x) => [
        tf.image.resizeNearestNeighbor(x as tf.Tensor4D, size, corners),
        tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [size[0] + 1, size[1]]),
      ];
      await assertSameAsCpu(compute, [random(shape, seed)], 0);
    });
  });

  test(`${variant}: matrix products in all transpositions and their gradients are right`, async () => {
    await useSimd(variant, threads);
    const side = fc.integer({ min: 1, max: 40 });
    await forAll(
      fc.tuple(fc.integer({ min: 1, max: 3 }), side, side, side, fc.boolean(), fc.boolean(), seed),
      async (c) => {
        const [batch, m, k, n, transposeA, transposeB, seed] = c;
        const a = random(transposeA ? [batch, k, m] : [batch, m, k], seed);
        const b = random(transposeB ? [batch, n, k] : [batch, k, n], seed + 1);
        const multiply = (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, transposeA, transposeB);
        const compute: Compute = (a, b, dy) => [multiply(a, b), ...tf.grads(multiply)([a, b], dy)];
        await assertSameAsCpu(compute, [a, b, random([batch, m, n], seed + 2)]);
      },
    );
  });

  test(`${variant}: dense layers start from their bias and end with any activation, at any width`, async () => {
    await useSimd(variant, threads);
    const side = fc.integer({ min: 1, max: 70 });
    const activations = fc.constantFrom('linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu');
    await forAll(fc.tuple(side, side, side, activations, fc.boolean(), seed), async (c) => {
      const [m, k, n, activation, flat, seed] = c;
      const dense: Compute = (a, b, bias, preluActivationWeights) =>
        tf.fused.matMul({ a, b, bias, activation, preluActivationWeights, leakyreluAlpha: 0.3 });
      await assertSameAsCpu(dense, [
        random([m, k], seed),
        random([k, n], seed + 1),
        random(flat ? [n] : [1, n], seed + 2),
        random([n], seed + 3),
      ]);
    });
    const wide: Compute = (a, b) => tf.matMul(a, b, false, true);
    await assertSameAsCpu(wide, [random([3, 5], 1), random([32768, 5], 2)]);
  });

  test(`${variant}: padding and slicing images is exact, and so are the gradients`, async () => {
    await useSimd(variant, threads);
    const border = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }));
    const shape = fc.tuple(fc.integer({ min: 1, max: 3 }), dimension, dimension, dimension);
    await forAll(fc.tuple(shape, border, border, seed), async ([[n, h, w, c], rows, columns, seed]) => {
      const whole = [n, h + rows[0] + rows[1], w + columns[0] + columns[1], c];
      const pad = (x: tf.Tensor) => tf.pad(x, [[0, 0], rows, columns, [0, 0]]);
      const part = (x: tf.Tensor) => tf.slice(x, [0, rows[0], columns[0], 0], [n, h, w, c]);
      const compute: Compute = (small, large) => [
        pad(small),
        part(large),
        tf.pad(small, [[0, 0], rows, columns, [0, 0]], 0.5),
        tf.grad(pad)(small, large),
        tf.grad(part)(large, small),
      ];
      await assertSameAsCpu(compute, [random([n, h, w, c], seed), random(whole, seed + 1)], 0);
    });
  });

  test(`${variant}: transposing axes in any order is exact, and so are the gradients`, async () => {
    await useSimd(variant, threads);
    const shaped = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 5 });
    const ordered = shaped.chain((shape) => {
      const axes = shape.map((_, axis) => axis);
      const perm = fc.shuffledSubarray(axes, { minLength: shape.length });
      return fc.tuple(fc.constant(shape), perm, fc.subarray(axes), seed);
    });
    await forAll(ordered, async ([shape, perm, turned, seed]) => {
      const reorder = (x: tf.Tensor) => tf.reverse(tf.transpose(x, perm), turned);
      await assertSameAsCpu((x) => [reorder(x), tf.grad((x) => reorder(x).square())(x)], [random(shape, seed)], 0);
    });
  });

  test(`${variant}: concatenation, splitting and slicing are exact, and so are the gradients`, async () => {
    await useSimd(variant, threads);
    const widths = fc.array(dimension, { minLength: 2, maxLength: 4 });
    await forAll(fc.tuple(dimension, dimension, dimension, widths, fc.integer({ min: 0, max: 2 }), seed), async (c) => {
      const [n, h, w, widths, axis, seed] = c;
      const shapes = widths.map((width) => [n, h, w].map((size, i) => (i === axis ? width : size)));
      const compute: Compute = (...parts) => {
        const whole = tf.concat(parts, axis);
        const begin = [0, 0, 0].map((_, i) => (i === axis ? 1 : 0));
        const cut = tf.slice(
          whole,
          begin,
          begin.map((b) => (b ? widths[0] : -1)),
        );
        const gradients = tf.grads((...xs) => tf.concat(xs, axis).square())(parts);
        return [whole, cut, ...tf.split(whole, widths, axis), ...gradients];
      };
      await assertSameAsCpu(
        compute,
        shapes.map((shape, i) => random(shape, seed + i)),
        1e-6,
      );
    });
  });
}

test('sums have the same bits for one, two and three threads', async () => {
  const compute: Compute = (x) => [tf.sum(x, [0, 1]), tf.mean(x, [1]), tf.matMul(x, x, true, false)];
  const results = [];
  for (const threads of [1, 2, 3]) {
    await useSimd('fma', threads);
    results.push(await computeOn('simd', compute, [random([4, 700, 21], 7)]));
  }
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
});

test('a slice keeps its values after its source is disposed', async () => {
  await useSimd('fma', 1);
  const x = tf.square(tf.range(0, 4096));
  const part = tf.slice(x, 100, 5);
  const pieces = tf.unstack(x.reshape([4, 1024]));
  x.dispose();
  tf.tidy(() => tf.square(tf.range(1, 4097)));
  assert.deepEqual([...part.dataSync()], [10000, 10201, 10404, 10609, 10816]);
  assert.equal(pieces[3].dataSync()[1023], 4095 ** 2);
});
