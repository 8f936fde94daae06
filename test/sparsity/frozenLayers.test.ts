// Frozen layers and nested networks stay unchanged, whatever method works on the rest.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { withoutClosed } from 'sparsebook/compact/shrink/withoutClosed.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { normsOf } from 'sparsebook/training/statistics.js';
import { freezeSparsifier } from 'sparsebook/sparsity/freeze.js';
import { istaSparsifier } from 'sparsebook/sparsity/ista.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { reprSparsifier } from 'sparsebook/sparsity/repr.js';
import type { Sparsifier } from 'sparsebook/sparsity/sparsifier.js';
import { withGates } from 'sparsebook/sparsity/withGates.js';
import { weightsOf } from '../training/small.ts';

await tf.setBackend('cpu');

/** A convolution, batch norm and ReLU, prefixed with a name. */
const block = (name: string, inputShape?: [number, number, number]): tf.layers.Layer[] => [
  tf.layers.conv2d({ name, filters: 6, kernelSize: 3, inputShape }),
  tf.layers.batchNormalization({ name: `${name}_bn` }),
  tf.layers.reLU({ name: `${name}_relu` }),
];
const head = (): tf.layers.Layer[] => [
  ...block('b'),
  tf.layers.globalAveragePooling2d({ name: 'pool' }),
  tf.layers.dense({ name: 'o', units: 3 }),
];

/** A frozen body of one convolution and a trained head, combined in the ways that tf.layers allows. */
const networks: Record<string, () => tf.LayersModel> = {
  'layers of their own': () => {
    const body = block('a', [8, 8, 3]);
    for (const layer of body) layer.trainable = false;
    return tf.sequential({ layers: [...body, ...head()] });
  },
  'a frozen network at the beginning of a tf.sequential': () => {
    const body = tf.sequential({ name: 'body', layers: block('a', [8, 8, 3]) });
    body.trainable = false;
    return tf.sequential({ layers: [body, ...head()] });
  },
  'a frozen network inside a tf.model': () => {
    const body = tf.sequential({ name: 'body', layers: block('a', [8, 8, 3]) });
    body.trainable = false;
    const input = tf.input({ shape: [8, 8, 3] });
    const outputs = [body, ...head()].reduce((x, layer) => layer.apply(x) as tf.SymbolicTensor, input);
    return tf.model({ inputs: input, outputs });
  },
};

const trained = (model: tf.LayersModel): string[] =>
  model.trainableWeights.map(({ originalName }) => originalName).sort();

/** The values of the body's weights. */
const body = (model: tf.LayersModel): [string, number[]][] =>
  Object.entries(weightsOf(model))
    .filter(([name]) => /^a(_bn)?\//.test(name))
    .map(([name, values]) => [name, [...values]]);

for (const [name, build] of Object.entries(networks)) {
  test(`gates are trained before frozen weights too, and the weights stay frozen: ${name}`, () => {
    const gated = withGates(build(), { where: ['a_relu', 'b_relu'] });
    assert.deepEqual(trained(gated), [...trained(build()), 'a_relu_gate/logAlpha', 'b_relu_gate/logAlpha'].sort());
    l0Sparsifier(gated, { lambda_l0: 1 });
    assert.equal(gatesOf(gated).length, 2);
  });

  test(`no method changes frozen weights: ${name}`, () => {
    for (const make of [
      (model) => reprSparsifier(model, { S1: 1, S2: 1, prune_ratio: 0.5, ranking: 'perLayer' }),
      (model) => magnitudeSparsifier(model, { unit: 'channels', scope: 'perLayer', plan: [{ epoch: 1, amount: 0.5 }] }),
      (model) => istaSparsifier(model, { l1_penalty: 1 }),
    ] as ((model: tf.LayersModel) => Sparsifier)[]) {
      const model = build();
      const before = body(model);
      const sparsifier = make(model);
      for (const epoch of [0, 1, 2]) {
        sparsifier.beforeEpoch?.(epoch);
        sparsifier.afterStep?.(0.1, 1);
      }
      assert.equal(before.length, 6);
      assert.deepEqual(body(model), before, sparsifier.name);
      assert.deepEqual([...sparsifier.channelMasks().keys()], ['b'], sparsifier.name);
    }
  });

  test(`frozen weights stay frozen when channels are cut out during training: ${name}`, () => {
    const model = build();
    const pruning = magnitudeSparsifier(model, { unit: 'channels' });
    pruning.prune(0.5);
    const smaller = withoutClosed(model, pruning.closedForGood!(0, 0))!;
    assert.equal(smaller.model.getLayer('b').getWeights()[0].shape.at(-1), 3);
    assert.deepEqual(trained(smaller.model), trained(model));
  });
}

test('a batch norm that was frozen before its kernel stays frozen when the kernel is released', () => {
  const model = tf.sequential({ layers: [...block('a', [8, 8, 3]), ...head()] });
  const [first, second] = normsOf(model);
  first.frozen = true;
  const freezing = freezeSparsifier(model, { first: 2 });
  assert.deepEqual([first.frozen, second.frozen], [true, true]);
  freezing.dispose!();
  assert.deepEqual([first.frozen, second.frozen], [true, false]);
});

test('a frozen kernel that reads filters which come back keeps its weights', () => {
  const model = tf.sequential({ layers: [...block('a', [8, 8, 3]), ...head()] });
  model.getLayer('b').trainable = false;
  const kernel = (): number[] => [...weightsOf(model)['b/kernel']];
  const before = kernel();
  const sparsifier = reprSparsifier(model, { S1: 1, S2: 1, prune_ratio: 0.5 });
  for (const epoch of [0, 1, 2]) sparsifier.beforeEpoch!(epoch);
  assert.deepEqual(kernel(), before);
});
