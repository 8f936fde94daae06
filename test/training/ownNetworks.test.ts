// What a reader's own network of tf.layers brings along is part of its training.
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

/** The first step of training, at a learning rate of 0.1. */
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
