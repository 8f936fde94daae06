import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { saveSafetensors } from 'sparsebook/compact/export/safetensors.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { forward, gatesOf } from 'sparsebook/graph/gates.js';
import { layerNames, namedWeights } from 'sparsebook/graph/names.js';
import { networkGraph, nodeOf } from 'sparsebook/graph/networkGraph.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { assertClose } from '../goldens.ts';

await tf.setBackend('cpu');
const { layers: l } = tf;
type Tensor = tf.SymbolicTensor;
const apply = (layer: tf.layers.Layer, x: Tensor | Tensor[]): Tensor => layer.apply(x) as Tensor;

/** Images of 2 x 2 through a convolution, a batch norm and a gate, half closed; `more` builds the outputs. */
function gated(more: (parts: { bn: Tensor; gate: Tensor }) => Tensor[]): tf.LayersModel {
  const input = tf.input({ shape: [2, 2, 2] });
  const bn = apply(
    new BatchNorm({ name: 'bn' }),
    apply(new Conv2d({ name: 'conv', filters: 2, kernelSize: 1 }), input),
  );
  const layer = new L0Gate({ name: 'gate' });
  const gate = apply(layer, bn);
  layer.logAlpha.assign(tf.tensor1d([-9, 9]));
  return tf.model({ inputs: input, outputs: more({ bn, gate }) });
}
const out = (model: tf.LayersModel, x: tf.Tensor): Float32Array[] =>
  [model.predict(x)].flat().map((y) => y.dataSync<'float32'>());
const head = (x: Tensor): Tensor => apply(l.dense({ name: 'o', units: 1 }), apply(l.flatten({ name: 'flat' }), x));
const x = tf.randomNormal([3, 2, 2, 2], 0, 1, 'float32', 4);

const places: [string, (parts: { bn: Tensor; gate: Tensor }) => Tensor[]][] = [
  ['an output before the one it gates', ({ bn, gate }) => [bn, head(gate)]],
  ['an output after the one it gates', ({ bn, gate }) => [head(gate), bn]],
  ['read by a sum as well', ({ bn, gate }) => [head(apply(l.add({ name: 'sum' }), [bn, gate]))]],
  ['read by a second head', ({ bn, gate }) => [head(gate), apply(l.globalAveragePooling2d({ name: 'mean' }), bn)]],
  ['read by a second gate', ({ bn, gate }) => [head(gate), apply(new L0Gate({ name: 'open', fixedOpen: true }), bn)]],
];
for (const [what, more] of places) {
  test(`a gated batch norm that is ${what} is not gated there, made smaller or not`, async () => {
    const model = gated(more);
    const plain = tf.tidy(() => [forward(model, x)].flat().map((y) => y.dataSync<'float32'>()));
    const masks = l0Sparsifier(model, { lambda_l0: 1 }).channelMasks();
    for (const small of [compact(model), compact(model, masks)]) {
      out(small.model, x).forEach((values, i) => assertClose(values, plain[i], { absolute: 1e-5 }, `output ${i}`));
    }
    out(model, x).forEach((values, i) => assertClose(values, plain[i], { absolute: 1e-5 }, `predicted ${i}`));
    const { difference } = await compact(model, masks).report({ batchSizes: [] });
    assert.ok(difference.absolute < 1e-5);
  });
}

test("another model that ends at the batch norm gives the batch norm's ungated output", () => {
  const model = gated(({ gate }) => [head(gate)]);
  const inner = tf.model({ inputs: model.inputs, outputs: model.getLayer('bn').output });
  const conv = tf.model({ inputs: model.inputs, outputs: model.getLayer('conv').output });
  const normal = (conv.predict(x) as tf.Tensor).div(Math.sqrt(1 + 1e-5));
  for (const y of [inner.predict(x), forward(inner, x)]) {
    assertClose((y as tf.Tensor).dataSync(), normal.dataSync(), { absolute: 1e-6 }, 'not gated');
  }
});

test('a layer that another model also uses is read as this model uses it', () => {
  const shared = l.dense({ name: 'shared', units: 3 });
  const [a, b] = [tf.input({ shape: [2] }), tf.input({ shape: [2] })];
  const model = tf.model({ inputs: a, outputs: apply(l.dense({ name: 'end', units: 1 }), apply(shared, a)) });
  tf.model({ inputs: b, outputs: apply(l.reLU({ name: 'elsewhere' }), apply(shared, b)) });
  assert.deepEqual(
    nodeOf(networkGraph(model), shared).readers.map(({ name }) => name),
    ['end'],
  );
  assert.equal(compact(model, new Map([['shared', Float32Array.of(1, 0, 1)]])).widths[0].after, 2);
  const twice = tf.model({ inputs: a, outputs: apply(l.add(), [apply(shared, a), apply(shared, apply(l.reLU(), a))]) });
  assert.throws(() => compact(twice), {
    name: 'UserError',
    message: /shared \(Dense\) must be used once; it is used 2 times/,
  });
});

function towers(name: string): tf.LayersModel {
  const tower = (which: string): tf.LayersModel => {
    const i = tf.input({ shape: [4, 4, 1] });
    const conv = apply(new Conv2d({ name: 'conv', filters: 2, kernelSize: 3, seed: which.length }), i);
    const gate = apply(new L0Gate({ name: 'gate' }), conv);
    return tf.model({ name: which, inputs: i, outputs: apply(l.globalAveragePooling2d({ name: 'mean' }), gate) });
  };
  const i = tf.input({ shape: [4, 4, 1] });
  const both = apply(l.concatenate({ name: 'both' }), [apply(tower('left'), i), apply(tower('right'), i)]);
  return tf.model({ name, inputs: i, outputs: apply(l.dense({ name: 'o', units: 2 }), both) });
}

test('nested networks are read too, and equal names in two of them are kept apart', () => {
  const model = towers('towers');
  assert.deepEqual(
    networkGraph(model).nodes.map(({ name }) => name),
    ['input', 'left/conv', 'left/gate', 'left/mean', 'right/conv', 'right/gate', 'right/mean', 'both', 'o'].map(
      (name) => (name === 'input' ? model.inputs[0].sourceLayer.name : name),
    ),
  );
  const names = [...namedWeights(model).keys()];
  assert.equal(new Set(names).size, model.weights.length);
  assert.ok(names.includes('left/conv/kernel') && names.includes('o/kernel'));
  const byLayer = layerNames(model);
  assert.deepEqual(
    gatesOf(model).map((gate) => byLayer.get(gate)),
    ['left/gate', 'right/gate'],
  );
});

test('nested networks are made smaller together with the outer one', async () => {
  const model = towers('towers');
  const images = tf.randomNormal([5, 4, 4, 1], 0, 1, 'float32', 2);
  const compaction = compact(model, new Map([['right/conv', Float32Array.of(0, 1)]]));
  assert.deepEqual(
    compaction.widths.map(({ layer, after }) => [layer, after]),
    [
      ['left/conv', 2],
      ['right/conv', 1],
      ['o', 2],
    ],
  );
  const report = await compaction.report({ images, batchSizes: [] });
  assert.ok(report.difference.absolute < 1e-6);
  assert.equal(report.parameters.dense, 2 * 20 + 10);
  assert.equal(report.parameters.masked, report.parameters.compact);
});

test('an input that no output depends on stays, is reported as such, and keeps the network from being saved', async () => {
  const [a, b] = [tf.input({ shape: [2], name: 'a' }), tf.input({ shape: [3], name: 'b' })];
  const model = tf.model({ inputs: [b, a], outputs: apply(l.dense({ name: 'o', units: 1 }), a) });
  const compaction = compact(model);
  assert.equal(compaction.model.inputs.length, 2);
  assert.match(compaction.explain(), /b: an input that no output depends on/);
  const given = [tf.ones([1, 3]), tf.ones([1, 2])];
  assertClose(
    (compaction.model.predict(given) as tf.Tensor).dataSync(),
    (model.predict(given) as tf.Tensor).dataSync(),
    { absolute: 1e-6 },
    'the same',
  );
  await assert.rejects(saveSafetensors(model, 'never written'), {
    name: 'UserError',
    message: /cannot be saved: no output depends on its input b, which would be missing\. Build it without\./,
  });
});

test('a model that is no network of layers is refused by its kind', () => {
  for (const [other, kind] of [
    [new tf.GraphModel('nowhere'), 'GraphModel'],
    [{}, 'Object'],
  ] as const) {
    const message = `A network must be a tf.LayersModel; received ${kind}. Load it as one, with loadTfjs.`;
    assert.throws(() => compact(other as never), { name: 'UserError', message });
  }
});
