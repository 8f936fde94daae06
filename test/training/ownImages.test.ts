// A reader's own images, of any shape and number of classes, can be trained on and evaluated.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { channelStatistics, normalise } from 'sparsebook/data/normalise.js';
import { dataFromArrays, type DataSplits } from 'sparsebook/data/dataSplits.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { randomFlip, randomPaddedCrop } from 'sparsebook/data/augment.js';
import { shapeOf } from 'sparsebook/data/imageSet.js';
import { AdamW } from 'sparsebook/training/adam.js';
import { evaluate } from 'sparsebook/training/evaluate.js';
import { train } from 'sparsebook/training/train.js';

await useBackend({ backend: 'simd', threads: 1 });
const { layers: l } = tf;

/** Trains a small network of plain layers for a few steps; returns its loss at the first and at the last step. */
async function losses(data: DataSplits, options: Partial<Parameters<typeof train>[0]>): Promise<number[]> {
  const inputShape = [...shapeOf(data.train)];
  const model = tf.sequential({
    layers: [
      l.conv2d({ filters: 4, kernelSize: 5, strides: 4, activation: 'relu', inputShape, kernelInitializer: seeded(1) }),
      l.flatten(),
      l.dense({ units: data.train.classNames.length, kernelInitializer: seeded(2) }),
    ],
  });
  const found: number[] = [];
  for await (const event of train({
    model,
    data,
    epochs: 2,
    batchSize: 16,
    optimizer: new AdamW({ lr: 3e-3 }),
    ...options,
  })) {
    if (event.type === 'step') found.push(event.loss);
  }
  const { loss } = await evaluate(model, data.test, { normalise: options.normalise });
  assert.ok(Number.isFinite(loss));
  model.dispose();
  return [found[0], found.at(-1)!];
}
const seeded = (seed: number) => tf.initializers.varianceScaling({ seed, distribution: 'uniform' });

test('28x28x1 images of three classes in arrays are learnt', async () => {
  // Class k is bright in the k-th third of its rows.
  const labels = Array.from({ length: 120 }, (_, i) => i % 3);
  const images = Float32Array.from({ length: 120 * 784 }, (_, i) => {
    const row = Math.floor((i % 784) / 28);
    return Math.floor(row / 10) === labels[Math.floor(i / 784)] ? 0.9 : 0.1;
  });
  const data = dataFromArrays({ images, labels, shape: [28, 28, 1], classNames: ['top', 'middle', 'bottom'] });
  const [first, last] = await losses(data, {});
  assert.ok(last < first, `${first} to ${last}`);
  const [firstMeasured, lastMeasured] = await losses(data, { normalise: normalise(channelStatistics(data.train)) });
  assert.ok(lastMeasured < firstMeasured);
});

test('64x48x3 images of a hundred classes, augmented, are trained on', async () => {
  const data = await loadData('synthetic', {
    sizes: { train: 64, validation: 10, test: 16 },
    imageSize: '64x48x3',
    classes: 100,
  });
  const [first] = await losses(data, { augment: [randomPaddedCrop(), randomFlip] });
  assert.ok(Math.abs(first - Math.log(100)) < 3, `${first}`);
});

test('three hundred classes, more than a byte can number, are trained on', async () => {
  const labels = Array.from({ length: 600 }, (_, i) => i % 300);
  const data = dataFromArrays({ images: new Uint8Array(600 * 64), labels, shape: [8, 8, 1] });
  const [first, last] = await losses(data, { augment: [] });
  assert.ok(first > 0 && Number.isFinite(last));
});
