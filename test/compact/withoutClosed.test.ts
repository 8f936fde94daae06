// A network without the channels that masks hold at 0 trains the same: outputs and gradients of the remaining channels
// are equal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { withoutClosed } from 'sparsebook/compact/shrink/withoutClosed.js';
import type { SmallerNetwork } from 'sparsebook/graph/channelGraph.js';
import { weightNames } from 'sparsebook/graph/names.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { plainNetworks, randomWeights } from '../plainNetworks.ts';

await useBackend({ backend: 'simd', threads: 1 });

/** The given entries of a weight's values, in the shape of the smaller network's weight. */
function left(
  values: tf.Tensor,
  { weight, entries }: { weight: { shape: tf.Shape }; entries: Uint32Array },
): tf.Tensor {
  return values
    .flatten()
    .gather(tf.tensor1d(Int32Array.from(entries)))
    .reshape(weight.shape as number[]);
}

/** Gives a smaller network the weights of the network it was made from. */
function fill({ weights }: SmallerNetwork): void {
  tf.tidy(() => weights.forEach((part, weight) => part.weight.write(left(weight.read(), part))));
}

function inputsOf(model: tf.LayersModel, seed: number): tf.Tensor[] {
  return model.inputs.map(({ shape }) => tf.randomNormal([3, ...(shape.slice(1) as number[])], 0, 1, 'float32', seed));
}

const close = (a: tf.Tensor, b: tf.Tensor, what: string): void => {
  assert.deepEqual(a.shape, b.shape, what);
  const [size, off] = [a.abs().max(), a.sub(b).abs().max()].map((t) => t.dataSync()[0]);
  assert.ok(off <= 1e-4 * Math.max(1, size), `${what}: off by ${off} of ${size}`);
};

const outputs = (model: tf.LayersModel, x: tf.Tensor[], training: boolean): tf.Tensor[] =>
  [model.apply(x.length === 1 ? x[0] : x, { training })].flat() as tf.Tensor[];

/** Gradients of a weighted sum over all outputs in training mode, for all trained weights by name. */
function gradients(model: tf.LayersModel, x: tf.Tensor[]): Map<string, tf.Tensor> {
  const names = weightNames(model);
  const { grads } = tf.variableGrads(() =>
    tf.addN(outputs(model, x, true).map((y) => y.mul(tf.randomNormal(y.shape, 0, 1, 'float32', 5)).sum())).asScalar(),
  );
  return new Map(
    model.trainableWeights.map((weight) => [names.get(weight)!, grads[(weight.read() as tf.Variable).name]]),
  );
}

for (const name of ['mobileNetV2', 'denseNet', 'squeezeExcite', 'uNet', 'twoInputsTwoHeads', 'nested']) {
  test(`${name} computes and learns the same without channels that are held at 0`, () => {
    const model = randomWeights(plainNetworks[name]());
    const method = magnitudeSparsifier(model, { unit: 'channels' });
    method.prune(0.4);
    const smaller = withoutClosed(model, method.closedForGood!(0, 0))!;
    fill(smaller);
    const sizes = [model, smaller.model].map((each) => each.countParams());
    assert.ok(sizes[1] < sizes[0], String(sizes));
    tf.tidy(() => {
      const x = inputsOf(model, 2);
      const [before, after] = [model, smaller.model].map((each) => gradients(each, x));
      const names = [model, smaller.model].map(weightNames);
      for (const [weight, part] of smaller.weights) {
        const [whole, small] = [before.get(names[0].get(weight)!), after.get(names[1].get(part.weight)!)];
        if (whole && small) close(left(whole, part), small, names[0].get(weight)!);
        close(left(weight.read(), part), part.weight.read(), `${names[0].get(weight)} after the pass`);
      }
      for (const training of [true, false]) {
        const [wanted, found] = [model, smaller.model].map((each) => outputs(each, x, training));
        wanted.forEach((y, i) => close(y, found[i], `output ${i}`));
      }
    });
    for (const each of [model, smaller.model]) each.dispose();
    method.dispose!();
  });
}

/** conv (4 filters), batch norm, an activation, a gate, conv, dense. */
function gated(activation: 'relu' | 'sigmoid' = 'relu', useBias = false): tf.LayersModel {
  const input = tf.input({ shape: [4, 4, 2] });
  const conv = tf.layers.conv2d({ name: 'first', filters: 4, kernelSize: 3, padding: 'same', useBias });
  const norm = new BatchNorm({ name: 'norm' }).apply(conv.apply(input));
  const active = tf.layers.activation({ activation }).apply(norm);
  const gate = new L0Gate({ name: 'gate' }).apply(active);
  const next = tf.layers.conv2d({ name: 'second', filters: 3, kernelSize: 3 }).apply(gate);
  const logits = tf.layers.dense({ name: 'logits', units: 2 }).apply(tf.layers.flatten().apply(next));
  return tf.model({ inputs: input, outputs: logits as tf.SymbolicTensor });
}

const mask = (size: number, ...zeros: number[]): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => (zeros.includes(i % 4) ? 0 : 1));

/** A mask of the kernel [3, 3, 4, 3] of `second` that is 0 in the entries of one input. */
const readsAllBut = (input: number): Float32Array =>
  Float32Array.from({ length: 108 }, (_, i) => (Math.floor(i / 3) % 4 === input ? 0 : 1));

test('channels that training could bring back, or whose constant is not 0, stay', () => {
  const firstZero = { 'first/kernel': mask(72, 0) };
  const silent = { ...firstZero, 'norm/gamma': mask(4, 0), 'norm/beta': mask(4, 0) };
  const cases: [what: string, model: tf.LayersModel, closed: Record<string, Float32Array>, width: number][] = [
    ['nothing closed', gated(), { 'gate/logAlpha': mask(4) }, 4],
    ['two closed gates', gated(), { 'gate/logAlpha': mask(4, 0, 2) }, 2],
    ['all gates closed: one stays, so that there is a layer', gated(), { 'gate/logAlpha': mask(4, 0, 1, 2, 3) }, 1],
    ["a filter of zeros behind which batch norm's beta is trained", gated(), firstZero, 4],
    ['the same with beta held', gated(), silent, 3],
    ['the same with a bias that is trained', gated('relu', true), silent, 3],
    ['a filter of zeros without the norm, whose activation makes 0.5 of 0', gated('sigmoid'), silent, 4],
    ['a channel that nobody reads', gated(), { 'second/kernel': readsAllBut(1) }, 3],
  ];
  for (const [what, model, closed, width] of cases) {
    // A weight that happens to be 0 now is still trained.
    tf.tidy(() => void model.getLayer('second').weights[0].write(tf.zeros([3, 3, 4, 3])));
    const smaller = withoutClosed(model, new Map(Object.entries(closed)));
    const found = smaller ? smaller.model.getLayer('first').weights[0].shape.at(-1) : 4;
    assert.equal(found, width, what);
    smaller?.model.dispose();
    model.dispose();
  }
});

test('a smaller network keeps frozen weights frozen, and gates with their settings', () => {
  const model = gated();
  model.getLayer('first').trainable = false;
  (model.getLayer('norm') as BatchNorm).frozen = true;
  const { model: small } = withoutClosed(model, new Map([['gate/logAlpha', mask(4, 1)]]))!;
  assert.equal(small.getLayer('first').trainable, false);
  assert.equal((small.getLayer('norm') as BatchNorm).frozen, true);
  const [before, after] = [model, small].map((each) => each.getLayer('gate').getConfig());
  assert.deepEqual(after, before);
  for (const each of [model, small]) each.dispose();
});
