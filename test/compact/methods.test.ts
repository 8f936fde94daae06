// Every network by every method: a method's masks describe what the sparse network computes, so the compact network
// must compute the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { completeCount } from 'sparsebook/compact/counts.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { c3 } from 'sparsebook/models/c3.js';
import { cnn4 } from 'sparsebook/models/cnn4.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { istaSparsifier } from 'sparsebook/sparsity/ista.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { reprSparsifier } from 'sparsebook/sparsity/repr.js';
import { withGates } from 'sparsebook/sparsity/withGates.js';
import type { Sparsifier } from 'sparsebook/sparsity/sparsifier.js';
import { maxAbs } from '../goldens.ts';

await useBackend({ backend: 'simd' });
const small = { widthMultiplier: 0.25, seed: 2 };
const images = tf.randomNormal([2, 32, 32, 3], 0, 1, 'float32', 3);
const logits = (model: tf.LayersModel): Float32Array =>
  tf.tidy(() => (model.predict(images) as tf.Tensor).dataSync<'float32'>());

/** Makes a network sparse by a method, as training would. */
type Method = (model: tf.LayersModel) => Sparsifier;

const l0: Method = (model) => {
  gatesOf(model).forEach((gate, g) => gate.logAlpha.assign(tf.randomNormal([gate.logAlpha.size], 0, 3, 'float32', g)));
  return l0Sparsifier(model, { lambda_l0: 1 });
};

const ista: Method = (model) => {
  model.layers.forEach((layer, i) => {
    if (!(layer instanceof BatchNorm)) return;
    layer.beta?.assign(tf.randomNormal(layer.beta.shape, 0.3, 1, 'float32', i));
    layer.gamma?.assign(tf.randomUniform(layer.gamma.shape, -1, 1, 'float32', i));
  });
  const sparsifier = istaSparsifier(model, { l1_penalty: 0.4 });
  sparsifier.afterStep?.(1, 1);
  return sparsifier;
};

const repr =
  (biasTrains: boolean): Method =>
  (model) => {
    const sparsifier = reprSparsifier(model, { S1: 1, S2: 1, prune_ratio: 0.4, biasTrains });
    sparsifier.beforeEpoch?.(1);
    return sparsifier;
  };

const magnitude: Method = (model) => {
  model.layers.forEach((layer, i) => {
    if (layer instanceof BatchNorm) layer.beta?.assign(tf.randomNormal(layer.beta.shape, 0.3, 1, 'float32', i));
  });
  const sparsifier = magnitudeSparsifier(model, { unit: 'channels', scope: 'global' });
  sparsifier.prune(0.4);
  return sparsifier;
};

const networks = {
  googleNet: () => googleNet(small),
  resnet20: () => resnet20(small),
  cnn4: () => cnn4(small),
  c3: () => c3(small),
  resnet18: () => resnet18({ ...small, widthMultiplier: 0.125 }),
};
type Case = [string, () => tf.LayersModel, Method];
const cases: Case[] = [
  ['L0 with gated reduce convolutions, googleNet', () => googleNet({ ...small, gates: { gateReduce: true } }), l0],
  ['RePr with biases that live on, c3', networks.c3, repr(true)],
  ...Object.entries(networks).flatMap(([name, network]): Case[] => [
    [`L0, ${name}`, name === 'googleNet' ? () => googleNet({ ...small, gates: true }) : () => withGates(network()), l0],
    // Without batch norm there are no gammas to prune by.
    ...(name === 'c3' ? [] : [[`ISTA, ${name}`, network, ista] as Case]),
    [`RePr, ${name}`, network, repr(false)],
    [`magnitude, ${name}`, network, magnitude],
  ]),
];

test('ISTA refuses a network without batch norm, which has no gammas to prune by', () => {
  assert.throws(() => istaSparsifier(networks.c3(), { l1_penalty: 1 }), /has no channels to prune by their gammas/);
});

for (const [name, network, method] of cases) {
  test(`${name}: the compact network computes what the sparse one computes`, () => {
    const model = network();
    const sparsifier = method(model);
    const masks = sparsifier.channelMasks();
    const closed = [...masks.values()].reduce((sum, mask) => sum + mask.filter((value) => value === 0).length, 0);
    assert.ok(closed > 0);
    const { model: compacted } = compact(model, masks);
    const [wanted, got] = [logits(model), logits(compacted)];
    const difference = maxAbs(wanted.map((value, i) => value - got[i]));
    assert.ok(difference <= 1e-5 * maxAbs(wanted), `differs by ${difference} of ${maxAbs(wanted)}`);
    assert.ok(completeCount(compacted).full < completeCount(model).full);
    // The network itself contains everything that the masks say.
    assert.equal(compact(model).model.countParams(), compacted.countParams());
    model.dispose();
    compacted.dispose();
  });
}
