import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { channelGraph } from 'sparsebook/graph/channelGraph.js';
import { channelGroups, explain } from 'sparsebook/graph/channelGroups.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { UserError } from 'sparsebook/errors.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { BiasMap } from 'sparsebook/layers/biasMap.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { maxAbs } from '../goldens.ts';
import { reload } from '../reload.ts';
import { randomWeights } from '../plainNetworks.ts';
import { applyMasks } from './bruteForce.ts';

await tf.setBackend('cpu');
const closed = (n: number, ...channels: number[]): Float32Array =>
  Float32Array.from({ length: n }, (_, c) => (channels.includes(c) ? 0 : 1));
const none = (n: number): Float32Array => new Float32Array(n);
const widths = (model: tf.LayersModel): Record<string, number> =>
  Object.fromEntries(
    channelGraph(model)
      .nodes.filter(({ role }) => role === 'kernel')
      .map(({ name, channels }) => [name, channels]),
  );
const names = (model: tf.LayersModel): string[] => model.layers.map(({ name }) => name);

function assertSame(before: tf.LayersModel, masks: ReadonlyMap<string, Float32Array>, after: tf.LayersModel): void {
  applyMasks(before, masks);
  const images = tf.randomNormal([2, ...(before.inputs[0].shape.slice(1) as number[])]);
  const [wanted, got] = [before, after].map((model) => (model.predict(images) as tf.Tensor).dataSync());
  assert.ok(maxAbs(wanted.map((value, i) => value - got[i])) <= 1e-5 * maxAbs(wanted));
}

/** conv a and conv b (4 channels, BN with beta 1, ReLU) are added; conv c reads the sum; global average; dense. */
function residual(): tf.LayersModel {
  const input = tf.input({ shape: [6, 6, 3] });
  const unit = (name: string): tf.SymbolicTensor => {
    const conv = new Conv2d({ name, filters: 4, kernelSize: 3, padding: 1, useBias: false, seed: name.charCodeAt(0) });
    const bn = new BatchNorm({ name: `${name}_bn`, activation: 'relu' });
    const y = bn.apply(conv.apply(input)) as tf.SymbolicTensor;
    bn.beta?.assign(tf.ones([4]));
    return y;
  };
  const sum = tf.layers.add({ name: 'sum' }).apply([unit('a'), unit('b')]);
  const c = new Conv2d({ name: 'c', filters: 5, kernelSize: 3, padding: 1, seed: 9 }).apply(sum);
  const pooled = tf.layers.globalAveragePooling2d({ name: 'mean' }).apply(c);
  const output = tf.layers.dense({ name: 'dense', units: 3 }).apply(pooled) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: output, name: 'residual' });
}

test('a sum ties the channels of its summands together, and explain names it', () => {
  const groups = channelGroups(channelGraph(residual()));
  const [image, both, c, dense] = groups;
  assert.deepEqual([image.layers.length, image.locked?.includes('is the input of the network')], [1, true]);
  assert.deepEqual(both, {
    layers: ['a', 'b'],
    channels: 4,
    readers: ['c'],
    because: ['sum adds a_bn and b_bn'],
  });
  assert.deepEqual([c.layers, c.readers, c.because], [['c'], ['dense'], []]);
  assert.equal(dense.locked, 'dense is an output of the network');
  assert.match(explain(residual()), /4 channels of a, b; read by c\n {2}together because sum adds a_bn and b_bn\n/);
});

test('the channel groups of the networks follow from walking them', () => {
  const of = (model: tf.LayersModel, layer: string): string[] =>
    channelGroups(channelGraph(model)).find(({ layers }) => layers.includes(layer))!.layers;
  assert.deepEqual(of(resnet20({ widthMultiplier: 0.25 }), 'stem_conv').sort(), [
    'stage1_block1_second_conv',
    'stage1_block2_second_conv',
    'stage1_block3_second_conv',
    'stem_conv',
  ]);
  assert.deepEqual(of(resnet18({ widthMultiplier: 0.1 }), 'stage2_block1_projection_conv').sort(), [
    'stage2_block1_projection_conv',
    'stage2_block1_second_conv',
    'stage2_block2_second_conv',
  ]);
  const google = channelGroups(channelGraph(googleNet({ widthMultiplier: 0.25 })));
  assert.ok(google.every(({ layers }) => layers.length === 1));
});

test('a channel that one summand keeps stays in both', () => {
  const masks = new Map([
    ['a', closed(4, 0, 1)],
    ['b', closed(4, 1, 2)],
  ]);
  const model = residual();
  const { model: small } = compact(model, masks);
  assert.deepEqual(widths(small), { a: 3, b: 3, c: 5, dense: 3 });
  assertSame(model, masks, small);
});

test('a summand that loses every channel is removed, and its constants stay', () => {
  const masks = new Map([
    ['a', none(4)],
    ['b', closed(4, 3)],
  ]);
  const model = residual();
  const { model: small } = compact(model, masks);
  assert.deepEqual(widths(small), { b: 3, c: 5, dense: 3 });
  assert.ok(!names(small).includes('sum'));
  assertSame(model, masks, small);
});

test('a branch of a concatenation that loses every channel is removed with the layers that only it read', () => {
  const model = googleNet({ widthMultiplier: 0.25 });
  const masks = new Map([['block1_3x3_conv', none(8)]]);
  const { model: small } = compact(model, masks);
  assert.deepEqual(
    names(model).filter((name) => !names(small).includes(name)),
    ['block1_3x3_reduce_conv', 'block1_3x3_reduce_bn', 'block1_3x3_conv', 'block1_3x3_bn'],
  );
  assertSame(model, masks, small);
});

test('a network that loses every channel keeps one in each layer', () => {
  const model = residual();
  const masks = new Map(['a', 'b', 'c'].map((name) => [name, none(name === 'c' ? 5 : 4)]));
  const compaction = compact(model, masks);
  assert.deepEqual(widths(compaction.model), { a: 1, c: 1, dense: 3 });
  assert.match(compaction.explain(), /^c: 1 of 5 channels stay \(1 so that one is left\)$/m);
  assert.match(compaction.explain(), /^b: 0 of 4 channels stay, and the layer is gone$/m);
  assertSame(model, masks, compaction.model);
});

test('widths are rounded up with the largest closed filters, and the outputs stay the same', () => {
  const model = residual();
  const kernel = model.getLayer('c').getWeights()[0];
  model.getLayer('c').setWeights([kernel.mul(tf.tensor1d([2, 1, 1, 1, 5])), tf.zeros([5])]);
  const masks = new Map([['c', closed(5, 0, 1, 4)]]);
  const compaction = compact(model, masks, { roundTo: 4 });
  assert.deepEqual(widths(compaction.model), { a: 4, b: 4, c: 4, dense: 3 });
  assert.match(compaction.explain(), /^c: 4 of 5 channels stay \(2 used, 2 to round the width up\)$/m);
  const rows = (network: tf.LayersModel): number[][] =>
    network.getLayer('dense').getWeights()[0].arraySync() as number[][];
  assert.deepEqual(
    rows(compaction.model).map((row) => rows(model).findIndex((other) => other.join() === row.join())),
    [0, 2, 3, 4],
  );
  assertSame(model, masks, compaction.model);
  assert.equal(widths(compact(residual(), masks, { roundTo: 100 }).model).c, 5);
});

test('a filter whose gate is closed comes back unchanged when a width is rounded up', () => {
  const input = tf.input({ shape: [4, 4, 2] });
  const gate = new L0Gate({ name: 'gate' });
  const x = gate.apply(
    new BatchNorm({ name: 'bn' }).apply(new Conv2d({ name: 'a', filters: 3, kernelSize: 1 }).apply(input)),
  );
  const flat = tf.layers.flatten({ name: 'flat' }).apply(x);
  const output = tf.layers.dense({ name: 'dense', units: 2 }).apply(flat) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: output });
  gate.logAlpha.assign(tf.tensor1d([5, 0.5, -5]));
  const masks = new Map([['a', Float32Array.of(1, 0.6, 0)]]);
  const small = compact(model, masks, { roundTo: 3 }).model;
  assert.deepEqual(
    [...small.getLayer('a').getWeights()[0].dataSync()],
    [...model.getLayer('a').getWeights()[0].dataSync()],
  );
  const gamma = small.getLayer('bn').getWeights()[0].dataSync();
  assert.deepEqual([gamma[0], gamma[2]], [1, 0]);
  assert.ok(Math.abs(gamma[1] - 0.6469) < 1e-3);
  assert.ok(!names(small).includes('gate'));
});

test('a network with several inputs and outputs, one of them inside, keeps inputs and outputs whole', () => {
  const [first, second] = [tf.input({ shape: [4, 4, 2] }), tf.input({ shape: [4, 4, 3] })];
  const conv = (name: string): Conv2d =>
    new Conv2d({ name, filters: 3, kernelSize: 3, padding: 1, initializer: 'uniform' });
  const relu = tf.layers.reLU({ name: 'relu' }).apply(conv('a').apply(first)) as tf.SymbolicTensor;
  const both = tf.layers.concatenate({ name: 'both' }).apply([relu, conv('b').apply(second) as tf.SymbolicTensor]);
  const last = conv('c').apply(both) as tf.SymbolicTensor;
  const model = tf.model({ inputs: [first, second], outputs: [last, relu] });
  const masks = new Map(['a', 'b', 'c'].map((name) => [name, closed(3, 1)]));
  const { model: small } = compact(model, masks);
  assert.deepEqual(widths(small), { a: 3, b: 2, c: 3 });
  applyMasks(model, masks);
  const images = [tf.randomNormal([2, 4, 4, 2]), tf.randomNormal([2, 4, 4, 3])];
  const [wanted, got] = [model, small].map((m) => (m.predict(images) as tf.Tensor[]).map((y) => [...y.dataSync()]));
  wanted.forEach((values, i) => {
    assert.ok(maxAbs(values.map((value, j) => value - got[i][j])) <= 1e-5 * maxAbs(values));
  });
});

test('a batch norm whose output is not used is not folded into a convolution that another layer reads', () => {
  const input = tf.input({ shape: [5, 5, 3] });
  const way = new Conv2d({ name: 'way', filters: 4, kernelSize: 3, padding: 1 }).apply(input) as tf.SymbolicTensor;
  const norm = new BatchNorm({ name: 'norm', activation: 'relu' }).apply(way);
  const branch = new Conv2d({ name: 'branch', filters: 4, kernelSize: 3, padding: 1 }).apply(norm) as tf.SymbolicTensor;
  const outputs = tf.layers.flatten().apply(tf.layers.add().apply([way, branch])) as tf.SymbolicTensor;
  const model = randomWeights(tf.model({ inputs: input, outputs }));
  const masks = new Map([['branch', none(4)]]);
  const { model: small } = compact(model, masks, { foldBatchNorm: true });
  assert.ok(!names(small).includes('norm'));
  assertSame(model, masks, small);
});

test('channels listed in keep stay', () => {
  const model = residual();
  const masks = new Map([['c', none(5)]]);
  const { model: some } = compact(model, masks, { keep: { c: [1, 3] } });
  assert.equal(widths(some).c, 2);
  const { model: all } = compact(model, masks, { keep: { c: 'all', a: [0] } });
  assert.equal(widths(all).c, 5);
  assertSame(model, masks, all);
});

test('constants become a bias map after a padded convolution, and a bias after one without padding', () => {
  const masks = new Map(['a', 'b'].map((name) => [name, closed(4, 1)]));
  const { model: small } = compact(residual(), masks);
  const map = small.getLayer('c_bias_map') as BiasMap;
  assert.deepEqual(
    [map.rows, map.columns],
    [
      [0, 1, 1, 1, 1, 2],
      [0, 1, 1, 1, 1, 2],
    ],
  );
  assert.equal(map.countParams(), 3 * 3 * 5);
  assert.ok(!names(compact(residual(), masks, { absorb: 'interior' }).model).includes('c_bias_map'));
});

test('a small network can be saved, loaded and made smaller again', async () => {
  const model = residual();
  const masks = new Map(['a', 'b'].map((name) => [name, closed(4, 1)]));
  const { model: small } = compact(model, masks);
  const loaded = await reload(small);
  assertSame(loaded, new Map(), small);
  const again = new Map([['c', closed(5, 0)]]);
  const { model: smaller } = compact(small, again);
  assert.deepEqual(widths(smaller), { a: 3, b: 3, c: 4, dense: 3 });
  assertSame(small, again, smaller);
});

test('the original network stays unchanged, and no tensor is left behind', () => {
  const model = residual();
  const values = (): number[][] => model.getWeights().map((w) => [...w.dataSync()]);
  const before = values();
  const tensors = tf.memory().numTensors;
  const { model: small } = compact(model, new Map([['a', closed(4, 1)]]));
  assert.deepEqual(values(), before);
  assert.equal(tf.memory().numTensors - tensors, small.weights.length);
  small.dispose();
  assert.equal(tf.memory().numTensors, tensors);
});

test('impossible requests are refused in a sentence', () => {
  const refused = (act: () => unknown, message: RegExp): void =>
    assert.throws(act, (e) => e instanceof UserError && message.test(e.message));
  const model = residual();
  refused(() => compact(model, new Map([['bn', none(4)]])), /must have the name of .*; received bn/);
  refused(
    () => compact(model, new Map([['a', none(3)]])),
    /The mask of a must have 4 values, one a channel; received 3/,
  );
  const unknown = new Map([['a', Float32Array.of(1, NaN, 1, 1)]]);
  refused(() => compact(model, unknown), /The mask of a must have values from 0 to 1; received NaN/);
  refused(() => compact(model, new Map(), { roundTo: 0 }), /roundTo must be a whole number of at least 1; received 0/);
  refused(() => compact(model, new Map(), { keep: { z: 'all' } }), /keep must name layers of .*; received z/);
  refused(
    () => compact(model, new Map(), { keep: { a: [4] } }),
    /keep must list channels of a, 0 to 3, .*; received 4/,
  );
  refused(() => compact(model, new Map(), { keep: { a: 'every' as 'all' } }), /or be 'all'; received every/);
  refused(
    () => compact(model, new Map(), { absorb: 'exact' as 'interior' }),
    /absorb, .* true or false; received 'exact'/,
  );
  refused(() => compact(model, { a: none(4) } as never), /Masks must be a Map by layers' names, .*; received object/);
  const recurrent = tf.sequential({ layers: [tf.layers.lstm({ name: 'memory', units: 2, inputShape: [3, 1] })] });
  refused(() => compact(recurrent), /The layer memory \(LSTM\) is not one whose channels can be followed; known are/);
  const input = tf.input({ shape: [4] });
  const shared = tf.layers.dense({ name: 'twice', units: 4 });
  const twice = tf.model({ inputs: input, outputs: shared.apply(shared.apply(input)) as tf.SymbolicTensor });
  const anySize = tf.sequential({
    layers: [tf.layers.conv2d({ name: 'any', filters: 1, kernelSize: 1, inputShape: [null, null, 1] })],
  });
  refused(() => compact(anySize), /any \(Conv2D\) gives \[N, \?, \?, 1\], neither images nor vectors of a known size/);
  refused(() => compact(twice), /twice \(Dense\) must be used once; it is used 2 times/);
});
