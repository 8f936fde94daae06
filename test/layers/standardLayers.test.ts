// Layers of tfjs that are computed in other ways than its own: beside their formulas, on every backend.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import 'sparsebook/layers/standardLayers.js';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { assertClose } from '../goldens.ts';

type Pair = [gamma: tf.Tensor, beta: tf.Tensor];
type Options = NonNullable<Parameters<typeof tf.layers.batchNormalization>[0]>;

/** A layer whose weights are none of those it starts with, and the images [N, ..., C] it is given. */
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
      test(`${backend}, ${what}: y, the running statistics and the gradients are those of the formula`, async () => {
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

  test(`${backend}: the caller decides whether the running statistics move, and tests leave them alone`, async () => {
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

  test(`${backend}: layer normalisation and its gradients are those of the formula, with any of gamma and beta`, async () => {
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
}
