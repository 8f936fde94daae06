// All networks with random masks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { Random } from 'sparsebook/backend/random.js';
import { channelGraph, type ChannelMasks } from 'sparsebook/graph/channelGraph.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { completeCount } from 'sparsebook/compact/counts.js';
import { c3 } from 'sparsebook/models/c3.js';
import { cnn4 } from 'sparsebook/models/cnn4.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { mobileNetV2 } from 'sparsebook/models/mobileNetV2.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { withGates } from 'sparsebook/sparsity/withGates.js';
import { maxAbs } from '../goldens.ts';
import { applyMasks } from './bruteForce.ts';

await useBackend({ backend: 'simd' });
const small = { widthMultiplier: 0.25, seed: 5 };
const networks = {
  googleNet: () => googleNet({ ...small, gates: { gateReduce: true } }),
  resnet20: () => resnet20(small),
  cnn4: () => cnn4(small),
  c3: () => c3(small),
  resnet18: () => resnet18({ ...small, widthMultiplier: 0.125 }),
  mobileNetV2: () => {
    const plain = mobileNetV2({ ...small, widthMultiplier: 0.125 });
    const gated = withGates(plain, { seed: 2 });
    plain.dispose();
    return gated;
  },
};
const images = tf.randomNormal([2, 32, 32, 3], 0, 1, 'float32', 3);
const logits = (model: tf.LayersModel): Float32Array =>
  tf.tidy(() => (model.predict(images) as tf.Tensor).dataSync<'float32'>());

/** Sets betas and running statistics to values other than their initial ones. */
function unsettle(model: tf.LayersModel): void {
  for (const layer of model.layers.filter((layer) => layer.name.endsWith('_bn'))) {
    const [mean, variance] = layer.getWeights().slice(-2);
    const beta = layer.getWeights().slice(0, -2).at(-1)!;
    const gamma = layer.getWeights().slice(0, -3);
    const shift = (x: tf.Tensor, by: number): tf.Tensor => x.add(tf.linspace(-by, by, x.size));
    layer.setWeights([...gamma, shift(beta, 0.5), shift(mean, 0.2), variance.mul(1.5)]);
  }
}

function randomMasks(model: tf.LayersModel, share: number, seed: number): ChannelMasks {
  const random = new Random(seed);
  const last = model.layers.filter((layer) => /^logits/.test(layer.name)).map(({ name }) => name);
  return new Map(
    channelGraph(model)
      .nodes.filter(({ role, name }) => role === 'kernel' && !last.includes(name))
      .map(({ name, channels }) => [
        name,
        Float32Array.from({ length: channels }, () => (random.next() < share ? 0 : 1)),
      ]),
  );
}

for (const [name, network] of Object.entries(networks)) {
  for (const share of [0, 0.4, 0.9]) {
    test(`${name} with ${100 * share} % of its channels closed at random computes the same when compact`, () => {
      const model = network();
      unsettle(model);
      for (const gate of gatesOf(model)) gate.logAlpha.assign(tf.randomNormal([gate.logAlpha.size], 0, 2));
      const masks = randomMasks(model, share, 7);
      const before = completeCount(model, masks);
      const { model: compacted } = compact(model, masks);
      applyMasks(model, masks);
      const [wanted, got] = [logits(model), logits(compacted)];
      const difference = maxAbs(wanted.map((value, i) => value - got[i]));
      assert.ok(difference <= 1e-5 * maxAbs(wanted), `differs by ${difference} of ${maxAbs(wanted)}`);
      assert.equal(gatesOf(compacted).length, 0);
      const after = completeCount(compacted);
      assert.equal(after.left + after.runningValues.left, compacted.countParams());
      if (share > 0) assert.ok(after.multiplyAdds.left < before.multiplyAdds.full);
      model.dispose();
      compacted.dispose();
    });
  }

  test(`${name} computes the same without its batch norms, and can be made smaller again`, () => {
    const model = network();
    unsettle(model);
    const { model: folded } = compact(model, new Map(), { foldBatchNorm: true });
    assert.deepEqual(
      folded.layers.filter((layer) => layer.getClassName() === 'BatchNorm').map((layer) => layer.name),
      [],
    );
    const wanted = logits(model);
    const differs = (other: Float32Array): number =>
      maxAbs(wanted.map((value, i) => value - other[i])) / maxAbs(wanted);
    assert.ok(differs(logits(folded)) <= 1e-5);
    const masks = randomMasks(model, 0.4, 7);
    const [small, smallFolded] = [model, folded].map((from) => compact(from, masks));
    assert.deepEqual(smallFolded.widths, small.widths);
    for (const each of [model, folded, small.model, smallFolded.model]) each.dispose();
  });

  test(`${name} with every channel closed still computes the same when compact`, () => {
    const model = network();
    unsettle(model);
    const masks = randomMasks(model, 1, 7);
    const { model: compacted } = compact(model, masks);
    applyMasks(model, masks);
    const [wanted, got] = [logits(model), logits(compacted)];
    assert.ok(maxAbs(wanted.map((value, i) => value - got[i])) <= 1e-5 * maxAbs(wanted));
    assert.ok(completeCount(compacted).left < 0.2 * completeCount(model).left);
    model.dispose();
    compacted.dispose();
  });
}
