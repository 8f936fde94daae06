// The regularizers and random layers of a reader's own network of tf.layers are part of its training.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import type { StepEvent } from 'sparsebook/training/events.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train } from 'sparsebook/training/train.js';
import { colours } from './small.ts';

await useBackend({ backend: 'simd', threads: 1 });
const images = colours(16, 1);

/** The event of the first training step, at a learning rate of 0.1. */
async function stepOf(model: tf.LayersModel): Promise<StepEvent> {
  const options = { epochs: 1, maxSteps: 1, batchSize: 16, optimizer: new Sgd({ lr: 0.1 }) };
  for await (const event of train({ model, data: { train: images }, ...options })) {
    if (event.type === 'step') return event;
  }
  throw new Error('no step was made');
}

test("regularizers of a network's layers are in the penalty, and their gradients in the step", async () => {
  const l2 = 0.05;
  const net = (regularized: boolean): tf.LayersModel => {
    const { flatten, dense } = tf.layers;
    const kernelRegularizer = regularized ? tf.regularizers.l2({ l2 }) : undefined;
    const kernelInitializer = tf.initializers.varianceScaling({ seed: 1 });
    const units = images.classNames.length;
    const last = dense({ units, inputShape: [32 * 32 * 3], kernelInitializer, kernelRegularizer });
    return tf.sequential({ layers: [flatten({ inputShape: [32, 32, 3] }), tf.sequential({ layers: [last] })] });
  };
  const [plain, regularized] = [net(false), net(true)];
  const start = plain.getWeights()[0].dataSync<'float32'>().slice();
  await stepOf(plain);
  const { penalty } = await stepOf(regularized);
  const squares = start.reduce((sum, weight) => sum + weight * weight, 0);
  assert.ok(Math.abs(penalty - l2 * squares) < 1e-4 * penalty, `${penalty} instead of ${l2 * squares}`);
  const [without, having] = [plain, regularized].map((model) => model.getWeights()[0].dataSync());
  start.forEach((weight, i) => assert.ok(Math.abs(without[i] - having[i] - 0.1 * 2 * l2 * weight) < 1e-6));
});

test("dropout and noise of layers follow the run's seed, even if a stopped run is resumed", async () => {
  const { layers: l } = tf;
  const kernelInitializer = tf.initializers.varianceScaling({ seed: 1 });
  const trained = async (seed: number, stops: number[]): Promise<Float32Array> => {
    const noisy = [l.dropout({ rate: 0.5 }), l.gaussianNoise({ stddev: 0.3 }), l.alphaDropout({ rate: 0.2 })];
    const last = l.dense({ units: images.classNames.length, kernelInitializer });
    const model = tf.sequential({ layers: [l.flatten({ inputShape: [32, 32, 3] }), ...noisy, last] });
    for (const [i, maxSteps] of stops.entries()) {
      const options = { epochs: 9, batchSize: 8, seed, startStep: stops[i - 1] ?? 0, maxSteps };
      const events = train({ model, data: { train: images }, optimizer: new Sgd({ lr: 0.1 }), ...options });
      while (!(await events.next()).done) Math.random();
    }
    return last.getWeights()[0].dataSync<'float32'>();
  };
  const whole = await trained(1, [5]);
  assert.deepEqual(await trained(1, [3, 5]), whole);
  assert.notDeepEqual(await trained(2, [5]), whole);
});
