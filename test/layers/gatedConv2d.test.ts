import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { GatedConv2d, type GatedConv2dOptions } from 'sparsebook/layers/gatedConv2d.js';
import { sampleMask } from 'sparsebook/layers/hardConcrete.js';
import { assertGradient } from '../gradients.ts';
import { reload } from '../reload.ts';

await tf.setBackend('cpu');
const training = { training: true };
const options = { filters: 3, kernelSize: 3, padding: 1, seed: 4 } as const;
const x = tf.randomNormal<tf.Rank.R4>([2, 4, 4, 2], 0, 1, 'float32', 7);

function layerOf(more: Partial<GatedConv2dOptions> = {}, logAlpha?: number): GatedConv2d {
  const layer = new GatedConv2d({ ...options, ...more });
  layer.build([null, 4, 4, 2]);
  if (logAlpha !== undefined) layer.logAlpha.assign(tf.fill([3, 3, 2, 3], logAlpha));
  return layer;
}

const valuesOf = (t: unknown): number[] => [...(t as tf.Tensor).dataSync()];

test('with open gates it is the plain convolution, with closed ones only its bias', () => {
  const plain = new Conv2d(options);
  assert.deepEqual(valuesOf(layerOf({}, 10).apply(x)), valuesOf(plain.apply(x)));
  const closed = layerOf({}, -10);
  closed.setWeights([closed.getWeights()[0], tf.tensor1d([1, 2, 3]), closed.getWeights()[2]]);
  assert.deepEqual(valuesOf(closed.apply(x)).slice(0, 6), [1, 2, 3, 1, 2, 3]);
});

test('one mask, drawn from seed and number of the draw, multiplies the kernel for the whole batch', () => {
  const layer = layerOf({ gateSeed: 3 }, 0);
  const same = tf.tile(x.slice(0, 1), [2, 1, 1, 1]);
  const [a, b] = tf.unstack(layer.apply(same, training) as tf.Tensor4D).map(valuesOf);
  assert.deepEqual(a, b);
  const second = valuesOf(layer.apply(same, training));
  assert.notDeepEqual(second.slice(0, a.length), a);
  assert.equal(layer.draws, 2);
  const resumed = layerOf({ gateSeed: 3 }, 0);
  resumed.draws = 1;
  assert.deepEqual(valuesOf(resumed.apply(same, training)), second);
});

test('every backend draws the same masks', async () => {
  const on = async (backend: 'cpu' | 'simd'): Promise<number[]> => {
    await useBackend({ backend });
    return valuesOf(layerOf({ gateSeed: 8 }, 0.3).apply(x, training));
  };
  const [cpu, simd] = [await on('cpu'), await on('simd')];
  await useBackend({ backend: 'cpu' });
  cpu.forEach((value, i) => assert.ok(Math.abs(value - simd[i]) < 1e-5, `value ${i}: ${value} and ${simd[i]}`));
});

test('gradients through a sampled kernel agree with finite differences, for the input and for log alpha', () => {
  const layer = layerOf({ name: 'g' }, 0.1);
  const noise = { g: tf.randomUniform([3, 3, 2, 3], 0.4, 0.6, 'float32', 2) };
  const out = (input: tf.Tensor): tf.Scalar =>
    (layer.apply(input, { training: true, noise }) as tf.Tensor).square().sum();
  assertGradient(out, x, 'gradient with respect to x');
  const kernel = layer.getWeights()[0];
  const byLogAlpha = (logAlpha: tf.Tensor): tf.Scalar =>
    tf
      .conv2d(x, kernel.mul<tf.Tensor4D>(sampleMask(logAlpha, noise.g)), 1, 'same')
      .square()
      .sum();
  const { grads } = tf.variableGrads(() => out(x), [layer.logAlpha]);
  const wanted = valuesOf(tf.grad(byLogAlpha)(layer.logAlpha));
  valuesOf(grads[layer.logAlpha.name]).forEach((value, i) =>
    assert.ok(Math.abs(value - wanted[i]) < 1e-3 * Math.max(1, Math.abs(wanted[i])), `entry ${i}`),
  );
  assertGradient(byLogAlpha, layer.logAlpha, 'gradient with respect to log alpha');
});

test('a saved layer loads again with every option and weight', async () => {
  const input = tf.input({ shape: [4, 4, 2] });
  const layer = new GatedConv2d({ ...options, droprate_init: 0.3, temperature: 0.5, gateSeed: 6 });
  const model = tf.model({ inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor });
  const loaded = await reload(model);
  assert.deepEqual(loaded.layers[1].getConfig(), layer.getConfig());
  assert.deepEqual(valuesOf(loaded.predict(x)), valuesOf(model.predict(x)));
});

test('a step of training leaves no tensor behind', () => {
  const layer = layerOf({}, 0);
  const step = (): void => {
    const { value, grads } = tf.variableGrads(() => (layer.apply(x, training) as tf.Tensor).sum(), [layer.logAlpha]);
    tf.dispose([value, grads, layer.apply(x) as tf.Tensor, layer.inferenceMask(), layer.probabilityNonZero()]);
  };
  step();
  const before = tf.memory().numTensors;
  for (let i = 0; i < 5; i++) step();
  assert.equal(tf.memory().numTensors, before);
});

test('options out of range are refused in a sentence', () => {
  assert.throws(() => layerOf({ droprate_init: 1 }), /droprate_init must be a number above 0 and below 1; received 1/);
  assert.throws(() => layerOf({ temperature: -1 }), /temperature must be a number above 0; received -1/);
});
