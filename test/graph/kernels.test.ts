import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { completeCount, weightCount } from 'sparsebook/compact/counts.js';
import { UserError } from 'sparsebook/errors.js';
import { channelGraph } from 'sparsebook/graph/channelGraph.js';
import { channelGroups, explain } from 'sparsebook/graph/channelGroups.js';
import { kernelGeometry } from 'sparsebook/graph/kernels.js';
import { plainNetworks } from '../plainNetworks.ts';

await tf.setBackend('cpu');
const { layers: l } = tf;
type Tensor = tf.SymbolicTensor;
const apply = (layer: tf.layers.Layer, ...x: Tensor[]): Tensor => layer.apply(x.length === 1 ? x[0] : x) as Tensor;
const size = { kernelSize: [2, 3] as [number, number], strides: 2, name: 'layer' };
const cases: [string, tf.layers.Layer, object][] = [
  ['a convolution', l.conv2d({ ...size, filters: 4 }), { window: 6, inputs: 3, outputs: 4, positions: 4 * 3 }],
  [
    'a transposed convolution',
    l.conv2dTranspose({ ...size, filters: 4 }),
    { window: 6, inputs: 3, outputs: 4, positions: 8 * 7 },
  ],
  [
    'a depthwise convolution',
    l.depthwiseConv2d({ ...size, depthMultiplier: 2 }),
    { window: 6, inputs: 3, outputs: 6, positions: 4 * 3, multiplier: 2 },
  ],
  [
    'a separable convolution',
    l.separableConv2d({ ...size, filters: 4, depthMultiplier: 2 }),
    { window: 6, inputs: 3, outputs: 4, positions: 4 * 3 },
  ],
  ['a dense layer', l.dense({ name: 'layer', units: 4 }), { window: 1, inputs: 3, outputs: 4, positions: 8 * 7 }],
];

for (const [what, layer, wanted] of cases) {
  test(`${what}: each entry of its kernels belongs to the channels that change with it`, () => {
    const input = tf.input({ shape: [8, 7, 3] });
    const model = tf.model({ inputs: input, outputs: apply(layer, input) });
    const { kernels, ...geometry } = kernelGeometry(layer)!;
    assert.deepEqual(geometry, { ...wanted, bias: true });
    const outputFor = (image: tf.Tensor): tf.Tensor =>
      (model.predict(image) as tf.Tensor).sub(layer.weights.at(-1)!.read());
    /**
     * The output channels that an image of ones in one channel changes, given that only one entry of the kernel is not
     * 0.
     */
    const changed = (channel: number): number[] => {
      const image = tf.oneHot(tf.fill([1, 8, 7], channel, 'int32'), 3).toFloat();
      const sums = outputFor(image).abs().sum([0, 1, 2]).dataSync();
      return [...sums.keys()].filter((o) => sums[o] > 0);
    };
    for (const { weight, inputOf, outputOf } of kernels) {
      const before = kernels.map((kernel) => kernel.weight.read().clone());
      // The other kernel, if there is one, passes everything through.
      for (const kernel of kernels) kernel.weight.write(tf.ones(kernel.weight.shape as number[]));
      const entries = weight.read().size;
      for (let entry = 0; entry < entries; entry++) {
        weight.write(
          tf
            .oneHot(tf.scalar(entry, 'int32'), entries)
            .toFloat()
            .reshape(weight.shape as number[]),
        );
        for (let c = 0; c < 3; c++) {
          const all = c === inputOf(entry) ? (outputOf ? [outputOf(entry)] : [0, 1, 2, 3]) : [];
          assert.deepEqual(changed(c), all, `${weight.originalName} ${entry}`);
        }
      }
      kernels.forEach((kernel, k) => kernel.weight.write(before[k]));
    }
    const count = kernels.reduce((sum, { entries }) => sum + entries(geometry.inputs, geometry.outputs), 0);
    assert.equal(count + geometry.outputs, layer.countParams());
    // Counts of single weights must agree with the same numbers.
    const { weight } = kernels[0];
    const mask = new Float32Array(weight.read().size).fill(1).fill(0, 2, 5);
    const { left, multiplyAdds } = weightCount(model, new Map([[weight.originalName, mask]]));
    assert.equal(left, layer.countParams() - 3);
    assert.equal(multiplyAdds.left, (count - 3) * geometry.positions);
  });
}

/** A convolution, a depthwise convolution after it, and a pointwise convolution that reads all of its channels. */
function inverted(): tf.LayersModel {
  const input = tf.input({ shape: [6, 6, 2] });
  const wide = apply(l.conv2d({ name: 'wide', filters: 3, kernelSize: 1, useBias: false }), input);
  const deep = apply(l.depthwiseConv2d({ name: 'deep', kernelSize: 3, depthMultiplier: 2 }), wide);
  const narrow = apply(
    l.conv2d({ name: 'narrow', filters: 4, kernelSize: 1 }),
    apply(l.batchNormalization({ axis: 3 }), deep),
  );
  return tf.model({ inputs: input, outputs: narrow });
}

test('a depthwise convolution and a product tie channels, and explain names them', () => {
  const [, group] = channelGroups(channelGraph(inverted()));
  assert.deepEqual(group, {
    layers: ['wide', 'deep'],
    channels: 3,
    readers: ['narrow'],
    because: ['deep works on each channel of wide alone'],
  });
  assert.match(explain(plainNetworks.squeezeExcite()), /together because .*multiply_\w+ multiplies /);
  assert.match(explain(plainNetworks.twoInputsTwoHeads()), /average_\w+ averages .*maximum_\w+ takes the larger of /);
});

test('a mask of a depthwise convolution closes its output channels, and the channels that only they read', () => {
  const model = inverted();
  const masks = new Map([['deep', Float32Array.of(1, 1, 0, 0, 1, 1)]]);
  const { widths, model: small } = compact(model, masks);
  assert.deepEqual(
    widths.map(({ layer, after }) => [layer, after]),
    [
      ['wide', 2],
      ['deep', 4],
      ['narrow', 4],
    ],
  );
  assert.equal(completeCount(model, masks).left, completeCount(small).left + 2);
});

const refusals: [string, (x: Tensor) => Tensor, RegExp][] = [
  [
    'a reshape that splits channels',
    (x) => apply(l.reshape({ name: 'r', targetShape: [4, 8, 3] }), x),
    /The layer r \(Reshape\) makes \[4,8,3\] of \[4,4,6\], which does not keep its channels together/,
  ],
  [
    'a reshape to a shape that is no image',
    (x) => apply(l.reshape({ name: 'r', targetShape: [16, 6] }), x),
    /The layer r \(Reshape\) gives \[N, 16, 6\], neither images nor vectors/,
  ],
  [
    'a batch norm over rows',
    (x) => apply(l.batchNormalization({ name: 'n', axis: 1 }), x),
    /The layer n \(BatchNormalization\) must have its channels on the last axis/,
  ],
  [
    'a layer that swaps axes',
    (x) => apply(l.permute({ name: 'p', dims: [3, 1, 2] }), x),
    /The layer p \(Permute\) is not one/,
  ],
  [
    'a depthwise convolution with a softmax',
    (x) => apply(l.depthwiseConv2d({ name: 'd', kernelSize: 1, activation: 'softmax' }), x),
    /The layer d \(DepthwiseConv2D\) ends with a softmax over its channels/,
  ],
  [
    'a nested network that is used twice',
    (x) => {
      const inner = tf.input({ shape: [4, 4, 6] });
      const conv = l.conv2d({ name: 'twice', filters: 6, kernelSize: 1 });
      const inside = tf.model({ inputs: inner, outputs: apply(conv, inner) });
      return apply(inside, apply(inside, x));
    },
    /The layer twice \(Conv2D\) must be used once; it is used 2 times/,
  ],
];
for (const [what, layer, message] of refusals) {
  test(`${what} is refused by name`, () => {
    const input = tf.input({ shape: [4, 4, 6] });
    const model = tf.model({ inputs: input, outputs: layer(input) });
    assert.throws(
      () => compact(model),
      (error) => error instanceof UserError && message.test(error.message),
    );
  });
}
