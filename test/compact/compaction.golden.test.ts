import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readable } from 'sparsebook/backend/readable.js';
import { compact, type CompactOptions } from 'sparsebook/compact/shrink/compact.js';
import { completeCount } from 'sparsebook/compact/counts.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import {
  activation,
  assertClose,
  flatGolden,
  maxAbs,
  readGolden,
  tensor,
  useGoldensBackend,
  weight,
  type GoldenArray,
} from '../goldens.ts';

interface Case {
  name: string;
  /** x, and for every layer n: w1, gamma1, beta1, mean1, var1. */
  inputs: Record<string, GoldenArray>;
  attrs: { padding: string; bn_eps: number };
  /**
   * Indices of the removed and kept channels of a layer, its constants, compact weights and moving means, keyed by
   * layer number.
   */
  expected: Record<string, GoldenArray> & {
    total_params_full: number;
    total_params_compact: number;
    max_abs_logit_difference_full_vs_compact: number;
  } & Record<`removed_channels_conv${number}`, number[]>;
}

await useGoldensBackend();

/** The layer numbers of a case: 1, 2, 3. */
const layersOf = ({ inputs }: Case): number[] =>
  Object.keys(inputs).flatMap((key) => (/^w\d+$/.test(key) ? [Number(key.slice(1))] : []));

/** Convolutions with batch norm and ReLU, global average, and a last 1x1 convolution (dense here) with batch norm. */
function network(golden: Case): tf.LayersModel {
  const { inputs, attrs } = golden;
  const padding = { SAME: 'same', VALID: 'valid' }[attrs.padding] as 'same' | 'valid' | undefined;
  assert.ok(padding, `padding ${attrs.padding}`);
  const [, channels, height, width] = inputs.x.shape;
  const input = tf.input({ shape: [height, width, channels], name: 'image' });
  const [last, ...convolutions] = layersOf(golden).sort((a, b) => b - a);
  const norm = (n: number): BatchNorm =>
    new BatchNorm({ name: `bn${n}`, epsilon: attrs.bn_eps, activation: n < last ? 'relu' : 'linear' });
  let x = input;
  for (const n of convolutions.reverse()) {
    const [filters, , kernelSize] = inputs[`w${n}`].shape;
    const conv = new Conv2d({ name: `conv${n}`, filters, kernelSize, padding, useBias: false });
    x = norm(n).apply(conv.apply(x)) as tf.SymbolicTensor;
  }
  x = tf.layers.globalAveragePooling2d({ name: 'mean' }).apply(x) as tf.SymbolicTensor;
  const [units] = inputs[`w${last}`].shape;
  x = tf.layers.dense({ name: `conv${last}`, units, useBias: false }).apply(x) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: norm(last).apply(x) as tf.SymbolicTensor });
  for (const n of layersOf(golden)) {
    const kernel = weight(inputs[`w${n}`]);
    model.getLayer(`conv${n}`).setWeights([n === last ? kernel.reshape([-1, units]) : kernel]);
    const rest = ['gamma', 'beta', 'mean', 'var'].map((what) => tensor(inputs[`${what}${n}`]));
    model.getLayer(`bn${n}`).setWeights(rest);
  }
  return model;
}

const { cases } = readGolden<Case>('ista_compaction', [
  'attrs.net',
  'attrs.mode',
  // Intermediate values: the results that depend on them are compared.
  'expected.constant_of_removed_*',
  'expected.moving_mean2_new_all_channels',
  'expected.max_abs_difference_conv2_interior',
]);

for (const golden of cases) {
  const { name, inputs, expected } = golden;
  const close = { absolute: 2e-5 };
  const logits = (model: tf.LayersModel): Promise<Float32Array> =>
    (model.predict(activation(inputs.x)) as tf.Tensor).data<'float32'>();
  const weightOf = (model: tf.LayersModel, layer: string, what: string): tf.Tensor =>
    model
      .getLayer(layer)
      .weights.find(({ originalName }) => originalName.endsWith(what))!
      .read();

  test(`ista_compaction ${name}: outputs stay the same when constants are absorbed exactly at the border too`, async () => {
    const model = network(golden);
    assertClose(await logits(model), expected.logits_full.data, close, 'logits before');
    assertClose(await logits(compact(model).model), expected.logits_full.data, close, 'logits after');
  });

  const variants: [CompactOptions['absorb'], GoldenArray, string][] = [
    ['interior', expected.logits_compact, 'as the project meant to'],
    [false, expected.logits_compact_without_correction, 'as its released code does'],
  ];
  for (const [absorb, wanted, how] of variants) {
    test(`ista_compaction ${name}: absorb ${absorb}, ${how}`, async () => {
      const model = network(golden);
      assert.equal(model.countParams(), expected.total_params_full);
      const { model: small } = compact(model, new Map(), { absorb });
      assert.equal(small.countParams(), expected.total_params_compact);
      const { left, runningValues } = completeCount(small);
      assert.equal(left + runningValues.left, expected.total_params_compact);
      const after = await logits(small);
      await readable();
      assertClose(after, wanted.data, close, 'logits');
      for (const n of layersOf(golden)) {
        const kernel = weightOf(small, `conv${n}`, 'kernel');
        assertClose(flatGolden(kernel, 'weight'), expected[`compact_w${n}`].data.map(Math.fround), {}, `kernel ${n}`);
      }
      if (absorb === false) return;
      for (const n of layersOf(golden).filter((n) => n > 1)) {
        const wanted = expected[`compact_moving_mean${n}`] ?? expected[`moving_mean${n}_new`];
        assertClose(weightOf(small, `bn${n}`, 'movingMean').dataSync(), wanted.data, { absolute: 1e-6 }, `bn${n}`);
      }
      const before = await logits(model);
      const off = after.map((value, i) => value - before[i]);
      assertClose([maxAbs(off)], [expected.max_abs_logit_difference_full_vs_compact], close, 'border');
    });
  }

  test(`ista_compaction ${name}: exactly the channels with gamma 0 are removed`, () => {
    const { model: small } = compact(network(golden));
    for (const n of layersOf(golden).slice(0, -1)) {
      const { data } = inputs[`gamma${n}`];
      const channels = data.map((_, c) => c);
      const [gone, kept] = [expected[`removed_channels_conv${n}`], expected[`kept_conv${n}`].data];
      assert.deepEqual([channels.filter((c) => data[c] === 0), channels.filter((c) => data[c] !== 0)], [gone, kept]);
      assert.equal((small.getLayer(`conv${n}`).outputShape as number[])[3], kept.length);
    }
  });
}
