import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { firstNonFinite } from 'sparsebook/training/faults.js';
import { plainNetworks, randomWeights } from '../plainNetworks.ts';

await tf.setBackend('cpu');
const { layers: l } = tf;
type Tensor = tf.SymbolicTensor;

const images = (model: tf.LayersModel): tf.Tensor[] =>
  model.inputs.map(({ shape }, i) => tf.randomNormal([2, ...(shape.slice(1) as number[])], 0, 1, 'float32', i));

/** Gives a layer weights so large that its outputs are not finite, although the weights are. */
const overflow = (layer: tf.layers.Layer): void => {
  for (const weight of layer.weights) tf.tidy(() => void weight.write(tf.fill(weight.shape as number[], 3e38)));
};

for (const [name, network] of Object.entries(plainNetworks)) {
  test(`non-finite values in the last weights of ${name} are found, and nothing else is`, async () => {
    const model = randomWeights(network());
    const x = images(model);
    const before = tf.memory().numTensors;
    assert.equal(await firstNonFinite(model, x), undefined);
    const bad = model.layers.findLast(({ trainableWeights }) => trainableWeights.length > 0)!.trainableWeights[0];
    bad.write(tf.tidy(() => bad.read().mul(NaN)));
    assert.equal(await firstNonFinite(model, x), `the weight ${bad.originalName}`);
    assert.ok(tf.memory().numTensors <= before + 1);
  });
}

/** Returns its input times two and times three. */
class Split extends tf.layers.Layer {
  static className = 'SplitOfATest';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    return [x.mul(2), x.mul(3)];
  }
  override computeOutputShape(shape: tf.Shape | tf.Shape[]): tf.Shape[] {
    return [shape as tf.Shape, shape as tf.Shape];
  }
}

test('layers that return several tensors, are used twice or are in a nested network are read as the network reads them', async () => {
  const inner = tf.input({ shape: [3] });
  const [first, second] = new Split({ name: 'split' }).apply(inner) as Tensor[];
  const inside = tf.model({ name: 'inside', inputs: inner, outputs: [first, second] });
  const shared = l.dense({ name: 'shared', units: 3 });
  const input = tf.input({ shape: [3] });
  const [a, b] = inside.apply(shared.apply(shared.apply(input))) as Tensor[];
  const heads = [l.dense({ name: 'one', units: 2 }), l.dense({ name: 'two', units: 1 })];
  const outputs = [heads[0].apply(a), heads[1].apply(b)] as Tensor[];
  const model = randomWeights(tf.model({ inputs: input, outputs }));
  const x = images(model);
  assert.equal(await firstNonFinite(model, x[0]), undefined);
  overflow(heads[1]);
  assert.equal(await firstNonFinite(model, x), 'the output of the layer two');
  overflow(shared);
  assert.equal(await firstNonFinite(model, x), 'the output of the layer shared');
  assert.equal(await firstNonFinite(model, [tf.fill([2, 3], NaN)]), 'the input images');
});
