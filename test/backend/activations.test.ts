import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import 'sparsebook/layers/standardLayers.js';
import {
  assertClose,
  assertSameAsCpu,
  assertSameBits,
  builds,
  computeOn,
  forAll,
  random,
  useSimd,
  type Compute,
} from './compare.ts';

const activations: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  sigmoid: tf.sigmoid,
  tanh: tf.tanh,
  elu: tf.elu,
  'leaky ReLU': (x) => tf.leakyRelu(x, 0.3),
  'the error function': tf.erf,
  bounds: (x) => tf.clipByValue(x, -0.5, 0.75),
  SELU: tf.selu,
  softplus: tf.softplus,
};
const ofLayers = Object.fromEntries(
  (['sigmoid', 'swish', 'gelu', 'gelu_new', 'mish'] as unknown as 'swish'[]).map((activation) => [
    activation as string,
    (x: tf.Tensor) => tf.layers.activation({ activation }).apply(x) as tf.Tensor,
  ]),
);
const seed = fc.integer({ min: 1, max: 1e6 });

/** Values of all magnitudes, including small ones; enough of them that the fast kernel takes them. */
const values = (n: number, spread: number, seed: number) => {
  const { shape, values } = random([n], seed);
  return { shape, values: values.map((v) => Math.sign(v) * Math.abs(v) ** 3 * spread) };
};

for (const { variant, threads } of builds) {
  for (const [name, activation] of Object.entries({ ...activations, ...ofLayers })) {
    test(`${variant}: ${name} and its gradient are right for any number of values`, async () => {
      await useSimd(variant, threads);
      const compute: Compute = (x, dy) => [activation(x), tf.grad(activation)(x, dy)];
      const cases = fc.tuple(fc.integer({ min: 4090, max: 5000 }), fc.constantFrom(1, 10, 200), seed);
      await forAll(
        cases,
        async ([n, spread, seed]) => {
          await assertSameAsCpu(compute, [values(n, spread, seed), random([n], seed + 1)], 1e-6);
        },
        12,
      );
    });
  }

  test(`${variant}: gradients of the activations of layers have gradients, for few values too`, async () => {
    await useSimd(variant, threads);
    const x = values(40, 3, 2);
    const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
    const twice: Record<string, (v: number) => number> = {
      swish: (v) => sigmoid(v) * sigmoid(-v) * (2 + v * (1 - 2 * sigmoid(v))),
      gelu: (v) => (Math.exp(-(v ** 2) / 2) / Math.sqrt(2 * Math.PI)) * (2 - v ** 2),
    };
    for (const name of ['swish', 'gelu', 'sigmoid']) {
      const slope = tf.grad((x) => ofLayers[name](x));
      await assertSameAsCpu((x) => [ofLayers[name](x), slope(x)], [x], 1e-6);
      if (name === 'sigmoid') continue;
      const [curve] = await computeOn('simd', tf.grad(slope), [x]);
      assertClose([curve], [{ ...curve, values: x.values.map((v) => twice[name](v)) }], 1e-6);
    }
  });

  for (const [name, activation] of Object.entries(activations)) {
    test(`${variant}: ${name} keeps NaN and handles infinities`, async () => {
      await useSimd(variant, threads);
      const x = values(5000, 3, 1);
      [x.values[3], x.values[500], x.values[4099]] = [NaN, Infinity, -Infinity];
      await assertSameAsCpu((x) => activation(x), [x], 1e-6);
    });
  }

  test(`${variant}: softmax and its gradient are right for any number of values`, async () => {
    await useSimd(variant, threads);
    const shape = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 });
    await forAll(fc.tuple(shape, fc.constantFrom(1, 20, 2000), seed), async ([shape, spread, seed]) => {
      const [x, dy] = [random(shape, seed), random(shape, seed + 1)];
      const compute: Compute = (x, dy) => [tf.softmax(x), tf.grad((x) => tf.softmax(x))(x, dy)];
      await assertSameAsCpu(compute, [{ shape, values: x.values.map((v) => v * spread) }, dy], 1e-6);
    });
    const odd = random([4, 5], 1);
    [odd.values[3], odd.values[7], odd.values[12]] = [NaN, Infinity, -Infinity];
    await assertSameAsCpu((x) => tf.softmax(x), [odd], 1e-6);
    assert.throws(() => tf.softmax(tf.scalar(1)), /axis/);
  });

  test(`${variant}: small numbers have small relative errors`, async () => {
    await useSimd(variant, threads);
    const x = values(8192, 1e-3, 5);
    const [cpu, simd] = [await computeOn('cpu', tf.tanh, [x]), await computeOn('simd', tf.tanh, [x])];
    cpu[0].values.forEach((value, i) => {
      assert.ok(Math.abs(simd[0].values[i] - value) <= 1e-6 * Math.abs(value), `${simd[0].values[i]} not ${value}`);
    });
  });
}

test('activations have the same bits for any number of threads and any tile width', async () => {
  const all: Compute = (x) => Object.values({ ...activations, ...ofLayers }).map((activation) => activation(x));
  await assertSameBits(() => computeOn('simd', all, [values(50_000, 5, 3)]));
});
