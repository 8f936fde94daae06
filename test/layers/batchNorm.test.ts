import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import type { CallOptions } from 'sparsebook/layers/layer.js';
import { assertClose } from '../goldens.ts';
import { assertGradient } from '../gradients.ts';

await tf.setBackend('cpu');
const x = tf.randomNormal([3, 4, 2, 5], 1, 2, 'float32', 8);
const call = (layer: BatchNorm, input: tf.Tensor, options: CallOptions = {}): tf.Tensor =>
  layer.apply(input, options) as tf.Tensor;

test('in training every channel comes out with mean 0 and variance 1', () => {
  const { mean, variance } = tf.moments(call(new BatchNorm(), x, { training: true }), [0, 1, 2]);
  assertClose(mean.dataSync(), Array(5).fill(0), { absolute: 1e-5 }, 'mean');
  assertClose(variance.dataSync(), Array(5).fill(1), { absolute: 1e-4 }, 'variance');
});

test("running statistics move by momentum towards the batch's mean and unbiased variance", () => {
  const layer = new BatchNorm({ momentum: 0.25 });
  call(layer, x, { training: true });
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  const [, , movingMean, movingVariance] = layer.getWeights();
  assertClose(movingMean.dataSync(), mean.mul(0.25).dataSync(), { absolute: 1e-6 }, 'mean');
  const wanted = variance.mul((0.25 * 24) / 23).add(0.75);
  assertClose(movingVariance.dataSync(), wanted.dataSync(), { absolute: 1e-5 }, 'variance');
});

test('the caller decides whether running statistics move', () => {
  const layer = new BatchNorm();
  const untouched = (): void => {
    const [, , mean, variance] = layer.getWeights();
    assert.deepEqual([...mean.dataSync(), ...variance.dataSync()], [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
  };
  call(layer, x);
  untouched();
  call(layer, x, { training: true, updateStatistics: false });
  untouched();
  layer.frozen = true;
  const y = call(layer, x, { training: true });
  untouched();
  assertClose(y.dataSync(), x.div(Math.sqrt(1 + 1e-5)).dataSync(), { absolute: 1e-5 }, 'frozen');
});

test('activation relu is a ReLU after the normalisation, relu6 a ReLU6', () => {
  for (const activation of ['relu', 'relu6'] as const) {
    const outputs = [new BatchNorm(), new BatchNorm({ activation })].map((layer) => {
      layer.build(x.shape);
      layer.gamma!.assign(layer.gamma!.mul(9));
      return call(layer, x, { training: true });
    });
    const wanted = outputs[0][activation]();
    assert.equal(wanted.max().dataSync()[0] === 6, activation === 'relu6');
    assertClose(outputs[1].dataSync(), wanted.dataSync(), { absolute: 1e-5 }, activation);
  }
});

test('without scale and center there is nothing to train', () => {
  const layer = new BatchNorm({ scale: false, center: false });
  call(layer, x, { training: true });
  assert.equal(layer.trainableWeights.length, 0);
  assert.equal(layer.nonTrainableWeights.length, 2);
});

test('the input has a gradient without gamma too', () => {
  const weights = tf.randomNormal([3, 5], 0, 1, 'float32', 9);
  for (const frozen of [false, true]) {
    const layer = new BatchNorm({ scale: false });
    layer.build([3, 5]);
    layer.frozen = frozen;
    const loss = (input: tf.Tensor): tf.Scalar =>
      call(layer, input, { training: true, updateStatistics: false }).square().mul(weights).sum();
    assertGradient(loss, x.slice([0, 0, 0, 0], [3, 1, 1, 5]).reshape([3, 5]), `frozen ${frozen}`, { h: 3e-3 });
  }
});

test('gradients agree with finite differences, by batch and by running statistics', () => {
  const weights = tf.randomNormal(x.shape, 0, 1, 'float32', 9);
  for (const frozen of [false, true]) {
    const layer = new BatchNorm();
    layer.build(x.shape);
    layer.frozen = frozen;
    const loss = (input: tf.Tensor): tf.Scalar =>
      call(layer, input, { training: true, updateStatistics: false }).square().mul(weights).sum();
    assertGradient(loss, x, `x, frozen ${frozen}`);
    const { grads } = tf.variableGrads(() => loss(x), [layer.gamma!, layer.beta!]);
    for (const variable of [layer.gamma!, layer.beta!]) {
      const start = variable.clone();
      const at = (value: tf.Tensor): tf.Scalar => {
        variable.assign(value as tf.Tensor1D);
        const result = loss(x);
        variable.assign(start);
        return result;
      };
      const differences = Array.from({ length: 5 }, (_, c) => {
        const h = tf.oneHot(c, 5).mul(1e-2);
        return at(start.add(h))
          .sub(at(start.sub(h)))
          .div(2e-2)
          .dataSync()[0];
      });
      const scale = Math.max(...differences.map(Math.abs));
      assertClose(grads[variable.name].dataSync(), differences, { absolute: 1e-2 * scale }, variable.name);
    }
  }
});

test('a step of training leaves no tensor behind', () => {
  const layer = new BatchNorm({ activation: 'relu' });
  const step = (): void => {
    const { value, grads } = tf.variableGrads(() => call(layer, x, { training: true }).sum());
    tf.dispose([value, grads]);
  };
  layer.build(x.shape);
  step();
  const before = tf.memory().numTensors;
  for (let i = 0; i < 5; i++) step();
  assert.equal(tf.memory().numTensors, before);
});

test('options out of range are refused in a sentence', () => {
  assert.throws(
    () => new BatchNorm({ name: 'bn', momentum: 2 }),
    /bn: momentum must be a number of at least 0 and at most 1; received 2/,
  );
  assert.throws(
    () => new BatchNorm({ name: 'bn', activation: 'elu' as 'relu' }),
    /bn: activation must be one of linear, relu, relu6/,
  );
});
