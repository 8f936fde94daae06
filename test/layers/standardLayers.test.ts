// Layers of tfjs that are computed in our own way: compared with their formulas, on every backend.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import 'sparsebook/layers/standardLayers.js';
import { seeded } from 'sparsebook/backend/random.js';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { assertClose } from '../goldens.ts';

type Pair = [gamma: tf.Tensor, beta: tf.Tensor];
type Options = NonNullable<Parameters<typeof tf.layers.batchNormalization>[0]>;

/** A layer whose weights all differ from their initial values, and the images [N, ..., C] it is given. */
function layerFor(options: Options, shape: number[]): { layer: tf.layers.Layer; x: tf.Tensor } {
  const layer = tf.layers.batchNormalization({ epsilon: 0.01, ...options });
  layer.build([null, ...shape.slice(1)]);
  const weights = layer.getWeights().map(({ shape: own }, i) => tf.randomUniform(own, 0.5, 2, 'float32', i + 1));
  layer.setWeights(weights);
  return { layer, x: tf.randomNormal(shape, 1, 2, 'float32', 8) };
}

const variablesOf = ({ trainableWeights }: tf.layers.Layer): tf.Variable[] =>
  trainableWeights.map((weight) => (weight as unknown as { val: tf.Variable }).val);

const train = (layer: tf.layers.Layer, x: tf.Tensor, options = {}): tf.Tensor =>
  layer.apply(x, { training: true, ...options }) as tf.Tensor;

test('a frozen batch norm is frozen too if its axis is in a list, as Keras writes it', () => {
  for (const axis of [3, [3], -1] as number[]) {
    const { layer, x } = layerFor({ axis }, [3, 4, 2, 5]);
    (layer as { frozen?: boolean }).frozen = true;
    const before = layer.getWeights().map((weight) => [...weight.dataSync()]);
    assertClose(train(layer, x).dataSync(), (layer.apply(x) as tf.Tensor).dataSync(), { absolute: 1e-6 }, 'y');
    assert.deepEqual(
      layer.getWeights().map((weight) => [...weight.dataSync()]),
      before,
      `axis ${JSON.stringify(axis)}`,
    );
  }
});

/** The values that were dropped on each backend. */
const dropped: Partial<Record<'cpu' | 'simd', tf.TypedArray>> = {};

for (const backend of ['cpu', 'simd'] as const) {
  for (const shape of [
    [6, 5],
    [3, 4, 5],
    [3, 4, 2, 5],
  ]) {
    for (const [scale, center] of [
      [true, true],
      [false, true],
      [true, false],
      [false, false],
    ]) {
      const what = `[${shape.join(', ')}]${scale ? '' : ', no gamma'}${center ? '' : ', no beta'}`;
      test(`${backend}, ${what}: y, the running statistics and the gradients follow the formula`, async () => {
        await useBackend({ backend });
        const { layer, x } = layerFor({ scale, center, momentum: 0.75 }, shape);
        const before = layer.getWeights().map((weight) => weight.dataSync());
        const [gamma, beta] = [scale ? before[0] : undefined, center ? before[Number(scale)] : undefined];
        const axes = shape.slice(1).map((_, axis) => axis);
        const given = [gamma ?? Array(5).fill(1), beta ?? Array(5).fill(0)].map((values) =>
          tf.tensor1d(values),
        ) as Pair;
        const formula = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor => {
          const centred = x.sub(x.mean(axes));
          return centred.div(centred.square().mean(axes).add(0.01).sqrt()).mul(gamma).add(beta);
        };
        assertClose(train(layer, x).dataSync(), formula(x, ...given).dataSync(), { absolute: 1e-5 }, 'y');
        const { mean, variance } = tf.moments(x, axes);
        const moved = layer.getWeights().slice(-2);
        [mean, variance].forEach((batch, i) => {
          const wanted = tf
            .tensor1d(before.at(i - 2)!)
            .mul(0.75)
            .add(batch.mul(0.25));
          assertClose(moved[i].dataSync(), wanted.dataSync(), { absolute: 1e-5 }, ['mean', 'variance'][i]);
        });
        const loss = (y: tf.Tensor): tf.Scalar => y.square().mul(x).sum();
        const [dx, ...rest] = tf.grads((...all) => loss(formula(...(all as [tf.Tensor, ...Pair]))))([x, ...given]);
        assertClose(
          tf
            .grad((x) => loss(train(layer, x)))(x)
            .dataSync(),
          dx.dataSync(),
          { absolute: 1e-3 },
          'dx',
        );
        const variables = variablesOf(layer);
        if (variables.length === 0) return;
        const { grads } = tf.variableGrads(() => loss(train(layer, x)), variables);
        const wanted = rest.filter((_, i) => [scale, center][i]);
        Object.entries(grads).forEach(([name, gradient], i) => {
          assertClose(gradient.dataSync(), wanted[i].dataSync(), { absolute: 1e-2, relative: 1e-4 }, name);
        });
        assert.equal(Object.keys(grads).length, wanted.length);
      });
    }
  }

  test(`${backend}: the caller decides whether the running statistics move, and inference leaves them unchanged`, async () => {
    await useBackend({ backend });
    const { layer, x } = layerFor({}, [3, 4, 2, 5]);
    const statistics = (): number[][] => layer.getWeights().map((weight) => [...weight.dataSync()]);
    const before = statistics();
    train(layer, x, { updateStatistics: false });
    layer.apply(x);
    assert.deepEqual(statistics(), before);
    train(layer, x);
    assert.notDeepEqual(statistics(), before);
  });

  test(`${backend}: layer normalisation and its gradients follow the formula, with or without gamma and beta`, async () => {
    await useBackend({ backend });
    const x = tf.randomNormal([3, 4, 2, 5], 1, 2, 'float32', 8);
    for (const [scale, center] of [
      [true, true],
      [false, true],
      [true, false],
      [false, false],
    ]) {
      const layer = tf.layers.layerNormalization({ scale, center, epsilon: 0.01 });
      layer.build([null, 4, 2, 5]);
      layer.setWeights(layer.getWeights().map(({ shape }, i) => tf.randomUniform(shape, 0.5, 2, 'float32', i + 1)));
      const [first, second] = layer.getWeights();
      const [gamma, beta] = [scale ? first : tf.ones([5]), center ? (second ?? first) : tf.zeros([5])];
      const formula = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor => {
        const { mean, variance } = tf.moments(x, -1, true);
        return x.sub(mean).div(variance.add(0.01).sqrt()).mul(gamma).add(beta);
      };
      const own = (x: tf.Tensor) => layer.apply(x, { training: true }) as tf.Tensor;
      assertClose(own(x).dataSync(), formula(x, gamma, beta).dataSync(), { absolute: 1e-5 }, 'y');
      const slopes = [own, (x: tf.Tensor) => formula(x, gamma, beta)].map((f) =>
        tf
          .grad((x) => f(x).square().mul(x))(x)
          .dataSync(),
      );
      assertClose(slopes[0], slopes[1], { absolute: 1e-3 }, 'dx');
    }
  });

  test(`${backend}: a layer norm over another axis is computed by tfjs`, async () => {
    await useBackend({ backend });
    const x = tf.randomNormal([3, 4, 2, 5], 1, 2, 'float32', 8);
    const { mean, variance } = tf.moments(x, [1], true);
    const wanted = x.sub(mean).div(variance.add(0.01).sqrt());
    const y = tf.layers.layerNormalization({ axis: 1, epsilon: 0.01 }).apply(x) as tf.Tensor;
    assertClose(y.dataSync(), wanted.dataSync(), { absolute: 1e-5 }, 'y');
  });

  test(`${backend}: PReLU has a slope for each of its weights below 0`, async () => {
    await useBackend({ backend });
    const x = tf.tensor([1, -2, 3, -4, -5, 6], [1, 3, 2]);
    const layer = tf.layers.prelu({ sharedAxes: [1] });
    layer.build([null, 3, 2]);
    layer.setWeights([tf.tensor([0.5, 0.25], [1, 2])]);
    const apply = (x: tf.Tensor) => layer.apply(x) as tf.Tensor;
    assert.deepEqual([...apply(x).dataSync()], [1, -0.5, 3, -1, -2.5, 6]);
    assert.deepEqual([...tf.grad(apply)(x).dataSync()], [1, 0.25, 1, 0.25, 0.5, 1]);
    const [variable] = variablesOf(layer);
    const { grads } = tf.variableGrads(() => apply(x).sum<tf.Scalar>(), [variable]);
    assert.deepEqual([...grads[variable.name].dataSync()], [-5, -6]);
  });

  test(`${backend}: dropout drops its share and scales the rest, and drops the same values in the gradient`, async () => {
    await useBackend({ backend });
    const x = tf.ones([4, 16, 16, 5]);
    const apply = (x: tf.Tensor, seed: number) =>
      seeded(seed, () => tf.layers.dropout({ rate: 0.25 }).apply(x, { training: true }) as tf.Tensor);
    const [y, again, other] = [1, 1, 2].map((seed) => apply(x, seed).dataSync());
    const kept = y.filter((value) => value !== 0);
    assert.ok(kept.every((value) => value === Math.fround(1 / 0.75)));
    assert.ok(Math.abs(kept.length / y.length - 0.75) < 0.03, `${kept.length} of ${y.length} kept`);
    assert.deepEqual(again, y, 'the same seed');
    assert.notDeepEqual(other, y, 'another seed');
    const dx = tf
      .grad((x) => apply(x, 1).mul(3))(x)
      .dataSync();
    assert.deepEqual(
      dx,
      y.map((value) => value * 3),
    );
    dropped[backend] = y;
    assert.deepEqual(dropped[backend], dropped.cpu, 'the same on every backend');
  });

  test(`${backend}: dropout with its own seed drops other values in the next step`, async () => {
    await useBackend({ backend });
    const layer = tf.layers.dropout({ rate: 0.5, seed: 42 });
    const [first, second] = [1, 2].map((seed) => seeded(seed, () => train(layer, tf.ones([2, 40]))).dataSync());
    assert.notDeepEqual(first, second);
    assert.deepEqual([...(layer.apply(tf.ones([1, 3])) as tf.Tensor).dataSync()], [1, 1, 1], 'none at test time');
  });

  test(`${backend}: dropout of channels or images drops whole ones`, async () => {
    await useBackend({ backend });
    const layers = [
      [tf.layers.spatialDropout1d({ rate: 0.5 }), [4, 30, 8], [1]],
      [tf.layers.dropout({ rate: 0.5, noiseShape: [20, 1, 1, 1] }), [20, 3, 4, 2], [1, 2, 3]],
    ] as [tf.layers.Layer, number[], number[]][];
    for (const [layer, shape, axes] of layers) {
      const sums = train(layer, tf.ones(shape)).sum(axes).div(2);
      const size = axes.reduce((product, axis) => product * shape[axis], 1);
      assert.deepEqual(new Set(sums.dataSync()), new Set([0, size]), layer.getClassName());
    }
  });

  test(`${backend}: a ReLU with a threshold has a gradient`, async () => {
    await useBackend({ backend });
    const layer = tf.layers.thresholdedReLU({ theta: 0.5 });
    const apply = (x: tf.Tensor) => layer.apply(x) as tf.Tensor;
    const x = tf.tensor([-1, 0.25, 0.5, 0.75, 2]);
    assert.deepEqual([...apply(x).add(0).dataSync()], [0, 0, 0, 0.75, 2]);
    assert.deepEqual([...tf.grad(apply)(x).dataSync()], [0, 0, 0, 1, 1]);
  });

  test(`${backend}: the gradient of upsampling at a pixel is the sum of the gradients of its copies`, async () => {
    await useBackend({ backend });
    const shape = [2, 2, 3, 2];
    const dy = tf.randomNormal([2, 6, 6, 2], 0, 1, 'float32', 4);
    const wanted = new Float32Array(24);
    dy.dataSync().forEach((value, i) => {
      const [n, row, column, channel] = [Math.floor(i / 72), Math.floor(i / 12) % 6, Math.floor(i / 2) % 6, i % 2];
      wanted[((n * 2 + Math.floor(row / 3)) * 3 + Math.floor(column / 2)) * 2 + channel] += value;
    });
    const layer = tf.layers.upSampling2d({ size: [3, 2] });
    const dx = tf.grad((x) => layer.apply(x) as tf.Tensor)(tf.zeros(shape), dy);
    assertClose(dx.dataSync(), wanted, { absolute: 1e-5 }, 'dx');
  });

  test(`${backend}: the gradient of an average at a border divides by the number of averaged values`, async () => {
    await useBackend({ backend });
    const layer = tf.layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' });
    const apply = (x: tf.Tensor) => layer.apply(x) as tf.Tensor;
    const [x, dy] = [
      [2, 6, 5, 3],
      [2, 3, 3, 3],
    ].map((shape, i) => tf.randomNormal(shape, 0, 1, 'float32', i + 1));
    const dx = tf.grad(apply)(x, dy);
    const loss = (x: tf.Tensor): number => apply(x).mul(dy).sum().dataSync()[0];
    // The average is linear: its slope along a direction is its value there.
    const direction = tf.randomNormal(x.shape, 0, 1, 'float32', 3);
    assertClose(dx.mul(direction).sum().dataSync(), [loss(direction)], { absolute: 1e-4 }, 'slope');
  });

  test(`${backend}: a convolution whose strides differ, and its gradients, are those of tfjs`, async () => {
    await useBackend({ backend });
    for (const padding of ['same', 'valid'] as const) {
      for (const strides of [
        [2, 1],
        [1, 3],
        [3, 2],
      ] as [number, number][]) {
        const layer = tf.layers.conv2d({ filters: 4, kernelSize: [3, 2], strides, padding, activation: 'tanh' });
        const x = tf.randomNormal([2, 9, 8, 3], 0, 1, 'float32', 1);
        layer.build([null, 9, 8, 3]);
        layer.setWeights(layer.getWeights().map(({ shape }, i) => tf.randomNormal(shape, 0, 1, 'float32', i + 2)));
        const [kernel, bias] = layer.getWeights() as [tf.Tensor4D, tf.Tensor1D];
        const formula = (x: tf.Tensor, kernel: tf.Tensor) =>
          tf
            .conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, strides, padding)
            .add(bias)
            .tanh();
        const apply = (x: tf.Tensor) => layer.apply(x) as tf.Tensor;
        const what = `${padding}, ${String(strides)}`;
        assertClose(apply(x).dataSync(), formula(x, kernel).dataSync(), { absolute: 1e-5 }, what);
        const [dx, dKernel] = tf.grads((x, kernel) => formula(x, kernel).square())([x, kernel]);
        const own = tf.grad((x) => apply(x).square())(x);
        assertClose(own.dataSync(), dx.dataSync(), { absolute: 1e-4 }, `dx, ${what}`);
        const { grads } = tf.variableGrads(() => apply(x).square().sum<tf.Scalar>(), variablesOf(layer));
        assertClose(Object.values(grads)[0].dataSync(), dKernel.dataSync(), { absolute: 1e-3 }, `dKernel, ${what}`);
      }
    }
  });

  test(`${backend}: activations given by name follow their formulas`, async () => {
    await useBackend({ backend });
    const x = tf.linspace(-4, 8, 49);
    const apply = (name: string) => tf.layers.activation({ activation: name as 'relu' }).apply(x) as tf.Tensor;
    const inner = x
      .pow(3)
      .mul(0.044715)
      .add(x)
      .mul(Math.sqrt(2 / Math.PI));
    const formulas = {
      relu6: x.clipByValue(0, 6),
      swish: x.mul(x.sigmoid()),
      gelu: x.mul(x.div(Math.SQRT2).erf().add(1).div(2)),
      gelu_new: x.mul(inner.tanh().add(1).div(2)),
    };
    for (const [name, wanted] of Object.entries(formulas)) {
      assertClose(apply(name).dataSync(), wanted.dataSync(), { absolute: 1e-5 }, name);
    }
  });
}

test('a network with an approximate GELU is read from its own topology', async () => {
  const layer = tf.layers.dense({ units: 2, activation: 'gelu_new', inputShape: [3] });
  const model = tf.sequential({ layers: [layer] });
  const read = await tf.models.modelFromJSON(model.toJSON(null, false) as never);
  read.setWeights(model.getWeights());
  const x = tf.tensor([[1, -2, 3]]);
  const outputs = [model, read].map((each) => (each.predict(x) as tf.Tensor).dataSync());
  assert.deepEqual(outputs[1], outputs[0]);
});
