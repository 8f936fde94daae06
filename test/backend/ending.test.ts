import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { sgdStep } from 'sparsebook/backend/fusedSteps.js';
import { normaliseBy } from 'sparsebook/layers/batchNorm.js';
import { assertSameAsCpu, builds, computeOn, forAll, random, useSimd, type Compute, type Plain } from './compare.ts';

const epsilon = 1e-3;
const as4d = (x: tf.Tensor) => x as tf.Tensor4D;
const as1d = (x: tf.Tensor) => x as tf.Tensor1D;

/**
 * A convolution and what follows it in a network: ReLU or ReLU6, or batch normalisation by given moments with a ReLU
 * and a gate.
 */
const networks = fc.record({
  batch: fc.constantFrom(1, 2, 30),
  side: fc.integer({ min: 1, max: 9 }),
  kernel: fc.constantFrom(1, 3, 5),
  strides: fc.constantFrom(1, 2),
  channels: fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 })),
  bias: fc.boolean(),
  gated: fc.boolean(),
  relu: fc.constantFrom(false, true, 6 as const),
  depthwise: fc.boolean(),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

for (const { variant, threads } of builds) {
  test(`${variant}: a convolution applies the ReLU, normalisation and gate that follow it`, async () => {
    await useSimd(variant, threads);
    await forAll(
      networks,
      async ({ batch, side, kernel, strides, channels: [cin, n], bias, gated, relu, depthwise, seed }) => {
        const cout = depthwise ? 2 * cin : n;
        const convolve = depthwise ? tf.depthwiseConv2d : tf.conv2d;
        const active = relu === 6 ? tf.relu6 : tf.relu;
        const compute: Compute = (x, w, b, gamma, mean, root, gate) => {
          const z = convolve(as4d(x), as4d(w), strides, kernel >> 1);
          const inputs = { gamma: as1d(gamma), beta: as1d(b), mean: as1d(mean), variance: as1d(tf.square(root)) };
          const y = normaliseBy(
            { x: z, ...inputs, gate: gated ? (gate as tf.Tensor2D) : undefined },
            { epsilon, relu },
          );
          // The concatenation has other parts around the convolution's; z itself can still be read.
          return [tf.concat([active(bias ? tf.add(z, b) : z), y, y], 3), z];
        };
        const vectors = [0, 1, 2].map((i) => random([cout], seed + i));
        const root = { shape: [cout], values: random([cout], seed + 3).values.map((v) => 1 + v / 2) };
        const tensors = [
          random([batch, side, side, cin], seed + 4),
          random([kernel, kernel, cin, depthwise ? 2 : cout], seed + 5),
        ];
        await assertSameAsCpu(compute, [...tensors, ...vectors, root, random([batch, cout], seed + 6)]);
      },
      60,
    );
  });
}

test('the gradient of a ReLU after a convolution has a gradient too', async () => {
  await useSimd('fma', 2);
  const block = (x: tf.Tensor, w: tf.Tensor) => tf.relu(tf.conv2d(as4d(x), as4d(w), 1, 'same'));
  const squared = (x: tf.Tensor) => tf.sum(tf.square(tf.relu(x)));
  const slope = (x: tf.Tensor) => tf.grad(squared)(x);
  await assertSameAsCpu(
    (x, w, dy) => [...tf.grads(block)([x, w], dy), tf.grad(slope)(x)],
    [random([2, 9, 9, 18], 1), random([3, 3, 18, 16], 2), random([2, 9, 9, 16], 3)],
  );
});

test('NaN passes through a ReLU that a convolution applies', async () => {
  await useSimd('fma', 1);
  const x = random([1, 6, 6, 16], 1);
  x.values[100] = NaN;
  const positive = { shape: [3, 3, 16, 20], values: random([3, 3, 16, 20], 2).values.map(Math.abs) };
  const cases: [Plain, number][] = [
    [positive, 2],
    [{ ...positive, shape: [1, 1, 16, 180] }, 1],
  ];
  for (const [filter, strides] of cases) {
    const compute: Compute = (x, w) => tf.relu(tf.conv2d(as4d(x), as4d(w), strides, 'same'));
    await assertSameAsCpu(compute, [x, filter]);
    const [y] = await computeOn('simd', compute, [x, filter]);
    assert.ok(y.values.some(Number.isNaN));
  }
});

test('weights of a product that are laid out only once still follow an update in place', async () => {
  const backend = await useSimd('fma', 1);
  const x = tf.randomNormal<tf.Rank.R2>([5, 40], 0, 1, 'float32', 1);
  const w = tf.tidy(() => tf.variable(tf.randomNormal<tf.Rank.R2>([40, 30], 0, 1, 'float32', 2)));
  const predict = (weights: tf.Tensor2D) => tf.tidy(() => [...tf.matMul(x, weights).dataSync<'float32'>()]);
  const first = predict(w);
  assert.deepEqual(predict(w), first);
  const grad = tf.ones(w.shape);
  sgdStep({ param: w, grad }, { learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: 0 });
  const now = predict(w);
  assert.notDeepEqual(now, first);
  assert.deepEqual(now, predict(tf.tensor2d(w.dataSync(), w.shape)));
  const { live } = backend.heap.usage();
  tf.dispose([grad, w]);
  // Frees w and grad, of 1200 values each, and the 1280 values that were laid out from w.
  assert.ok(live - backend.heap.usage().live >= 4 * (1200 + 1200 + 1280));
});

test('a filter that is laid out once for many predictions follows every change of the tensors it was made from', async () => {
  const backend = await useSimd('fma', 1);
  const settled = () => ({ ...tf.memory(), ...backend.heap.usage(), high: undefined });
  const x = tf.randomNormal<tf.Rank.R4>([1, 8, 8, 16], 0, 1, 'float32', 1);
  const variable = (shape: number[], seed: number) =>
    tf.tidy(() => tf.variable(tf.randomUniform(shape, 0.5, 1.5, 'float32', seed)));
  const check = (side: number) => {
    const [w, gamma, beta] = [variable([side, side, 16, 18], 2), variable([18], 3), variable([18], 4)];
    const [mean, variance] = [variable([18], 5), variable([18], 6)];
    const moments = { gamma: as1d(gamma), beta: as1d(beta), mean: as1d(mean), variance: as1d(variance) };
    const predict = (filter: tf.Tensor) =>
      tf.tidy(() => {
        const z = tf.conv2d(x, as4d(filter), 1, 'same');
        return [...normaliseBy({ x: z, ...moments }, { epsilon, relu: true }).dataSync<'float32'>()];
      });
    /** A prediction with a copy of the filter, so that nothing laid out earlier is used. */
    const fresh = () => tf.tidy(() => predict(tf.tensor(w.dataSync(), w.shape)));
    const change: (() => void)[] = [
      () => w.assign(tf.randomNormal(w.shape, 0, 1, 'float32', 7)),
      () =>
        sgdStep(
          { param: w, grad: tf.ones(w.shape) },
          { learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: 0 },
        ),
      ...[gamma, beta, mean, variance].map((v) => () => v.assign(tf.mul(v, 2))),
      () =>
        sgdStep(
          { param: gamma, grad: tf.ones([18]) },
          { learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: 0 },
        ),
    ];
    let last = predict(w);
    for (const make of change) {
      assert.deepEqual(predict(w), last);
      tf.tidy(make);
      const now = predict(w);
      assert.notDeepEqual(now, last);
      assert.deepEqual(now, fresh());
      last = now;
    }
    tf.dispose([w, gamma, beta, mean, variance]);
  };
  [1, 3, 5].forEach(check);
  const before = settled(); // the threads have their scratch memory now
  [1, 3, 5].forEach(check);
  assert.deepEqual(settled(), before);
  x.dispose();
});

for (const what of ['with', 'without'] as const) {
  test(`a filter is laid out once for a normalisation ${what} gamma, however many predictions follow`, async (t) => {
    const { pool } = await useSimd('fma', 1);
    const [x, w] = [tf.ones<tf.Rank.R4>([1, 8, 8, 16]), tf.ones<tf.Rank.R4>([3, 3, 16, 16])];
    const [mean, variance] = [tf.zeros<tf.Rank.R1>([16]), tf.ones<tf.Rank.R1>([16])];
    const gamma = what === 'with' ? tf.fill<tf.Rank.R1>([16], 2) : undefined;
    const run = t.mock.method(pool, 'run');
    for (let i = 0; i < 3; i++) {
      tf.tidy(() =>
        normaliseBy({ x: tf.conv2d(x, w, 1, 'same'), gamma, mean, variance }, { epsilon, relu: true }).dataSync(),
      );
    }
    assert.equal(run.mock.calls.filter((call) => call.arguments[0] === 'winogradFilter').length, 1);
  });
}
