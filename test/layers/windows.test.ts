import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { MaxPool2d } from 'sparsebook/layers/maxPool2d.js';
import type { InitializerName } from 'sparsebook/layers/seededInitializer.js';
import type { Padding } from 'sparsebook/layers/padding.js';
import { assertGradient } from '../gradients.ts';

await tf.setBackend('cpu');

const paddings: fc.Arbitrary<Padding> = fc.oneof(
  fc.constantFrom<Padding>('same', 'valid'),
  fc.integer({ min: 0, max: 1 }),
  fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 1 })).map((p) => [p, [p[1], p[0]]] as Padding),
);

test('the shape a layer announces is the shape of its output', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 7 }),
      fc.integer({ min: 2, max: 3 }),
      fc.integer({ min: 1, max: 2 }),
      paddings,
      (side, size, strides, padding) => {
        tf.tidy(() => {
          const x = tf.ones([1, side, side + 1, 2]);
          const conv = new Conv2d({ filters: 3, kernelSize: size, strides, padding });
          const pool = new MaxPool2d({ poolSize: size, strides, padding });
          for (const layer of [conv, pool]) {
            assert.deepEqual((layer.apply(x) as tf.Tensor).shape, layer.computeOutputShape(x.shape));
          }
        });
      },
    ),
    { numRuns: 40 },
  );
});

test("a convolution with PyTorch's padding starts one pixel outside", () => {
  const conv = new Conv2d({ filters: 1, kernelSize: 3, strides: 2, padding: 1 });
  conv.build([null, 4, 4, 1]);
  conv.setWeights([tf.ones([3, 3, 1, 1]), tf.tensor1d([10])]);
  const y = conv.apply(tf.ones([1, 4, 4, 1])) as tf.Tensor;
  assert.deepEqual([...y.dataSync()], [14, 16, 16, 19]);
});

test('padding never wins a pooling, even among negative values', () => {
  const pool = new MaxPool2d({ poolSize: 3, strides: 2, padding: 1 });
  const x = tf.range(-16, 0).reshape([1, 4, 4, 1]);
  assert.deepEqual([...(pool.apply(x) as tf.Tensor).dataSync()], [-11, -9, -3, -1]);
});

test('gradients of an explicitly padded convolution agree with finite differences', () => {
  const conv = new Conv2d({
    filters: 2,
    kernelSize: 3,
    strides: 2,
    padding: [
      [1, 0],
      [0, 1],
    ],
    seed: 4,
  });
  const x = tf.randomNormal([2, 4, 5, 3], 0, 1, 'float32', 6);
  assertGradient((input) => (conv.apply(input) as tf.Tensor).square().sum(), x, 'x');
});

test('initial weights depend only on the seed and have the standard deviation of Kaiming-normal', () => {
  const kernel = (seed: number): Float32Array => {
    const conv = new Conv2d({ filters: 64, kernelSize: 3, seed });
    conv.build([null, 8, 8, 32]);
    return conv.getWeights()[0].dataSync<'float32'>();
  };
  assert.deepEqual(kernel(1), kernel(1));
  assert.notDeepEqual(kernel(1), kernel(2));
  const { mean, variance } = tf.moments(tf.tensor1d(kernel(1)));
  assert.ok(Math.abs(mean.dataSync()[0]) < 0.003);
  assert.ok(Math.abs(variance.sqrt().dataSync()[0] / Math.sqrt(2 / 288) - 1) < 0.02);
});

test('initial weights can be scaled by the outputs, or be uniform with a uniform bias', () => {
  const start = (initializer: InitializerName): Float32Array[] => {
    const conv = new Conv2d({ filters: 128, kernelSize: 3, initializer, seed: 1 });
    conv.build([null, 8, 8, 32]);
    return conv.getWeights().map((weight) => weight.dataSync<'float32'>());
  };
  const spread = (values: Float32Array): number => tf.moments(tf.tensor1d(values)).variance.sqrt().dataSync()[0];
  const [fanOut, zero] = start('kaimingNormalFanOut');
  assert.ok(Math.abs(spread(fanOut) / Math.sqrt(2 / 1152) - 1) < 0.02);
  assert.ok(zero.every((bias) => bias === 0));
  const bound = 1 / Math.sqrt(288);
  for (const values of start('uniform')) {
    assert.ok(values.every((value) => Math.abs(value) <= bound));
    assert.ok(Math.abs(spread(values) / (bound / Math.sqrt(3)) - 1) < 0.1);
  }
});

test('options out of range are refused in a sentence', () => {
  assert.throws(
    () => new Conv2d({ name: 'c', filters: 0, kernelSize: 3 }),
    /c: filters must be a whole number.* received 0/,
  );
  assert.throws(
    () => new Conv2d({ name: 'c', filters: 1, kernelSize: 3, padding: -1 }),
    /c: padding must be .* received -1/,
  );
  const elu = 'elu' as 'relu';
  assert.throws(
    () => new Conv2d({ name: 'c', filters: 1, kernelSize: 3, activation: elu }),
    /c: activation must be one of linear, relu, relu6; received 'elu'/,
  );
  assert.throws(
    () => new Conv2d({ name: 'c', filters: 1, kernelSize: 3, initializer: 'zeros' as 'uniform' }),
    /c: initializer must be one of kaimingNormal, .* received 'zeros'/,
  );
  assert.throws(
    () => new MaxPool2d({ name: 'p', poolSize: 2, padding: 'full' as 'same' }),
    /p: padding must be .*"full"/,
  );
  for (const padding of [[1, 1], [[1, 1]], [[1, 1], [2]], [[[1]], [[1]]]] as never[]) {
    assert.throws(
      () => new Conv2d({ name: 'c', filters: 1, kernelSize: 3, padding }),
      /c: padding must be .*right\]\];/,
    );
  }
  // A window that contains only padding would have no largest value.
  for (const padding of [
    2,
    [
      [0, 2],
      [0, 0],
    ] as [[number, number], [number, number]],
  ]) {
    const refused = /p: padding must be .*, each below the window's 2; received (2|\[)/;
    assert.throws(() => new MaxPool2d({ name: 'p', poolSize: 2, padding }), refused);
  }
  const open = tf.input({ shape: [3, 3, null] });
  assert.throws(
    () => new Conv2d({ name: 'c', filters: 1, kernelSize: 1 }).apply(open),
    /c: the number of input channels must be a whole number of at least 1; received null/,
  );
  const conv = new Conv2d({ filters: 1, kernelSize: 5 });
  assert.throws(() => conv.computeOutputShape([null, 3, 3, 1]), /received a window of 5, an input of 3/);
});

for (const kind of ['relu', 'relu6'] as const)
  test(`a convolution with a ${kind} equals the convolution followed by it, and so does its gradient`, () => {
    tf.tidy(() => {
      const x = tf.randomNormal([2, 5, 5, 3], 0, 5, 'float32', 1);
      const [plain, active] = (['linear', kind] as const).map((activation) => {
        return new Conv2d({ filters: 4, kernelSize: 3, seed: 1, activation });
      });
      const through = [
        (t: tf.Tensor) => (plain.apply(t) as tf.Tensor)[kind](),
        (t: tf.Tensor) => active.apply(t) as tf.Tensor,
      ];
      const [wanted, got] = through.map((f) => [...f(x).dataSync(), ...tf.grad(f)(x).dataSync()]);
      assert.deepEqual(got, wanted);
      assert.ok(wanted.includes(0) && wanted.some((value) => value > 0) && wanted.includes(6) === (kind === 'relu6'));
    });
  });
