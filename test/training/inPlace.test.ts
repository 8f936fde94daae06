// On the simd backend optimizers change weights in place, although tfjs lets tensors share their values.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { AdamW } from 'sparsebook/training/adam.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train } from 'sparsebook/training/train.js';
import type { Optimizer } from 'sparsebook/training/slots.js';
import { colours, smallNet, weightsOf } from './small.ts';

await useBackend({ backend: 'simd', threads: 2 });
const data = { train: colours(48), validation: colours(16, 2) };
const makers: [string, () => Optimizer][] = [
  ['AdamW', () => new AdamW({ lr: 0.02 })],
  ['SGD with momentum', () => new Sgd({ lr: 0.02, momentum: 0.9 })],
];

async function trainBriefly(model: tf.LayersModel, optimizer: Optimizer): Promise<number[]> {
  const counts: number[] = [];
  const sparsifier = l0Sparsifier(model, { lambda_l0: 1 });
  for await (const event of train({ model, data, sparsifier, optimizer, epochs: 2, batchSize: 16 })) {
    if (event.type === 'step') counts.push(tf.memory().numTensors);
  }
  return counts;
}

for (const [name, make] of makers) {
  test(`${name}: weights copied before training, by clone or into another model, stay unchanged`, async () => {
    const model = smallNet();
    const clones = model.getWeights().map((w) => w.clone());
    const other = smallNet({ seed: 8 });
    other.setWeights(model.getWeights());
    const before = weightsOf(model);
    await trainBriefly(model, make());
    assert.notDeepEqual(weightsOf(model), before);
    assert.deepEqual(weightsOf(other), before);
    assert.deepEqual(
      clones.map((t) => t.dataSync()),
      Object.values(before),
    );
  });

  test(`${name}: the number of tensors stays the same from step to step`, async () => {
    const before = tf.memory().numTensors;
    const model = smallNet();
    const held = tf.memory().numTensors - before;
    const optimizer = make();
    const counts = await trainBriefly(model, optimizer);
    assert.equal(new Set(counts).size, 1, `numbers of tensors: ${[...new Set(counts)].join()}`);
    optimizer.dispose();
    assert.equal(tf.memory().numTensors - before, held);
  });

  test(`${name}: the same run on the cpu backend ends with the same weights`, async () => {
    const run = async (backend: 'cpu' | 'simd'): Promise<Record<string, Float32Array>> => {
      await useBackend({ backend, threads: 2 });
      const model = smallNet();
      await trainBriefly(model, make());
      return weightsOf(model);
    };
    const [simd, cpu] = [await run('simd'), await run('cpu')];
    await useBackend({ backend: 'simd', threads: 2 });
    for (const [key, values] of Object.entries(cpu)) {
      // The bias before a normalisation by batch statistics has no gradient except rounding errors, which Adam turns
      // into whole steps; the running mean follows the bias.
      if (key === 'first/bias' || key === 'bn/movingMean') continue;
      const worst = Math.max(...values.map((v, i) => Math.abs(v - simd[key][i])));
      assert.ok(worst < 2e-3, `${key} differs by ${worst}`);
    }
  });
}
