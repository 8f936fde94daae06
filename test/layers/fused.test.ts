// The simd backend computes whole layers in one pass; the cpu backend composes them from operations. Both must give the
// same results.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { forward } from 'sparsebook/graph/gates.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { L0Gate, type L0GateOptions } from 'sparsebook/layers/l0Gate.js';
import { assertClose, maxAbs } from '../goldens.ts';

interface Outcome {
  name: string;
  values: Float32Array;
}

/** Outputs, gradients and statistics of conv + BN + ReLU + gate + BN + gate after two calls on one backend. */
async function outcome(backend: 'cpu' | 'simd', options: L0GateOptions, training: boolean): Promise<Outcome[]> {
  await useBackend({ backend, threads: 2 });
  const input = tf.input({ shape: [5, 4, 3] });
  let x = new Conv2d({ name: 'conv', filters: 5, kernelSize: 3, padding: 1, seed: 1 }).apply(input);
  x = new BatchNorm({ name: 'bn1', activation: 'relu' }).apply(x);
  x = new L0Gate({ name: 'gate1', seed: 2, ...options }).apply(x);
  x = new BatchNorm({ name: 'bn2', scale: false }).apply(x);
  const output = new L0Gate({ name: 'gate2', seed: 3, ...options }).apply(x) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: output });
  const images = tf.tensor4d(
    Float32Array.from({ length: 4 * 5 * 4 * 3 }, (_, i) => Math.sin(i * i)),
    [4, 5, 4, 3],
  );
  const outcomes: Outcome[] = [];
  const keep = (name: string, t: tf.Tensor): number => outcomes.push({ name, values: t.dataSync<'float32'>().slice() });
  for (const call of [1, 2]) {
    let y: tf.Tensor | undefined;
    const variables = model.trainableWeights.map((w) => w.read() as tf.Variable);
    const { grads } = tf.variableGrads(() => {
      y = tf.keep(forward(model, images, { training }) as tf.Tensor);
      return y
        .square()
        .mul(tf.sin(tf.range(0, y.size)).reshape(y.shape))
        .sum()
        .asScalar();
    }, variables);
    keep(`output ${call}`, y!);
    model.trainableWeights.forEach(({ originalName }, i) =>
      keep(`d ${originalName} ${call}`, grads[variables[i].name]),
    );
  }
  for (const w of model.nonTrainableWeights) keep(w.originalName, w.read());
  const { draws } = model.getLayer('gate1') as L0Gate;
  assert.equal(draws, training ? 2 : 0, 'a gate draws once a training call');
  return outcomes;
}

for (const sampling of ['image', 'batch'] as const) {
  for (const training of [true, false]) {
    test(`fused and composed layers agree, one mask per ${sampling}, training ${training}`, async () => {
      const composed = await outcome('cpu', { sampling }, training);
      const fused = await outcome('simd', { sampling }, training);
      composed.forEach(({ name, values }, i) => {
        assert.equal(fused[i].name, name);
        // A bias before a normalisation by batch statistics has no gradient except rounding errors.
        const absolute = 1e-4 * Math.max(maxAbs(values), 1);
        assertClose(fused[i].values, values, { absolute }, name);
      });
    });
  }
}

test('a gate that is not the only reader of its batch norm multiplies by itself', async () => {
  await useBackend({ backend: 'cpu' });
  const input = tf.input({ shape: [3] });
  const normal = new BatchNorm({ name: 'bn' }).apply(input) as tf.SymbolicTensor;
  const gate = new L0Gate({ name: 'gate' });
  const gated = gate.apply(normal) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: tf.layers.add().apply([normal, gated]) as tf.SymbolicTensor });
  gate.logAlpha.assign(tf.tensor1d([-9, 0, 9]));
  const y = model.predict(tf.ones([1, 3])) as tf.Tensor;
  assertClose(y.dataSync(), [1, 1.5, 2], { absolute: 1e-4 }, 'sum of gated and ungated');
});

test('a gate closes the same channels whether it applies its mask itself or a batch norm does', async () => {
  await useBackend({ backend: 'cpu' });
  const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
  const logAlpha = tf.tensor1d([-9, 0, 9]);
  const alone = new L0Gate({ name: 'alone' });
  alone.apply(x);
  alone.logAlpha.assign(logAlpha);
  const input = tf.input({ shape: [3] });
  const behind = new L0Gate({ name: 'behind' });
  const output = behind.apply(new BatchNorm({ name: 'bn', epsilon: 0 }).apply(input)) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: output });
  behind.logAlpha.assign(logAlpha);
  const [wanted, actual] = [alone.apply(x) as tf.Tensor, model.predict(x) as tf.Tensor];
  assertClose(actual.dataSync(), wanted.dataSync(), { absolute: 1e-6 }, 'gated');
});
