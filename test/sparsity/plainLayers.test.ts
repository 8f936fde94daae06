// Layers of tf.layers count in every method like ours, or are refused by name; networks without anything to work on are
// refused too.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { freezeSparsifier } from 'sparsebook/sparsity/freeze.js';
import { istaLayers, istaSparsifier, rescaleGammas } from 'sparsebook/sparsity/ista.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { reprSparsifier } from 'sparsebook/sparsity/repr.js';
import type { Sparsifier } from 'sparsebook/sparsity/sparsifier.js';
import { assertClose } from '../goldens.ts';
import { randomWeights } from '../plainNetworks.ts';

await tf.setBackend('cpu');
const { layers: l } = tf;
const inputShape = [8, 8, 3];

const plain = (): tf.LayersModel =>
  tf.sequential({
    name: 'plain',
    layers: [
      l.conv2d({ name: 'a', filters: 4, kernelSize: 3, useBias: false, inputShape }),
      l.batchNormalization({ name: 'a_bn' }),
      l.reLU({ name: 'a_relu' }),
      l.conv2d({ name: 'b', filters: 4, kernelSize: 3 }),
      l.globalAveragePooling2d({ name: 'mean' }),
      l.dense({ name: 'o', units: 3 }),
    ],
  });
const separable = (): tf.LayersModel =>
  tf.sequential({
    name: 'separable',
    layers: [
      l.depthwiseConv2d({ name: 'deep', kernelSize: 3, depthMultiplier: 2, inputShape }),
      l.batchNormalization({ name: 'deep_bn' }),
      l.separableConv2d({ name: 'sep', filters: 4, kernelSize: 3 }),
      l.batchNormalization({ name: 'sep_bn' }),
      l.globalAveragePooling2d({ name: 'mean' }),
      l.dense({ name: 'o', units: 2 }),
    ],
  });
const inside = (): tf.LayersModel =>
  tf.sequential({ name: 'outside', layers: [plain(), l.dense({ name: 'more', units: 2 })] });
const weightless = (): tf.LayersModel =>
  tf.sequential({ name: 'weightless', layers: [l.flatten({ inputShape: [2, 2] }), l.reLU()] });

/** A convolution that is used twice, with a batch norm after it. */
const twice = (): tf.LayersModel => {
  const input = tf.input({ shape: inputShape });
  const shared = l.conv2d({ name: 'shared', filters: 3, kernelSize: 1 });
  const x = l.batchNormalization({ name: 'norm' }).apply(shared.apply(shared.apply(input)));
  const mean = l.globalAveragePooling2d({}).apply(x);
  return tf.model({ name: 'twice', inputs: input, outputs: l.dense({ units: 2 }).apply(mean) as tf.SymbolicTensor });
};

class Mixing extends tf.layers.Layer {
  static className = 'Mixing';
  override build(shape: tf.Shape | tf.Shape[]): void {
    const channels = (shape as tf.Shape).at(-1)!;
    this.addWeight('table', [channels, channels], 'float32', tf.initializers.identity({}));
    this.built = true;
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return [inputs].flat()[0].mul(1);
  }
  override computeOutputShape(shape: tf.Shape | tf.Shape[]): tf.Shape | tf.Shape[] {
    return shape;
  }
}
const unknown = (): tf.LayersModel =>
  tf.sequential({
    name: 'unknown',
    layers: [
      l.conv2d({ name: 'a', filters: 2, kernelSize: 3, inputShape }),
      new Mixing({ name: 'mix' }),
      l.batchNormalization({}),
    ],
  });

const methods: Record<string, (model: tf.LayersModel) => Sparsifier> = {
  weights: (model) => magnitudeSparsifier(model),
  channels: (model) => magnitudeSparsifier(model, { unit: 'channels' }),
  freezing: (model) => freezeSparsifier(model, { first: 1 }),
  RePr: (model) => reprSparsifier(model, { S1: 1, S2: 1, prune_ratio: 0.5 }),
  ISTA: (model) => istaSparsifier(model, { l1_penalty: 1 }),
  L0: (model) => l0Sparsifier(model, { lambda_l0: 1 }),
};

const refusals: [method: keyof typeof methods, network: () => tf.LayersModel, message: RegExp][] = [
  ['weights', weightless, /weightless must have kernels that can be trained for .*; it has none/],
  [
    'channels',
    weightless,
    /weightless must have convolutions that are trained, of two filters or more, for .*; it has none/,
  ],
  ['freezing', weightless, /weightless must have kernels .* for freezing/],
  ['RePr', weightless, /weightless must have convolutions .* for RePr/],
  ['ISTA', weightless, /The layer .* gives \[N, 2, 2\], neither images nor vectors/],
  ['L0', plain, /plain has no L0 gates/],
  ['weights', unknown, /The layer mix \(Mixing\) has the weight mix\/table/],
  ['freezing', unknown, /The layer mix \(Mixing\)/],
  ['channels', unknown, /The layer mix \(Mixing\)/],
  ['RePr', unknown, /The layer mix \(Mixing\)/],
  ['ISTA', unknown, /The layer mix \(Mixing\)/],
  ...['channels', 'RePr', 'ISTA'].map((method): [string, () => tf.LayersModel, RegExp] => [
    method,
    twice,
    /The layer shared \(Conv2D\) must be used once; it is used 2 times/,
  ]),
];
for (const [method, network, message] of refusals) {
  test(`${method} of ${network().name} is refused in a sentence`, () => {
    assert.throws(() => methods[method](network()), { name: 'UserError', message });
  });
}

const zeros = (weight: { read(): tf.Tensor }): number =>
  weight
    .read()
    .dataSync()
    .filter((value) => value === 0).length;

test('magnitude pruning counts every kernel: depthwise and pointwise ones, and those of nested networks', () => {
  for (const [network, weights] of [
    [separable, 3 * 3 * 3 * 2 + 3 * 3 * 6 + 6 * 4 + 4 * 2],
    [plain, 3 * 3 * 3 * 4 + 3 * 3 * 4 * 4 + 4 * 3],
    [inside, 3 * 3 * 3 * 4 + 3 * 3 * 4 * 4 + 4 * 3 + 3 * 2],
  ] as const) {
    const model = network();
    const sparsifier = magnitudeSparsifier(model);
    sparsifier.prune(0.5);
    assert.deepEqual(sparsifier.summary!(), { weights, zeros: weights / 2, weightSparsity: 0.5 });
    const kernels = model.trainableWeights.filter(({ originalName }) => originalName.endsWith('kernel'));
    assert.equal(
      kernels.reduce((sum, kernel) => sum + zeros(kernel), 0),
      weights / 2,
    );
  }
});

test('weights of a layer that is used twice are pruned and frozen once', () => {
  const model = twice();
  const pruning = magnitudeSparsifier(model);
  pruning.prune(0.6);
  assert.deepEqual(pruning.summary!(), { weights: 15, zeros: 9, weightSparsity: 0.6 });
  const freezing = freezeSparsifier(model, { first: 1 });
  assert.deepEqual(freezing.frozen, ['shared/kernel', 'norm/gamma', 'norm/beta']);
  freezing.dispose!();
});

test('channels of plain convolutions are closed with their batch norm, like those of our convolutions', () => {
  for (const network of [plain, inside]) {
    const model = randomWeights(network());
    const sparsifier = magnitudeSparsifier(model, { unit: 'channels' });
    sparsifier.prune(0.5);
    const { channels, closed } = sparsifier.summary!();
    assert.deepEqual([channels, closed], [8, 4]);
    const mask = sparsifier.channelMasks().get('a')!;
    const norm = model.weights.filter(({ originalName }) => /a_bn\/(gamma|beta|moving_mean)/.test(originalName));
    assert.equal(norm.length, 3);
    for (const weight of norm) {
      weight
        .read()
        .dataSync()
        .forEach((value, c) => assert.ok(mask[c] === 1 || value === 0, weight.originalName));
    }
  }
});

/**
 * A depthwise, a separable and a transposed convolution, the first two with a batch norm, and a layer that reads the
 * last.
 */
const kinds = (): tf.LayersModel =>
  tf.sequential({
    name: 'kinds',
    layers: [
      l.depthwiseConv2d({ name: 'deep', kernelSize: 3, depthMultiplier: 2, inputShape }),
      l.batchNormalization({ name: 'deep_bn', axis: 3 }),
      l.separableConv2d({ name: 'sep', filters: 4, kernelSize: 3, depthMultiplier: 2 }),
      l.batchNormalization({ name: 'sep_bn' }),
      l.conv2dTranspose({ name: 'up', filters: 3, kernelSize: 2, strides: 2 }),
      l.separableConv2d({ name: 'last', filters: 2, kernelSize: 1 }),
      l.globalAveragePooling2d({ name: 'mean' }),
    ],
  });
/** The filter to which an entry of a kernel's flat values belongs. */
const filterOf: Record<string, (entry: number) => number> = {
  'deep/depthwise_kernel': (entry) => entry % 6,
  'sep/pointwise_kernel': (entry) => entry % 4,
  'up/kernel': (entry) => Math.floor(entry / 4) % 3,
  'last/pointwise_kernel': (entry) => entry % 2,
};
const kernelsOf = (model: tf.LayersModel): [string, Float32Array, (entry: number) => number][] =>
  model.weights.flatMap((weight) => {
    const name = weight.originalName;
    return name in filterOf ? [[name, weight.read().dataSync<'float32'>().slice(), filterOf[name]] as const] : [];
  });

test('channels of depthwise, separable and transposed kernels are closed filter by filter, the smallest first', () => {
  const model = randomWeights(kinds());
  const before = kernelsOf(model);
  const sparsifier = magnitudeSparsifier(model, { unit: 'channels', scope: 'perLayer' });
  sparsifier.prune(0.5);
  const masks = sparsifier.channelMasks();
  assert.deepEqual([...masks.keys()], ['deep', 'sep', 'up', 'last']);
  kernelsOf(model).forEach(([name, values, filter], k) => {
    const mask = masks.get(name.split('/')[0])!;
    const sizes = Array.from(mask, () => 0);
    before[k][1].forEach((value, entry) => (sizes[filter(entry)] += Math.abs(value)));
    const order = [...sizes].sort((a, b) => a - b);
    const closed = mask.filter((value) => value === 0).length;
    assert.deepEqual(
      [...mask],
      sizes.map((size) => (order.indexOf(size) < closed ? 0 : 1)),
      name,
    );
    values.forEach((value, entry) => assert.equal(value, mask[filter(entry)] * before[k][1][entry], name));
  });
});

test('RePr leaves depthwise kernels alone, and reinitialises filters of other kernels', () => {
  const model = randomWeights(kinds());
  const whole = kernelsOf(model);
  const sparsifier = reprSparsifier(model, { S1: 1, S2: 1, prune_ratio: 0.4, ranking: 'perLayer' });
  sparsifier.beforeEpoch!(1);
  const masks = sparsifier.channelMasks();
  assert.deepEqual([...masks.keys()], ['sep', 'up', 'last']);
  assert.ok([...masks].every(([name, mask]) => name === 'last' || mask.includes(0)));
  sparsifier.beforeEpoch!(2);
  const readsOff: Record<string, (entry: number) => boolean> = {
    'up/kernel': (entry) => masks.get('sep')![entry % 4] === 0,
    'last/pointwise_kernel': (entry) => masks.get('up')![Math.floor(entry / 2) % 3] === 0,
  };
  kernelsOf(model).forEach(([name, values, filter], k) => {
    const mask = masks.get(name.split('/')[0]);
    values.forEach((value, entry) => {
      if (readsOff[name]?.(entry)) assert.equal(value, 0, `${name} reads what was off`);
      else if (!mask || mask[filter(entry)] === 1) assert.equal(value, whole[k][1][entry], name);
      else assert.ok(value !== 0 && value !== whole[k][1][entry], `${name} is new`);
    });
  });
});

test('RePr switches filters of plain convolutions off and on again', () => {
  const model = plain();
  const sparsifier = reprSparsifier(model, { S1: 1, S2: 1, prune_ratio: 0.5 });
  sparsifier.beforeEpoch!(1);
  assert.equal(sparsifier.summary!().closed, 4);
  sparsifier.beforeEpoch!(2);
  assert.equal(sparsifier.summary!().closed, 0);
  assert.equal(zeros(model.getLayer('a').weights[0]), 0);
});

test('ISTA prunes by the gammas of tf.layers at the costs of ours, and rescaling changes nothing', () => {
  const ours = tf.sequential({
    layers: [
      new Conv2d({ name: 'a', filters: 4, kernelSize: 3, useBias: false, inputShape }),
      new BatchNorm({ name: 'a_bn' }),
      new Conv2d({ name: 'b', filters: 4, kernelSize: 3 }),
      l.globalAveragePooling2d({ name: 'mean' }),
    ],
  });
  const model = plain();
  const [theirs, mine] = [model, ours].map((each) => istaSparsifier(each, { l1_penalty: 0.1 }));
  assert.equal(theirs.summary!().groupLasso, mine.summary!().groupLasso);
  const x = tf.randomNormal([2, ...inputShape], 0, 1, 'float32', 3);
  const before = (model.predict(x) as tf.Tensor).dataSync();
  rescaleGammas(model, 0.25);
  assert.equal(model.getLayer('a_bn').getWeights()[0].dataSync()[0], 0.25);
  assertClose((model.predict(x) as tf.Tensor).dataSync(), before, { absolute: 1e-5 }, 'rescaled');
  theirs.afterStep!(1e6, 1);
  assert.equal(theirs.summary!().closed, 4);
});

/** Batch norm after a convolution, then the given layers, then a layer that reads them. */
const between = (...layers: tf.layers.Layer[]): tf.LayersModel =>
  tf.sequential({
    layers: [
      l.conv2d({ filters: 4, kernelSize: 3, inputShape }),
      l.batchNormalization({ name: 'norm', axis: 3 }),
      ...layers,
      l.conv2d({ filters: 2, kernelSize: 1 }),
    ],
  });
const rescaled: [what: string, layers: () => tf.layers.Layer[]][] = [
  ['ReLU and pooling', () => [l.reLU(), l.maxPooling2d({ poolSize: 2 }), l.upSampling2d({ size: [2, 2] })]],
  ['slopes', () => [l.prelu({ sharedAxes: [1, 2] }), l.leakyReLU()]],
  [
    'a depthwise convolution, then layers that are not homogeneous',
    () => [
      l.reLU(),
      l.depthwiseConv2d({ kernelSize: 3 }),
      l.batchNormalization({ scale: false }),
      l.activation({ activation: 'swish' }),
    ],
  ],
  ['a separable convolution', () => [l.separableConv2d({ filters: 3, kernelSize: 3, depthMultiplier: 2 })]],
  [
    'a transposed convolution',
    () => [l.conv2dTranspose({ filters: 3, kernelSize: 2, strides: 2 }), l.activation({ activation: 'tanh' })],
  ],
];
for (const [what, layers] of rescaled) {
  test(`rescaled gammas change nothing through ${what}`, () => {
    const model = randomWeights(between(...layers()));
    const x = tf.randomNormal([2, ...inputShape], 0, 1, 'float32', 3);
    const before = (model.predict(x) as tf.Tensor).dataSync();
    const gamma = model.getLayer('norm').getWeights()[0].dataSync().slice();
    rescaleGammas(model, 0.25);
    assert.deepEqual(
      model.getLayer('norm').getWeights()[0].dataSync(),
      gamma.map((value) => value / 4),
    );
    assertClose((model.predict(x) as tf.Tensor).dataSync(), before, { absolute: 1e-5 }, what);
  });
}
for (const layer of [
  l.reLU({ maxValue: 6 }),
  l.activation({ activation: 'swish' }),
  l.batchNormalization({ scale: false }),
]) {
  test(`gammas before ${layer.getClassName()} ${layer.name} are not rescaled`, () => {
    const model = randomWeights(between(layer));
    const before = model.getWeights().map((weight) => weight.dataSync());
    const message = new RegExp(`The gammas of norm cannot be rescaled: ${layer.name} \\(${layer.getClassName()}\\)`);
    assert.throws(() => rescaleGammas(model, 0.5), { name: 'UserError', message });
    model.getWeights().forEach((weight, i) => assert.deepEqual(weight.dataSync(), before[i]));
  });
}

test('vectors have gammas too: the cost of a channel is its own value and its weights', () => {
  const model = tf.sequential({
    layers: [
      l.dense({ name: 'a', units: 4, inputShape: [7] }),
      l.batchNormalization(),
      l.reLU(),
      l.dense({ units: 3 }),
    ],
  });
  assert.deepEqual(
    istaLayers(model).map(({ name, cost }) => [name, cost]),
    [['a', 1 + 7 + 3]],
  );
});

test('freezing stops a plain batch norm in training, statistics included, until it is undone', () => {
  const model = plain();
  const norm = model.getLayer('a_bn');
  const sparsifier = freezeSparsifier(model, { first: 1 });
  assert.deepEqual(sparsifier.frozen, ['a/kernel', 'a_bn/gamma', 'a_bn/beta']);
  const x = tf.randomNormal([4, ...inputShape], 1, 2, 'float32', 5);
  const values = (): number[] => norm.getWeights().flatMap((weight) => [...weight.dataSync()]);
  const before = values();
  const trained = model.apply(x, { training: true }) as tf.Tensor;
  assert.deepEqual(values(), before);
  assertClose(trained.dataSync(), (model.predict(x) as tf.Tensor).dataSync(), { absolute: 1e-6 }, 'running statistics');
  sparsifier.dispose!();
  model.apply(x, { training: true });
  assert.notDeepEqual(values(), before);
});

test('ISTA does not close a channel that another layer reads too', () => {
  const input = tf.input({ shape: [8, 8, 3] });
  const a = new Conv2d({ name: 'a', filters: 2, kernelSize: 3 }).apply(input) as tf.SymbolicTensor;
  const parts = [new BatchNorm({ name: 'one' }), new BatchNorm({ name: 'two' })].map(
    (norm) => norm.apply(a) as tf.SymbolicTensor,
  );
  const both = l.concatenate().apply(parts) as tf.SymbolicTensor;
  const end = l.dense({ units: 2 }).apply(l.globalAveragePooling2d({}).apply(both)) as tf.SymbolicTensor;
  assert.throws(() => methods.ISTA(tf.model({ inputs: input, outputs: end })), {
    name: 'UserError',
    message: /which nothing else reads/,
  });
});
