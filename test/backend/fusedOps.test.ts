import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import {
  convBias,
  dropout,
  expectedOpen,
  fusedBatchNorm,
  fusedBatchNormInference,
  hardConcreteSample,
  hasKernel,
  runningStatistics,
  type Relu,
} from 'sparsebook/backend/fusedOps.js';
import { adamWStep, sgdStep } from 'sparsebook/backend/fusedSteps.js';
import { uniform } from 'sparsebook/backend/random.js';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { assertClose, builds, computeOn, forAll, random, useSimd, type Compute, type Plain } from './compare.ts';

const epsilon = 1e-3;
/** The same tensor, typed with the rank that a signature needs. */
const one = <T extends tf.Tensor>(t: tf.Tensor | undefined): T => t as T;

/** Batch normalisation composed of tf operations, whose gradients tf derives. */
function composedBatchNorm(
  x: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  gate: tf.Tensor,
  relu: Relu,
  given?: tf.Tensor[],
): tf.Tensor {
  const axes = x.shape.map((_, i) => i).slice(0, -1);
  const [mean, variance] = given ?? Object.values(tf.moments(x, axes));
  const z = tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, epsilon))), gamma), beta);
  const open = x.rank === 4 ? tf.reshape(gate, [x.shape[0], 1, 1, -1]) : gate;
  return tf.mul(relu === 6 ? tf.relu6(z) : relu ? tf.relu(z) : z, open);
}

const shapes = fc.oneof(
  fc.tuple(
    fc.integer({ min: 2, max: 5 }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 13 }),
  ),
  fc.tuple(fc.integer({ min: 8, max: 40 }), fc.integer({ min: 1, max: 13 })),
);

/** Compares a fused computation on simd with a composed one on cpu. */
async function assertFused(fused: Compute, composed: Compute, inputs: Plain[], tolerance = 1e-4): Promise<void> {
  const expected = await computeOn('cpu', composed, inputs);
  assertClose(await computeOn('simd', fused, inputs), expected, tolerance);
}

test('the plain backends have no fused kernels, the simd one has all', async () => {
  const names = [
    'FusedBatchNorm',
    'FusedBatchNormInference',
    'RunningStatistics',
    'ConvBias',
    'AdamWStep',
    'SgdStep',
    'MuonStep',
    'HardConcreteSample',
    'ExpectedOpen',
    'Sigmoid',
    'Swish',
    'Gelu',
    'Dropout',
  ] as const;
  await useBackend({ backend: 'cpu' });
  assert.ok(names.every((name) => !hasKernel(name)));
  await useBackend({ backend: 'simd' });
  assert.ok(names.every((name) => hasKernel(name)));
});

for (const { variant, threads } of builds) {
  test(`${variant}: batch normalisation with ReLU and gate equals the composed operations, and so do all its gradients`, async () => {
    await useSimd(variant, threads);
    await forAll(
      fc.tuple(shapes, fc.constantFrom(false, true, 6 as const), fc.boolean(), fc.integer({ min: 1, max: 1e6 })),
      async ([shape, relu, gated, seed]) => {
        const channels = shape[shape.length - 1];
        const x = random(shape, seed);
        // Every channel gets its own offset and spread; a channel of nearly equal values would only measure rounding.
        x.values.forEach((v, i) => (x.values[i] = v * (1 + (i % channels)) + 3 * (i % channels)));
        const gate = random([shape[0], channels], seed + 3);
        gate.values.forEach((v, i) => (gate.values[i] = gated ? (v + 1) / 2 : 1));
        // Some values are beyond the upper end of ReLU6.
        const gamma = { shape: [channels], values: random([channels], seed + 1).values.map((v) => 4 * v) };
        const inputs = [x, gamma, random([channels], seed + 2), gate, random(shape, seed + 4)];
        const withGradients =
          (f: (...xs: tf.Tensor[]) => tf.Tensor): Compute =>
          (x, gamma, beta, gate, dy) => {
            const all = tf.grads(f)([x, gamma, beta, gate].slice(0, gated ? 4 : 3), dy);
            return [f(x, gamma, beta, gate), ...all];
          };
        const fused = withGradients(
          (x, gamma, beta, gate?: tf.Tensor) =>
            fusedBatchNorm(
              {
                x,
                gamma: one<tf.Tensor1D>(gamma),
                beta: one<tf.Tensor1D>(beta),
                gate: gated ? one<tf.Tensor2D>(gate) : undefined,
              },
              { epsilon, relu },
            ).y,
        );
        const composed = withGradients((x, gamma, beta, gate?: tf.Tensor) =>
          composedBatchNorm(x, gamma, beta, gate ?? tf.ones([shape[0], channels]), relu),
        );
        await assertFused(fused, composed, inputs, 5e-4);
      },
      60,
    );
  });

  test(`${variant}: batch normalisation uses the given moments at test time`, async () => {
    await useSimd(variant, threads);
    const inputs = [
      random([3, 5, 4, 7], 1),
      random([7], 2),
      random([7], 3),
      random([3, 7], 4),
      random([7], 5),
      random([7], 6),
    ];
    inputs[5].values.forEach((v, i) => (inputs[5].values[i] = v + 1.5));
    for (const relu of [true, false, 6] as const) {
      const withGradients =
        (f: (...xs: tf.Tensor[]) => tf.Tensor): Compute =>
        (x, gamma, beta, gate, mean, variance) => {
          const ofInputs = (...xs: tf.Tensor[]) => f(...xs, mean, variance);
          return [ofInputs(x, gamma, beta, gate), ...tf.grads(ofInputs)([x, gamma, beta, gate])];
        };
      await assertFused(
        withGradients((x, gamma, beta, gate, mean, variance) =>
          fusedBatchNormInference(
            {
              x,
              gamma: one<tf.Tensor1D>(gamma),
              beta: one<tf.Tensor1D>(beta),
              gate: one<tf.Tensor2D>(gate),
              mean: one(mean),
              variance: one(variance),
            },
            { epsilon, relu },
          ),
        ),
        withGradients((x, gamma, beta, gate, ...moments) => composedBatchNorm(x, gamma, beta, gate, relu, moments)),
        inputs,
      );
    }
  });

  test(`${variant}: the mean and the biased variance are right, for values far from zero too`, async () => {
    await useSimd(variant, threads);
    const x = random([4, 6, 6, 5], 1);
    x.values.forEach((v, i) => (x.values[i] = v + 1000));
    const fused: Compute = (x) => {
      const { y, mean, variance } = fusedBatchNorm({ x }, { epsilon, relu: false });
      return [y, tf.sub(mean, 1000), variance];
    };
    const composed: Compute = (x) => {
      const { mean, variance } = tf.moments(tf.sub(x, 1000), [0, 1, 2]);
      return [tf.div(tf.sub(tf.sub(x, 1000), mean), tf.sqrt(tf.add(variance, epsilon))), mean, variance];
    };
    await assertFused(fused, composed, [x], 1e-3);
  });

  test(`${variant}: normalisation over as many channels as there are features is right, and so are its gradients`, async () => {
    await useSimd(variant, threads);
    const inputs = [random([3, 70_001], 1), random([70_001], 2), random([70_001], 3), random([3, 70_001], 4)];
    const open = (x: tf.Tensor) => tf.ones(x.shape);
    const withGradients =
      (f: (...xs: tf.Tensor[]) => tf.Tensor): Compute =>
      (x, gamma, beta, dy) => [f(x, gamma, beta), ...tf.grads(f)([x, gamma, beta], dy)];
    await assertFused(
      withGradients(
        (x, gamma, beta) =>
          fusedBatchNorm({ x, gamma: one<tf.Tensor1D>(gamma), beta: one<tf.Tensor1D>(beta) }, { epsilon, relu: true })
            .y,
      ),
      withGradients((x, gamma, beta) => composedBatchNorm(x, gamma, beta, open(x), true)),
      inputs,
      5e-4,
    );
  });

  test(`${variant}: running statistics get the same bits as from tensor operations`, async () => {
    await useSimd(variant, threads);
    const statistics = Array.from({ length: 4 }, (_, i) => random([37], i + 1));
    const [momentum, unbiased] = [0.1, 25 / 24];
    const fused: Compute = (mean, variance, movingMean, movingVariance) =>
      runningStatistics({ mean, variance, movingMean, movingVariance }, { momentum, unbiased });
    const composed: Compute = (mean, variance, movingMean, movingVariance) => [
      movingMean.mul(1 - momentum).add(mean.mul(momentum)),
      movingVariance.mul(1 - momentum).add(variance.mul(momentum * unbiased)),
    ];
    assert.deepEqual(await computeOn('simd', fused, statistics), await computeOn('cpu', composed, statistics));
  });

  test(`${variant}: convolution and bias in one operation are right, with three gradients`, async () => {
    await useSimd(variant, threads);
    for (const [cin, cout, size, strides] of [
      [3, 5, 3, 1],
      [17, 18, 3, 1],
      [4, 7, 5, 2],
      [6, 9, 1, 1],
    ]) {
      const shape = [3, 8, 9, cin];
      const inputs = [random(shape, 1), random([size, size, cin, cout], 2), random([cout], 3)];
      const f = {
        fused: convBias,
        composed: (i: Parameters<typeof convBias>[0]) => tf.add(tf.conv2d(i.x, i.filter, strides, 'same'), i.bias),
      };
      const withGradients =
        (convolve: (inputs: Parameters<typeof convBias>[0]) => tf.Tensor): Compute =>
        (x, filter, bias) => {
          const run = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor) =>
            convolve({ x: one(x), filter: one(filter), bias: one(bias) });
          const squared = (...xs: tf.Tensor[]) => tf.square(run(xs[0], xs[1], xs[2]));
          return [run(x, filter, bias), ...tf.grads(squared)([x, filter, bias])];
        };
      await assertFused(
        withGradients((i) => f.fused(i, { strides, pad: 'same' })),
        withGradients(f.composed),
        inputs,
      );
    }
  });

  test(`${variant}: AdamW and SGD step in place according to their formulas`, async () => {
    await useSimd(variant, threads);
    const [p, g] = [random([1003], 1).values, random([1003], 2).values];
    const [param, grad, m, v] = [tf.variable(tf.tensor(p)), tf.tensor(g), tf.zeros([1003]), tf.zeros([1003])];
    const expected = { p: Float64Array.from(p), m: new Float64Array(1003), v: new Float64Array(1003) };
    const options = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 };
    for (let step = 1; step <= 3; step++) {
      adamWStep({ param, grad, m, v }, { ...options, step });
      expected.p.forEach((w, i) => {
        expected.m[i] = 0.9 * expected.m[i] + 0.1 * g[i];
        expected.v[i] = 0.999 * expected.v[i] + 0.001 * g[i] ** 2;
        const change = expected.m[i] / (1 - 0.9 ** step) / (Math.sqrt(expected.v[i] / (1 - 0.999 ** step)) + 1e-8);
        expected.p[i] = w * (1 - 0.01 * 0.1) - 0.01 * change;
      });
    }
    const plain = (values: Float64Array): Plain => ({ shape: [1003], values: Float32Array.from(values) });
    const out = (t: tf.Tensor): Plain => ({ shape: t.shape, values: t.dataSync<'float32'>() });
    assertClose([out(param), out(m), out(v)], [plain(expected.p), plain(expected.m), plain(expected.v)], 2e-6);

    const velocity = tf.zeros([1003]);
    const q = { p: Float64Array.from(out(param).values), v: new Float64Array(1003) };
    for (const nesterov of [false, false, true, true]) {
      sgdStep({ param, grad, velocity }, { learningRate: 0.1, momentum: 0.9, nesterov, weightDecay: 0.01 });
      q.p.forEach((w, i) => {
        const decayed = g[i] + 0.01 * w;
        q.v[i] = 0.9 * q.v[i] + decayed;
        q.p[i] = w - 0.1 * (nesterov ? decayed + 0.9 * q.v[i] : q.v[i]);
      });
    }
    sgdStep({ param, grad }, { learningRate: 0.5, momentum: 0, nesterov: false, weightDecay: 0 });
    q.p.forEach((w, i) => (q.p[i] = w - 0.5 * g[i]));
    assertClose([out(param), out(velocity)], [plain(q.p), plain(q.v)], 2e-6);
    tf.dispose([param, grad, m, v, velocity]);
  });

  test(`${variant}: gates are sampled with the counter-based noise, and pass a gradient where they are not clipped`, async () => {
    await useSimd(variant, threads);
    const options = { n: 9, seed: -5, offset: 4_294_967_290, temperature: 2 / 3, gamma: -0.1, zeta: 1.1 };
    const logAlpha = random([13], 4);
    const dmask = random([9, 13], 5);
    const expected = { mask: new Float32Array(9 * 13), dlogAlpha: new Float64Array(13) };
    for (let i = 0; i < 9 * 13; i++) {
      const u = Math.min(Math.max(uniform(options.seed, options.offset + i), 1e-6), 1 - 1e-6);
      const s = 1 / (1 + Math.exp(-(Math.log(u) - Math.log(1 - u) + logAlpha.values[i % 13]) / options.temperature));
      const stretched = s * 1.2 - 0.1;
      expected.mask[i] = Math.min(Math.max(stretched, 0), 1);
      if (stretched > 0 && stretched < 1)
        expected.dlogAlpha[i % 13] += (dmask.values[i] * 1.2 * s * (1 - s)) / options.temperature;
    }
    assert.ok(expected.mask.some((m) => m === 0) && expected.mask.some((m) => m === 1));
    const actual = await computeOn(
      'simd',
      (logAlpha, dmask) => {
        const sample = (a: tf.Tensor) => hardConcreteSample(one(a), options);
        return [sample(logAlpha), tf.grad(sample)(logAlpha, dmask)];
      },
      [logAlpha, dmask],
    );
    const dlogAlpha = { shape: [13], values: Float32Array.from(expected.dlogAlpha) };
    assertClose(actual, [{ shape: [9, 13], values: expected.mask }, dlogAlpha], 1e-6);
  });
}

for (const { variant, threads } of builds) {
  test(`${variant}: dropout drops the same values as in JavaScript, for any number of values, and so does its gradient`, async () => {
    await useSimd(variant, threads);
    for (const [n, rate, seed] of [
      [3, 0.5, 1],
      [4097, 0.25, 2 ** 32 - 1],
      [70001, 0.9, 3456789012],
      [5000, 0.001, 77],
    ]) {
      const drop = (x: tf.Tensor) => dropout(x, { rate, seed });
      const compute: Compute = (x, dy) => [drop(x), tf.grad(drop)(x, dy)];
      const inputs = [random([n], 1), random([n], 2)];
      assertClose(await computeOn('simd', compute, inputs), await computeOn('cpu', compute, inputs), 0);
    }
  });
}

test('the expected number of open gates and its gradient have the same bits as from tensor operations', async () => {
  await useSimd('fma', 2);
  const logAlpha = random([37], 6);
  // Some probabilities are so close to 0 and 1 that they are clamped.
  logAlpha.values.forEach((value, i) => (logAlpha.values[i] = 20 * value));
  const [logit, epsilon, factor] = [(2 / 3) * Math.log(0.1 / 1.1), 1e-6, 0.37];
  const withGradient =
    (of: (logAlpha: tf.Tensor) => tf.Scalar): Compute =>
    (logAlpha) =>
      Object.values(tf.valueAndGrad((x) => of(x).mul(1.7))(logAlpha));
  const fused = withGradient((x) => expectedOpen(x, { logit, epsilon, factor }));
  const composed = withGradient((x) =>
    tf
      .sub(
        1,
        tf
          .sub(logit, x)
          .sigmoid()
          .clipByValue(epsilon, 1 - epsilon),
      )
      .sum<tf.Scalar>()
      .mul(factor),
  );
  const positive = (results: Plain[]): Plain[] =>
    results.map(({ shape, values }) => ({ shape, values: values.map((value) => value || 0) })); // -0 is 0
  const expected = positive(await computeOn('cpu', composed, [logAlpha]));
  assert.ok(
    expected.some(({ values }) => values.length > 1 && values.includes(0)),
    'no probability is at its bound',
  );
  assert.deepEqual(positive(await computeOn('simd', fused, [logAlpha])), expected);
});

test('a training step has the same bits for one, two and three threads, and leaves memory flat', async () => {
  const results = [];
  for (const threads of [1, 2, 3]) {
    const backend = await useSimd('fma', threads);
    const inputs = [random([6, 8, 8, 5], 1), random([3, 3, 5, 9], 2), random([9], 3)];
    const [x, filter, bias] = inputs.map(({ values, shape }) => tf.tensor(values, shape));
    const step = () =>
      tf.tidy(() =>
        tf
          .grads((x, filter, bias) => {
            const z = convBias({ x: one(x), filter: one(filter), bias: one(bias) }, { strides: 1, pad: 1 });
            const { y } = fusedBatchNorm({ x: z }, { epsilon, relu: true });
            return tf.mean(tf.square(tf.maxPool(one<tf.Tensor4D>(y), 3, 2, 'same')));
          })([x, filter, bias])
          .map((g) => g.dataSync()),
      );
    results.push(step());
    step(); // blocks of the first step may be placed better in the second
    const before = { tensors: tf.memory().numTensors, ...backend.heap.usage() };
    for (let i = 0; i < 30; i++) step();
    assert.deepEqual({ tensors: tf.memory().numTensors, ...backend.heap.usage() }, before);
    tf.dispose([x, filter, bias]);
  }
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
});

test('integers and booleans are refused where the cpu backend refuses them', async () => {
  await useSimd('fma', 1);
  const [x, filter, bias] = [tf.ones([1, 3, 3, 2], 'int32'), tf.ones([1, 1, 2, 3]), tf.ones([3])];
  const inputs = { x: one<tf.Tensor4D>(x), filter: one<tf.Tensor4D>(filter), bias: one<tf.Tensor1D>(bias) };
  assert.throws(
    () => convBias(inputs, { strides: 1, pad: 0 }),
    /^UserError: x of ConvBias must .* float32; received int32/,
  );
  assert.throws(
    () => fusedBatchNorm({ x: x.toBool() }, { epsilon, relu: true }),
    /x of FusedBatchNorm .* received bool/,
  );
  assert.ok(x.dataSync() instanceof Int32Array);
  tf.dispose([x, filter, bias]);
});

test('a gradient that a caller passes to tf.grad is left unchanged', async () => {
  await useSimd('fma', 1);
  const [x, dy] = [tf.ones([2, 3, 3, 4]), tf.ones([2, 3, 3, 4])];
  const normalise = (x: tf.Tensor) => fusedBatchNorm({ x }, { epsilon, relu: false }).y;
  tf.dispose(tf.grad(normalise)(x, dy));
  assert.ok(!dy.isDisposed);
  tf.dispose([x, dy]);
});
