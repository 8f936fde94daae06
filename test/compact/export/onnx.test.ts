// onnxruntime computes what networks compute: every layer and activation, and whole networks, as they are and made
// smaller.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { encodeOnnx, saveOnnx } from 'sparsebook/compact/export/onnx.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { MaxPool2d } from 'sparsebook/layers/maxPool2d.js';
import { plainNetworks, randomWeights } from '../../plainNetworks.ts';
import { networkPlan, randomNetwork } from '../randomNetwork.ts';
import { outputsOfOnnx } from './onnxRuntime.ts';
import { assertSame, outputsOf, someInputs } from './outputs.ts';

await tf.setBackend('cpu');
const { layers: l } = tf;
type Symbolic = tf.SymbolicTensor;

async function assertOnnx(model: tf.LayersModel, what: string, inputs = someInputs(model)): Promise<void> {
  const wanted = outputsOf(model, inputs);
  for (const { values } of wanted)
    assert.ok(
      values.some((value) => value !== 0),
      `${what}: nothing but 0 to compare`,
    );
  assertSame(await outputsOfOnnx(encodeOnnx(model), inputs), wanted, what);
  tf.dispose(inputs);
  model.dispose();
}

for (const [name, network] of Object.entries(plainNetworks)) {
  test(`${name} of plain layers is the same in onnxruntime`, () => assertOnnx(randomWeights(network()), name));
}

test('every activation is the same in onnxruntime, after a dense layer, after a convolution and alone', async () => {
  const names = [
    ...['linear', 'relu', 'relu6', 'elu', 'selu', 'sigmoid', 'hardSigmoid', 'softplus', 'softsign', 'tanh', 'swish'],
    ...['mish', 'gelu', 'gelu_new', 'softmax', 'logSoftmax'],
  ] as 'relu'[];
  const input = tf.input({ shape: [3, 4, 2] });
  const wide = l.conv2d({ filters: 3, kernelSize: 1 }).apply(input) as Symbolic;
  const outputs = names.flatMap((activation) => {
    const image = l.conv2d({ filters: 3, kernelSize: 2, activation }).apply(wide) as Symbolic;
    const vector = l.dense({ units: 4, activation }).apply(l.flatten().apply(wide)) as Symbolic;
    return [image, vector, l.activation({ activation }).apply(wide) as Symbolic];
  });
  const model = randomWeights(tf.model({ inputs: input, outputs }));
  // Values large enough to reach the nonlinear part of each activation.
  await assertOnnx(model, 'activations', [tf.randomNormal([2, 3, 4, 2], 0, 6, 'float32', 3)]);
});

const same = 'same' as const;
const border: [[number, number], [number, number]] = [
  [0, 2],
  [1, 1],
];
const image = [7, 6, 4];
/** Layers by what they do, each applied to an image of 7 x 6 with four channels. */
const single: Record<string, () => tf.layers.Layer> = {
  'conv2d same, stride 2': () => l.conv2d({ filters: 3, kernelSize: [3, 2], strides: 2, padding: same }),
  'conv2d dilated': () => l.conv2d({ filters: 3, kernelSize: 3, dilationRate: 2, padding: same }),
  'Conv2d with a border': () =>
    new Conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: border, activation: 'relu' }),
  depthwiseConv2d: () => l.depthwiseConv2d({ kernelSize: 3, padding: same, strides: 2, activation: 'swish' }),
  'depthwiseConv2d with a dilation that tf.layers leave out': () =>
    l.depthwiseConv2d({ kernelSize: 3, padding: same, dilationRate: 2 }),
  'depthwiseConv2d x 3': () => l.depthwiseConv2d({ kernelSize: [2, 3], depthMultiplier: 3 }),
  separableConv2d: () =>
    l.separableConv2d({ filters: 5, kernelSize: 3, padding: same, depthMultiplier: 2, activation: 'gelu' }),
  'separableConv2d dilated': () => l.separableConv2d({ filters: 5, kernelSize: 2, dilationRate: 2, useBias: false }),
  'conv2dTranspose same': () => l.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: same }),
  'conv2dTranspose even': () => l.conv2dTranspose({ filters: 3, kernelSize: 4, strides: [2, 1], padding: same }),
  'conv2dTranspose valid': () => l.conv2dTranspose({ filters: 3, kernelSize: [3, 5], strides: 2, activation: 'elu' }),
  'conv2dTranspose larger than its steps, valid': () => l.conv2dTranspose({ filters: 2, kernelSize: 4, strides: 3 }),
  'conv2dTranspose with gaps': () => l.conv2dTranspose({ filters: 3, kernelSize: 1, strides: 2, padding: same }),
  'conv2dTranspose with gaps, valid': () => l.conv2dTranspose({ filters: 3, kernelSize: 2, strides: 3 }),
  batchNormalization: () => l.batchNormalization({ epsilon: 0.01 }),
  'batchNormalization axis 3': () => l.batchNormalization({ axis: 3, scale: false }),
  'batchNormalization axis [3]': () => l.batchNormalization({ axis: [3] as unknown as number, center: false }),
  BatchNorm: () => new BatchNorm({ activation: 'relu' }),
  reLU: () => l.reLU({}),
  'reLU with a largest value': () => l.reLU({ maxValue: 0.7 }),
  leakyReLU: () => l.leakyReLU({ alpha: 0.15 }),
  'leakyReLU as it comes': () => l.leakyReLU({}),
  thresholdedReLU: () => l.thresholdedReLU({ theta: 0.4 }),
  elu: () => l.elu(),
  prelu: () => l.prelu({}),
  'prelu a channel': () => l.prelu({ sharedAxes: [1, 2] }),
  'prelu a row': () => l.prelu({ sharedAxes: [2, 3] }),
  softmax: () => l.softmax({ axis: -1 }),
  upSampling2d: () => l.upSampling2d({ size: [2, 3] }),
  'upSampling2d bilinear': () => l.upSampling2d({ size: [3, 2], interpolation: 'bilinear' }),
  reshape: () => l.reshape({ targetShape: [3, 14, 4] }),
  'reshape with an open side': () => l.reshape({ targetShape: [-1, 2] }),
  'averagePooling2d same': () => l.averagePooling2d({ poolSize: 3, strides: 2, padding: same }),
  averagePooling2d: () => l.averagePooling2d({ poolSize: [2, 3] }),
  'maxPooling2d same': () => l.maxPooling2d({ poolSize: [3, 2], strides: 2, padding: same }),
  MaxPool2d: () => new MaxPool2d({ poolSize: 3, strides: 2, padding: 1 }),
  globalAveragePooling2d: () => l.globalAveragePooling2d({}),
  globalMaxPooling2d: () => l.globalMaxPooling2d({}),
  zeroPadding2d: () => l.zeroPadding2d({ padding: border }),
  'dense over an image': () => l.dense({ units: 3, activation: 'tanh' }),
  rescaling: () => l.rescaling({ scale: 2, offset: -1 }),
  'rescaling of each channel': () =>
    l.rescaling({ scale: [1, 2, 3, 4] as unknown as number, offset: [0, 1, 0, -1] as unknown as number }),
  dropout: () => l.dropout({ rate: 0.4 }),
  gaussianNoise: () => l.gaussianNoise({ stddev: 1 }),
};

test('every layer with one input is the same in onnxruntime, with and without a layer before it', async () => {
  for (const [what, layer] of Object.entries(single)) {
    const input = tf.input({ shape: image });
    const first = l.conv2d({ filters: 4, kernelSize: 1 }).apply(input) as Symbolic;
    const outputs = [layer().apply(input), layer().apply(first)] as Symbolic[];
    await assertOnnx(randomWeights(tf.model({ inputs: input, outputs })), what);
  }
});

test('every layer with several inputs is the same in onnxruntime, for images, vectors and both', async () => {
  const joins: Record<string, () => tf.layers.Layer> = {
    add: () => l.add(),
    multiply: () => l.multiply(),
    average: () => l.average(),
    maximum: () => l.maximum(),
    minimum: () => l.minimum(),
  };
  const shapes = { image: [3, 4, 5], row: [4, 5], vector: [5], factor: [3, 4, 1], pixel: [1, 1, 5] };
  const of = (...kinds: (keyof typeof shapes)[]): Symbolic[] => kinds.map((kind) => tf.input({ shape: shapes[kind] }));
  const cases = (): Symbolic[][] => [
    of('image', 'image', 'image'),
    of('vector', 'vector'),
    of('image', 'pixel'),
    of('factor', 'image'),
    of('image', 'vector'),
    of('image', 'row'),
    of('row', 'vector', 'row'),
  ];
  for (const [what, join] of Object.entries(joins)) {
    const inputs = cases();
    const outputs = inputs.map((parts) => join().apply(parts) as Symbolic);
    await assertOnnx(tf.model({ inputs: inputs.flat(), outputs }), what);
  }
  const inputs = [of('image', 'factor'), of('vector', 'vector'), of('row', 'row'), of('image', 'image')];
  const axes = [-1, 1, 2, 1];
  const outputs = inputs.map((parts, i) => l.concatenate({ axis: axes[i] }).apply(parts) as Symbolic);
  await assertOnnx(tf.model({ inputs: inputs.flat(), outputs }), 'concatenate');
});

test('a layer used twice, an input that is an output, and images of any size are the same in onnxruntime', async () => {
  const [a, b] = [tf.input({ shape: [null, null, 2] }), tf.input({ shape: [3] })];
  const conv = l.conv2d({ filters: 2, kernelSize: 3, padding: same, activation: 'mish' });
  const twice = conv.apply(conv.apply(a)) as Symbolic;
  const outputs = [twice, l.globalMaxPooling2d({}).apply(l.upSampling2d({}).apply(twice)) as Symbolic, b];
  const inputs = [tf.randomNormal([2, 5, 4, 2]), tf.randomNormal([2, 3])];
  await assertOnnx(randomWeights(tf.model({ inputs: [a, b], outputs })), 'twice', inputs);
});

test('images of bytes are integers in onnxruntime too, made smaller or not', async () => {
  const input = tf.input({ shape: image, dtype: 'int32' });
  const scaled = l.rescaling({ scale: 1 / 255 }).apply(input);
  const model = randomWeights(
    tf.model({ inputs: input, outputs: l.conv2d({ filters: 2, kernelSize: 3 }).apply(scaled) as Symbolic }),
  );
  const bytes = (): tf.Tensor[] => [tf.randomUniform([2, ...image], 0, 255, 'int32', 1)];
  await assertOnnx(compact(model).model, 'small', bytes());
  await assertOnnx(model, 'whole', bytes());
});

test('30 random networks with gates and masks are the same in onnxruntime, as they are and made smaller', async () => {
  await fc.assert(
    fc.asyncProperty(networkPlan, async (plan) => {
      const { model, masks } = randomNetwork(plan);
      const { model: small } = compact(model, masks);
      const images = (): tf.Tensor[] => [tf.randomNormal([2, plan.image, plan.image, 2], 0, 1, 'float32', 1)];
      await assertOnnx(model, 'whole', images());
      await assertOnnx(small, 'small', images());
    }),
    { numRuns: 30, seed: 2 },
  );
});

test('zero padding before any window stays zero, even where all values are negative', async () => {
  const inputShape = [3, 4, 2];
  const behind: (() => tf.layers.Layer)[] = [
    () => l.maxPooling2d({ poolSize: 2, strides: 1 }),
    () => l.maxPooling2d({ poolSize: 3, strides: 2, padding: same }),
    () => l.averagePooling2d({ poolSize: 2, strides: 1 }),
    () => l.conv2d({ filters: 2, kernelSize: 2 }),
    () => l.globalMaxPooling2d({}),
    () => l.leakyReLU({}),
  ];
  for (const padding of [
    1,
    2,
    [
      [0, 3],
      [2, 0],
    ],
  ] as number[]) {
    for (const layer of behind) {
      const model = tf.sequential({
        layers: [l.zeroPadding2d({ padding, inputShape }), l.dropout({ rate: 0.5 }), layer()],
      });
      const images = tf.randomUniform([2, ...inputShape], -3, -1, 'float32', 5);
      assertSame(
        await outputsOfOnnx(encodeOnnx(model), [images]),
        outputsOf(model, [images]),
        `${model.layers[2].name} ${String(padding)}`,
      );
    }
  }
});

test('a network that cannot be written is refused by name, and no file is written', async () => {
  const odd = (...layers: tf.layers.Layer[]): tf.LayersModel => tf.sequential({ layers });
  const inputShape = [6, 6, 2];
  const cases: [tf.LayersModel, RegExp][] = [
    [odd(l.lstm({ name: 'odd', units: 2, inputShape: [3, 2] })), /odd \(LSTM\) .* its class is not one of Conv2D, /],
    [odd(l.batchNormalization({ name: 'odd', axis: 1, inputShape })), /odd \(BatchNormalization\) .* its axis is 1/],
    [
      odd(l.flatten({ name: 'odd', dataFormat: 'channelsFirst', inputShape })),
      /odd \(Flatten\) .* not on the last axis/,
    ],
    [odd(l.inputLayer({ name: 'odd', inputShape, dtype: 'bool' }), l.flatten()), /odd \(InputLayer\) .* are bool/],
    [
      odd(l.maxPooling2d({ name: 'odd', poolSize: 2, padding: same, inputShape: [null, 6, 2] })),
      /odd \(MaxPooling2D\) .* a size of images that is not known/,
    ],
  ];
  const folder = mkdtempSync(join(tmpdir(), 'sparsebook-onnx-'));
  after(() => rmSync(folder, { recursive: true }));
  for (const [model, message] of cases) {
    await assert.rejects(saveOnnx(model, join(folder, 'x.onnx')), { name: 'UserError', message });
    assert.ok(!existsSync(join(folder, 'x.onnx')));
  }
});
