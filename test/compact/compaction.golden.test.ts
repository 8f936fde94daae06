import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { compact, completeCount, type CompactOptions } from 'sparsebook/compact';
import { BatchNorm, Conv2d } from 'sparsebook/layers';
import { activation, assertClose, flatGolden, readGolden, tensor, weight, type GoldenArray } from '../goldens.ts';

type Weights = Record<'w' | 'gamma' | 'beta' | 'mean' | 'var', GoldenArray>;

interface Case {
  name: string;
  inputs: Record<`${keyof Weights}${1 | 2 | 3}` | 'x', GoldenArray>;
  attrs: { padding: 'VALID' | 'SAME'; bn_eps: number };
  expected: {
    removed_channels_conv1: number[];
    removed_channels_conv2: number[];
    constant_of_removed_conv1: GoldenArray;
    compact_w1: GoldenArray;
    compact_w2: GoldenArray;
    compact_w3: GoldenArray;
    compact_moving_mean2: GoldenArray;
    moving_mean3_new: GoldenArray;
    logits_full: GoldenArray;
    logits_compact: GoldenArray;
    logits_compact_without_correction: GoldenArray;
    total_params_full: number;
    total_params_compact: number;
  };
}

await tf.setBackend('cpu');

/** conv1 3x3 - BN - ReLU - conv2 3x3 - BN - ReLU - global average - conv3 1x1 - BN. */
function network({ inputs, attrs }: Case): tf.LayersModel {
  const padding = attrs.padding === 'SAME' ? 'same' : 'valid';
  const input = tf.input({ shape: [7, 7, 3], name: 'image' });
  const norm = (n: 1 | 2 | 3): BatchNorm =>
    new BatchNorm({ name: `bn${n}`, epsilon: attrs.bn_eps, activation: n < 3 ? 'relu' : 'linear' });
  let x = input;
  for (const n of [1, 2] as const) {
    const [filters] = inputs[`w${n}`].shape;
    const conv = new Conv2d({ name: `conv${n}`, filters, kernelSize: 3, padding, useBias: false });
    x = norm(n).apply(conv.apply(x)) as tf.SymbolicTensor;
  }
  x = tf.layers.globalAveragePooling2d({ name: 'mean' }).apply(x) as tf.SymbolicTensor;
  x = tf.layers.dense({ name: 'conv3', units: 4, useBias: false }).apply(x) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: norm(3).apply(x) as tf.SymbolicTensor });
  for (const n of [1, 2, 3] as const) {
    const kernel = weight(inputs[`w${n}`]);
    model.getLayer(`conv${n}`).setWeights([n === 3 ? kernel.reshape([-1, 4]) : kernel]);
    const rest = (['gamma', 'beta', 'mean', 'var'] as const).map((what) => tensor(inputs[`${what}${n}`]));
    model.getLayer(`bn${n}`).setWeights(rest);
  }
  return model;
}

for (const golden of readGolden<Case>('ista_compaction').cases) {
  const { name, inputs, expected } = golden;
  const close = { absolute: 2e-5 };
  const logits = (model: tf.LayersModel): Float32Array =>
    tf.tidy(() => (model.predict(activation(inputs.x)) as tf.Tensor).dataSync<'float32'>());
  const weightOf = (model: tf.LayersModel, layer: string, what: string): tf.Tensor =>
    model
      .getLayer(layer)
      .weights.find(({ originalName }) => originalName.endsWith(what))!
      .read();

  test(`ista_compaction ${name}: nothing changes when constants are absorbed to the border`, () => {
    const model = network(golden);
    assertClose(logits(model), expected.logits_full.data, close, 'logits before');
    assertClose(logits(compact(model).model), expected.logits_full.data, close, 'logits after');
  });

  const variants: [CompactOptions['absorb'], GoldenArray, string][] = [
    ['interior', expected.logits_compact, 'as the project meant to'],
    [false, expected.logits_compact_without_correction, 'as its released code does'],
  ];
  for (const [absorb, wanted, how] of variants) {
    test(`ista_compaction ${name}: absorb ${absorb}, ${how}`, () => {
      const model = network(golden);
      assert.equal(model.countParams(), expected.total_params_full);
      const { model: small } = compact(model, new Map(), { absorb });
      assert.equal(small.countParams(), expected.total_params_compact);
      const { left, runningValues } = completeCount(small);
      assert.equal(left + runningValues.left, expected.total_params_compact);
      assertClose(logits(small), wanted.data, close, 'logits');
      for (const n of [1, 2, 3] as const) {
        const kernel = weightOf(small, `conv${n}`, 'kernel');
        assertClose(flatGolden(kernel, 'weight'), expected[`compact_w${n}`].data.map(Math.fround), {}, `kernel ${n}`);
      }
      if (absorb === false) return;
      const means = { bn2: expected.compact_moving_mean2, bn3: expected.moving_mean3_new };
      for (const [layer, wanted] of Object.entries(means)) {
        assertClose(weightOf(small, layer, 'movingMean').dataSync(), wanted.data, { absolute: 1e-6 }, layer);
      }
    });
  }

  test(`ista_compaction ${name}: the channels with gamma 0 are those that go`, () => {
    const { model: small } = compact(network(golden));
    for (const n of [1, 2] as const) {
      const gone = expected[`removed_channels_conv${n}`];
      assert.equal(
        (small.getLayer(`conv${n}`).outputShape as number[])[3],
        inputs[`gamma${n}`].data.length - gone.length,
      );
    }
  });
}
