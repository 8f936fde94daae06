import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { c3 } from 'sparsebook/models/c3.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { istaLayers, istaSparsifier, rescaleGammas, softThreshold } from 'sparsebook/sparsity/ista.js';

await tf.setBackend('cpu');

const narrow = { widthMultiplier: 0.125, seed: 1 };

test('softThreshold minimises half the squared distance plus the threshold times |x|', () => {
  const value = fc.double({ min: -3, max: 3, noNaN: true });
  fc.assert(
    fc.property(value, fc.double({ min: 0, max: 2, noNaN: true }), value, (x, threshold, other) => {
      const [best] = tf.tidy(() => softThreshold(tf.tensor1d([x]), threshold).dataSync());
      const objective = (y: number): number => (y - x) ** 2 / 2 + threshold * Math.abs(y);
      return objective(best) <= objective(other) + 1e-5;
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('a step closes the channels whose gamma is within cost * lr * l1_penalty, and they may come back', () => {
  const model = resnet20(narrow);
  const sparsifier = istaSparsifier(model, { l1_penalty: 0.5 });
  const [{ target, gamma, cost }] = istaLayers(model);
  gamma.assign(tf.tensor1d([cost * 0.049, -cost * 0.051]));
  sparsifier.afterStep!(0.1, 1);
  assert.deepEqual([...sparsifier.channelMasks().get(target.name)!], [0, 1]);
  const [, left] = gamma.dataSync();
  assert.ok(Math.abs(left + cost * 0.001) < 1e-6);
  const { channels, closed, fakeSparsity } = sparsifier.summary!();
  assert.deepEqual([channels, closed], [3 * (2 + 4 + 8), 1]);
  assert.ok(fakeSparsity > 0 && fakeSparsity < 1);
  gamma.assign(tf.tensor1d([1, 1]));
  assert.deepEqual([...sparsifier.channelMasks().get(target.name)!], [1, 1]);
});

test('only channels on which nothing else depends are pruned, and never the logits', () => {
  const targets = (model: tf.LayersModel): string[] => istaLayers(model).map(({ target }) => target.name);
  const first = (name: string): boolean => name.endsWith('_first_conv');
  assert.equal(targets(resnet20(narrow)).length, 9);
  assert.ok(targets(resnet20(narrow)).every(first));
  assert.equal(targets(resnet18(narrow)).length, 8);
  assert.ok(targets(resnet18(narrow)).every(first));
  assert.equal(targets(googleNet(narrow)).length, 1 + 8 * 6);
});

test('costs follow the current widths of the network', () => {
  const [half, full] = [resnet20({ widthMultiplier: 0.5 }), resnet20()].map((model) => istaLayers(model)[0].cost);
  assert.deepEqual([half, full], [(1024 + 9 * 8 + 9 * 8) / 1024, (1024 + 9 * 16 + 9 * 16) / 1024]);
});

test('rescaled gammas leave the logits unchanged, branches included, and can be scaled back', () => {
  for (const build of [resnet20, googleNet, resnet18]) {
    const model = build({ ...narrow, classes: 3 });
    const images = tf.randomUniform([2, 32, 32, 3], -1, 1, 'float32', 5);
    // Betas other than 0 show whether they are scaled too.
    for (const layer of model.layers) {
      if (layer instanceof BatchNorm) layer.beta?.assign(tf.randomNormal(layer.beta.shape, 0, 0.3, 'float32', 7));
    }
    const logits = (): Float32Array => tf.tidy(() => (model.predict(images) as tf.Tensor).dataSync<'float32'>());
    const before = logits();
    const weights = model.getWeights().map((weight) => weight.clone());
    const tensors = tf.memory().numTensors;
    rescaleGammas(model, 0.125);
    assert.equal(tf.memory().numTensors, tensors);
    const [{ gamma }] = istaLayers(model);
    assert.ok(gamma.dataSync().every((value) => value === 0.125));
    const most = Math.max(...before.map(Math.abs));
    assert.ok(
      logits().every((value, i) => Math.abs(value - before[i]) < 1e-4 * most),
      model.name,
    );
    rescaleGammas(model, 8);
    model.getWeights().forEach((weight, i) => assert.deepEqual(weight.dataSync(), weights[i].dataSync()));
  }
});

test('impossible options are refused in a sentence', () => {
  const wrong = (penalty: number, model = resnet20(narrow)) => istaSparsifier(model, { l1_penalty: penalty });
  assert.throws(() => wrong(-1), {
    name: 'UserError',
    message: /l1_penalty must be a number of at least 0; received -1/,
  });
  assert.throws(() => wrong(1, c3(narrow)), { name: 'UserError', message: /c3 has no channels to prune by their gam/ });
  assert.throws(() => rescaleGammas(resnet20(narrow), 0), {
    name: 'UserError',
    message: /alpha must be a number above 0/,
  });
  for (const [costs, message] of [
    [{ weighting: 'l1' as 'memory' }, /weighting must be one of memory, .*; received 'l1'/],
    [{ weighting: 'time' }, /The weighting 'time' needs times/],
    [{ weighting: 'time', times: new Map() }, /The weighting 'time' needs times/],
  ] as const) {
    assert.throws(() => istaLayers(resnet20(narrow), costs), { name: 'UserError', message });
  }
});
