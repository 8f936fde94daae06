// Integer networks: built, reported, saved and read again, and run by onnxruntime.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { registerSimd } from 'sparsebook/backend/simd/register.js';
import { encodeOnnx } from 'sparsebook/compact/export/onnx.js';
import { loadSafetensors, saveSafetensors } from 'sparsebook/compact/export/safetensors.js';
import { loadTfjs, saveTfjs } from 'sparsebook/compact/export/tfjs.js';
import { reportText } from 'sparsebook/compact/report/compactionReport.js';
import { compact, type CompactOptions } from 'sparsebook/compact/shrink/compact.js';
import { UserError } from 'sparsebook/errors.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { MaxPool2d } from 'sparsebook/layers/maxPool2d.js';
import { QuantizedConv2d, QuantizedDense } from 'sparsebook/layers/quantized.js';
import { randomWeights } from '../plainNetworks.ts';
import { outputsOfOnnx } from './export/onnxRuntime.ts';
import { assertSame, outputsOf } from './export/outputs.ts';

await tf.setBackend('cpu');
const folder = mkdtempSync(join(tmpdir(), 'sparsebook-int8-'));
after(() => rmSync(folder, { recursive: true }));
const { layers: l } = tf;
type Symbolic = tf.SymbolicTensor;
const apply = (layer: tf.layers.Layer, ...x: Symbolic[]): Symbolic =>
  layer.apply(x.length === 1 ? x[0] : x) as Symbolic;

/** An inception block with batch norms, a strided convolution, a residual sum and a head. */
function small(): tf.LayersModel {
  const unit = (x: Symbolic, name: string, filters: number, kernelSize: number, strides = 1): Symbolic =>
    apply(
      new BatchNorm({ name: `${name}_bn`, activation: 'relu' }),
      apply(new Conv2d({ name, filters, kernelSize, strides, padding: (kernelSize - 1) / 2, useBias: false }), x),
    );
  const input = tf.input({ shape: [6, 6, 3] });
  const stem = unit(input, 'stem', 5, 3);
  const pool = apply(new MaxPool2d({ name: 'pool', poolSize: 3, strides: 1, padding: 1 }), stem);
  const block = apply(
    l.concatenate({ name: 'block' }),
    unit(stem, 'one', 3, 1),
    unit(unit(stem, 'reduce', 2, 1), 'three', 4, 3),
    unit(pool, 'pooled', 3, 1),
  );
  const half = unit(block, 'half', 6, 3, 2);
  const sum = apply(l.add({ name: 'sum' }), half, unit(half, 'again', 6, 3));
  const logits = apply(l.dense({ name: 'logits', units: 4 }), apply(l.flatten({ name: 'flat' }), sum));
  return randomWeights(tf.model({ inputs: input, outputs: logits, name: 'small' }));
}

const images = tf.randomNormal([40, 6, 6, 3], 0, 1, 'float32', 1);
const int8 = (options: CompactOptions = {}): CompactOptions => ({ precision: 'int8', calibration: images, ...options });
const logitsOf = (model: tf.LayersModel): Float32Array =>
  tf.tidy(() => (model.predict(images) as tf.Tensor).dataSync<'float32'>().slice());

test('convolutions and dense layers are quantized, and so are tensors between two of them', () => {
  const model = small();
  const before = tf.memory().numTensors;
  const compaction = compact(model, undefined, int8());
  const kept = compaction.model.weights.length + compaction.float!.weights.length;
  assert.equal(tf.memory().numTensors, before + kept);
  const rounded = compaction.model.layers.flatMap((layer) =>
    layer instanceof QuantizedConv2d || layer instanceof QuantizedDense
      ? [[layer.name, layer.outputGrid !== null]]
      : [],
  );
  const between = ['stem', 'one', 'reduce', 'three', 'pooled'].map((name) => [name, true]);
  const read = ['half', 'again', 'logits'].map((name) => [name, false]);
  assert.deepEqual(rounded.sort(), [...between, ...read].sort());
  assert.deepEqual(compaction.keptFloat, []);

  const [wanted, got] = [logitsOf(compaction.float!), logitsOf(compaction.model)];
  const largest = Math.max(...wanted.map(Math.abs));
  const error = Math.max(...wanted.map((value, i) => Math.abs(value - got[i]))) / largest;
  assert.ok(error > 0 && error < 0.05, `${error} of the largest logit`);
});

test('a report counts bytes and correct answers of both networks, and times the float network too', async () => {
  const compaction = compact(small(), undefined, int8());
  const labels = tf.tidy(() => (compaction.float!.predict(images) as tf.Tensor).argMax(1).dataSync());
  await assert.rejects(compaction.report({ images, labels: [0] }), /^UserError: Labels must be one for each of the 40/);
  const report = await compaction.report({ images, labels, batchSizes: [2], runs: 2, warmUp: 0 });
  const { float, compact: whole } = report.bytes;
  const kernels = compaction.model.weights.filter(({ originalName }) => originalName.endsWith('kernel'));
  const entries = kernels.reduce((sum, weight) => sum + weight.read().size, 0);
  // Each output also has a scale.
  assert.equal(float! - whole, 3 * entries - 4 * (5 + 3 + 2 + 4 + 3 + 6 + 6 + 4));
  assert.equal(report.accuracy?.masked, 1);
  assert.ok(report.accuracy.compact > 0.8 && report.accuracy.images === 40);
  assert.equal(report.latency[0].float?.runs, 2);
  assert.equal(report.multiplyAdds.compact, report.multiplyAdds.dense);
  assert.match(reportText(report), /dense +masked +float +compact[^]*Accuracy on 40 images: 100.00 % masked, \d/);
});

test('simd gives the same logits as cpu to the bit, with 1, 2 and 3 threads, and leaves no tensor behind', async () => {
  const { model } = compact(small(), undefined, int8());
  const wanted = logitsOf(model);
  for (const threads of [1, 2, 3]) {
    const backend = registerSimd({ threads });
    await tf.setBackend('simd');
    assert.deepEqual(logitsOf(model), wanted);
    const [tensors, { live }] = [tf.memory().numTensors, backend.heap.usage()];
    assert.deepEqual(logitsOf(model), wanted);
    assert.deepEqual([tf.memory().numTensors, backend.heap.usage().live], [tensors, live]);
    await tf.setBackend('cpu');
    await backend.pool.close();
  }
});

test('safetensors and TensorFlow.js folders give the same logits to the bit', async () => {
  const { model } = compact(small(), undefined, int8());
  const wanted = logitsOf(model);
  const file = join(folder, 'small.safetensors');
  await saveSafetensors(model, file);
  assert.match(readFileSync(file, 'latin1'), /"stem\/kernel":\{"dtype":"I8","shape":\[3,3,3,5\]/);
  assert.deepEqual(logitsOf(await loadSafetensors(file)), wanted);
  const left = await saveTfjs(model, join(folder, 'small'));
  assert.deepEqual(left, ['QuantizedConv2d', 'QuantizedDense']);
  assert.deepEqual(logitsOf(await loadTfjs(join(folder, 'small'))), wanted);
});

/** Sets weights whose scales are powers of two, so that no float is rounded. */
function exactWeights(model: tf.LayersModel): tf.LayersModel {
  const values = { kernel: 127, bias: 3000, scale: 0 };
  for (const [i, weight] of model.weights.entries()) {
    const part = weight.originalName.split('/').at(-1) as keyof typeof values;
    tf.tidy(() => {
      const whole = tf.randomUniform(weight.shape as number[], -values[part], values[part], 'int32', i + 1);
      weight.write(part === 'scale' ? tf.fill(weight.shape as number[], 2 ** -9) : whole.toInt());
    });
  }
  return model;
}

test('a quantized layer refuses an activation that it would not apply', () => {
  const layer = { name: 'first', units: 3, input: { scale: 0.1, zero: 0 } };
  assert.throws(
    () => new QuantizedDense({ ...layer, activation: 'relu6' }),
    /^UserError: first: activation must be one of linear, relu; received 'relu6'/,
  );
});

test('onnxruntime computes the same from QuantizeLinear and DequantizeLinear', async () => {
  const input = tf.input({ shape: [5, 6, 3] });
  const [first, second] = [
    { scale: 2 ** -5, zero: 60 },
    { scale: 2 ** -3, zero: 0 },
  ];
  const conv = { filters: 6, kernelSize: 3, padding: 1 };
  const x = apply(new QuantizedConv2d({ ...conv, activation: 'relu', input: first, output: second }), input);
  const y = apply(
    new QuantizedConv2d({ ...conv, strides: 2, padding: 'same', input: second }),
    apply(l.maxPooling2d({ poolSize: 3, strides: 1, padding: 'same' }), x),
  );
  const wide = { scale: 2, zero: 64 };
  const z = apply(new QuantizedDense({ units: 3, activation: 'relu', input: wide }), apply(l.flatten(), y));
  const model = exactWeights(tf.model({ inputs: input, outputs: z }));
  // Some values are outside the grid.
  const inputs = [tf.randomNormal([2, 5, 6, 3], 0, 1, 'float32', 3)];
  const wanted = outputsOf(model, inputs);
  assert.ok(wanted[0].values.some((value) => value > 0));
  const bytes = encodeOnnx(model);
  assert.deepEqual(await outputsOfOnnx(bytes, inputs), wanted);
});

test('an ONNX file of a quantized network runs, and is about as far from the float network', async () => {
  const { model, float } = compact(small(), undefined, int8());
  const inputs = [images.slice(0, 2)];
  const [floats, whole] = [outputsOf(float!, inputs), outputsOf(model, inputs)];
  const run = await outputsOfOnnx(encodeOnnx(model), inputs);
  assertSame(run, whole, 'onnxruntime');
  assert.throws(() => assertSame(whole, floats, 'floats'));
});

test('a percentage clips the ends of the ranges', () => {
  const scaleOf = (options: CompactOptions): number =>
    (compact(small(), undefined, int8(options)).model.getLayer('stem') as QuantizedConv2d).inputGrid.scale;
  assert.ok(scaleOf({ percent: 99 }) < 0.9 * scaleOf({}));
});

test('layers that cannot be quantized are named and stay as they are', () => {
  const input = tf.input({ shape: [6, 6, 4] });
  const deep = apply(l.depthwiseConv2d({ name: 'deep', kernelSize: 3 }), input);
  const soft = apply(l.conv2d({ name: 'soft', filters: 3, kernelSize: 1, activation: 'tanh' }), deep);
  const wide = apply(l.conv2d({ name: 'wide', filters: 3, kernelSize: [1, 2] }), soft);
  const last = apply(l.conv2d({ name: 'last', filters: 2, kernelSize: 2 }), wide);
  const model = randomWeights(tf.model({ inputs: input, outputs: last }));
  const compaction = compact(model, undefined, int8({ calibration: tf.randomNormal([3, 6, 6, 4]) }));
  assert.deepEqual(
    compaction.keptFloat.map(({ layer }) => layer),
    ['deep', 'soft', 'wide'],
  );
  assert.match(compaction.explain(), /^soft: computes with floats, for it ends with tanh, not with relu$/m);
  assert.equal(compaction.model.getLayer('last').getClassName(), 'QuantizedConv2d');
});

const refused: [what: string, options: CompactOptions, message: RegExp][] = [
  ['no tensor', { calibration: 'images' as never }, /^Calibration images for int8 must be .*; received \[string\]/],
  ['no images', { calibration: undefined }, /^Calibration images for int8 must be \[N, 6, 6, 3\]; received none/],
  [
    'of another shape',
    { calibration: tf.zeros([2, 6, 6, 1]) },
    /^Calibration images for int8 must be .*; received \[2, 6, 6, 1\]/,
  ],
  [
    'an empty batch',
    { calibration: tf.zeros([0, 6, 6, 3]) },
    /^Calibration images for int8 must be .*; received \[0, 6, 6, 3\]/,
  ],
  ['not numbers', { calibration: tf.fill([2, 6, 6, 3], NaN) }, /^Calibration images must be finite numbers/],
  ['another precision', { precision: 'int4' as 'int8' }, /^precision must be 'float32' or 'int8'; received "int4"/],
  ['images for floats', { precision: undefined }, /^calibration and percent .*precision: 'int8'/],
  ['too few percent', { percent: 0.9 }, /^percent must be above 50 and at most 100; received 0.9/],
];
test('calibration images from which ranges cannot be found are refused in a sentence', () => {
  const model = small();
  for (const [what, options, message] of refused) {
    assert.throws(
      () => compact(model, undefined, int8(options)),
      (error: Error) => error instanceof UserError && message.test(error.message),
      what,
    );
  }
  const { model: whole } = compact(model, undefined, int8());
  assert.throws(() => compact(whole), /^UserError: The layer .* \(Quantized\w+\) holds whole numbers/);
  model.getLayer('half').setWeights([tf.fill([3, 3, 10, 6], Infinity)]);
  assert.throws(() => compact(model, undefined, int8()), /^UserError: .* the layer \S+ .*must be finite numbers/);
});
