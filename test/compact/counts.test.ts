import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { completeCount, layerCosts, weightCount, publishedCount } from 'sparsebook/compact/counts.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { kernelGeometry } from 'sparsebook/graph/kernels.js';
import { c3 } from 'sparsebook/models/c3.js';
import { cnn4 } from 'sparsebook/models/cnn4.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { mobileNetV2 } from 'sparsebook/models/mobileNetV2.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';

await tf.setBackend('cpu');
const closed = (n: number, ...channels: number[]): Float32Array =>
  Float32Array.from({ length: n }, (_, c) => (channels.includes(c) ? 0 : 1));

/** conv a (4) + BN, conv b (4), their sum, flattened to 2 x 2 x 4 values, dense (3). */
function residual(): tf.LayersModel {
  const input = tf.input({ shape: [2, 2, 3] });
  const a = new Conv2d({ name: 'a', filters: 4, kernelSize: 3, padding: 1 }).apply(input);
  const normal = new BatchNorm({ name: 'bn' }).apply(a) as tf.SymbolicTensor;
  const b = new Conv2d({ name: 'b', filters: 4, kernelSize: 1, useBias: false }).apply(input) as tf.SymbolicTensor;
  const sum = tf.layers.add({ name: 'sum' }).apply([normal, b]);
  const flat = tf.layers.flatten({ name: 'flat' }).apply(sum);
  const output = tf.layers.dense({ name: 'dense', units: 3 }).apply(flat) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: output, name: 'residual' });
}

/** Kernel entries and multiply-adds of convolutions by hand: [side of the output, window, inputs, outputs]. */
type Convolution = [side: number, window: number, inputs: number, outputs: number];
const totals = (convolutions: Convolution[]): { entries: number; multiplyAdds: number } => ({
  entries: convolutions.reduce((sum, [, k, m, n]) => sum + k * k * m * n, 0),
  multiplyAdds: convolutions.reduce((sum, [side, k, m, n]) => sum + side * side * k * k * m * n, 0),
});
const times = (n: number, ...convolutions: Convolution[]): Convolution[] =>
  Array<Convolution[]>(n).fill(convolutions).flat();

test('GoogleNet: 260,650 parameters and 79.64 million multiply-adds, by hand', () => {
  // Per block: side, inputs, reduce 3x3 and 5x5, outputs of 1x1, 3x3, 5x5 and pool.
  const blocks = [
    [32, 64, 32, 16, 16, 32, 8, 8],
    [32, 64, 32, 16, 24, 48, 12, 12],
    [16, 96, 32, 16, 24, 48, 12, 12],
    [16, 96, 32, 16, 16, 48, 16, 16],
    [16, 96, 32, 16, 16, 48, 16, 16],
    [16, 96, 32, 16, 32, 48, 24, 24],
    [8, 128, 48, 16, 32, 64, 16, 16],
    [8, 128, 48, 16, 32, 64, 16, 16],
  ];
  const convolutions: Convolution[] = [
    [32, 3, 3, 64],
    ...blocks.flatMap(([side, inputs, reduce3, reduce5, one, three, five, pool]): Convolution[] => [
      [side, 1, inputs, one],
      [side, 1, inputs, reduce3],
      [side, 3, reduce3, three],
      [side, 1, inputs, reduce5],
      [side, 5, reduce5, five],
      [side, 1, inputs, pool],
    ]),
  ];
  const { entries, multiplyAdds } = totals([...convolutions, [1, 1, 128, 10]]);
  // Each convolution has a bias, gamma and beta, and two running statistics.
  const channels = convolutions.reduce((sum, [, , , outputs]) => sum + outputs, 0);
  const count = completeCount(googleNet());
  assert.equal(count.full, entries + 3 * channels + 10);
  assert.equal(count.full, 260650);
  assert.equal(count.runningValues.full, 2 * channels);
  assert.equal(count.multiplyAdds.full, multiplyAdds);
  assert.equal(multiplyAdds, 79643904);
});

test('ResNet-20: 279,716 parameters and 41.60 million multiply-adds, by hand', () => {
  const { entries, multiplyAdds } = totals([
    [32, 3, 3, 16],
    ...times(6, [32, 3, 16, 16]),
    ...[[16, 3, 16, 32] as Convolution, [16, 2, 16, 32] as Convolution],
    ...times(5, [16, 3, 32, 32]),
    ...[[8, 3, 32, 64] as Convolution, [8, 2, 32, 64] as Convolution],
    ...times(5, [8, 3, 64, 64]),
    [1, 1, 64, 10],
  ]);
  // Beta everywhere: 19 convolutions, 2 projections, the logits; gamma in the 9 first convolutions of the blocks and
  // the logits.
  const betas = 7 * 16 + 7 * 32 + 7 * 64 + 10;
  const gammas = 3 * (16 + 32 + 64) + 10;
  const count = completeCount(resnet20());
  assert.equal(count.full, entries + betas + gammas);
  assert.equal(count.full, 279716);
  assert.equal(count.full + count.runningValues.full, 281304);
  assert.equal(count.multiplyAdds.full, multiplyAdds);
});

test('CNN-4: 1,985,012 parameters and 147.75 million multiply-adds, by hand', () => {
  const { entries, multiplyAdds } = totals([
    [32, 5, 3, 96],
    [16, 5, 96, 192],
    [8, 3, 192, 192],
    [1, 4, 192, 384],
    [1, 1, 384, 10],
  ]);
  const count = completeCount(cnn4());
  assert.equal(count.full, entries + 2 * (96 + 192 + 192 + 384 + 10));
  assert.equal(count.full, 1985012);
  assert.equal(count.full + count.runningValues.full, 1986760);
  assert.equal(count.multiplyAdds.full, multiplyAdds);
});

test('C3(32): 347,082 parameters and 20.1 million multiply-adds, by hand', () => {
  const { entries, multiplyAdds } = totals([[32, 3, 3, 32], ...times(2, [32, 3, 32, 32]), [1, 1, 32768, 10]]);
  const count = completeCount(c3());
  assert.equal(count.full, entries + 3 * 32 + 10);
  assert.equal(count.full, 347082);
  assert.equal(count.multiplyAdds.full, multiplyAdds);
});

test('ResNet-18: 11,228,822 parameters and 37.1 million multiply-adds, by hand', () => {
  const stage = (side: number, inputs: number, outputs: number): Convolution[] => [
    [side, 3, inputs, outputs],
    [side, 1, inputs, outputs],
    ...times(3, [side, 3, outputs, outputs]),
  ];
  const { entries, multiplyAdds } = totals([
    [16, 7, 3, 64],
    ...times(4, [8, 3, 64, 64]),
    ...[...stage(4, 64, 128), ...stage(2, 128, 256), ...stage(1, 256, 512)],
    ...[[1, 1, 512, 100] as Convolution, [1, 1, 100, 10] as Convolution],
  ]);
  const norms = 2 * (5 * 64 + 5 * 128 + 5 * 256 + 5 * 512);
  const count = completeCount(resnet18());
  assert.equal(count.full, entries + norms + 110);
  assert.equal(count.full, 11228822);
  assert.equal(count.multiplyAdds.full, multiplyAdds);
});

test('MobileNetV2: 2,296,922 parameters and 91.2 million multiply-adds, by hand', () => {
  // Expansion, width, blocks, and the side of their output images.
  const stages = [
    [1, 16, 1, 32],
    [6, 24, 2, 32],
    [6, 32, 3, 16],
    [6, 64, 4, 8],
    [6, 96, 3, 8],
    [6, 160, 3, 4],
    [6, 320, 1, 4],
  ];
  const pointwise: Convolution[] = [];
  // A depthwise convolution has one window per output.
  const depthwise: Convolution[] = [];
  let [inputs, from] = [32, 32];
  for (const [expansion, width, blocks, side] of stages) {
    for (let block = 0; block < blocks; block++) {
      const inside = expansion * inputs;
      pointwise.push([from, 1, inputs, inside], [side, 1, inside, width]);
      depthwise.push([side, 3, 1, inside]);
      // A stage that does not halve the image projects the shortcut of its first block.
      if (block === 0 && from === side) pointwise.push([side, 1, inputs, width]);
      [inputs, from] = [width, side];
    }
  }
  const convolutions: Convolution[] = [[32, 3, 3, 32], ...pointwise, ...depthwise, [4, 1, 320, 1280]];
  const { entries, multiplyAdds } = totals([...convolutions, [1, 1, 1280, 10]]);
  const channels = convolutions.reduce((sum, [, , , outputs]) => sum + outputs, 0);
  const count = completeCount(mobileNetV2());
  assert.equal(count.full, entries + 2 * channels + 10);
  assert.equal(count.full, 2296922);
  assert.equal(count.runningValues.full, 2 * channels);
  assert.equal(count.multiplyAdds.full, multiplyAdds);
});

test('a count without masks equals the count of tf itself', () => {
  const model = residual();
  const { left, runningValues, sparsity } = completeCount(model);
  assert.equal(left + runningValues.left, model.countParams());
  assert.equal(sparsity, 0);
});

test('a closed channel is removed where it is computed and where it is read; a sum keeps a channel that one side keeps', () => {
  const model = residual();
  const masks = new Map([
    ['a', closed(4, 0, 1)],
    ['b', closed(4, 1, 2)],
  ]);
  const costs = new Map(layerCosts(model, masks).map((cost) => [cost.layer, cost]));
  assert.equal(costs.get('a')?.parameters, 9 * 3 * 2 + 2);
  assert.equal(costs.get('a')?.multiplyAdds, 9 * 3 * 2 * 4);
  assert.equal(costs.get('bn')?.parameters, 4);
  assert.equal(costs.get('bn')?.runningValues, 4);
  assert.equal(costs.get('b')?.parameters, 3 * 2);
  assert.equal(costs.get('dense')?.parameters, 12 * 3 + 3);
});

test('gated reduce convolutions count as closed too', () => {
  const model = googleNet({ gates: { gateReduce: true } });
  const masks = new Map([['block1_3x3_reduce_conv', closed(32, ...Array(32).keys())]]);
  const [block] = publishedCount(model, masks).blocks;
  assert.equal(block.full - block.left, 64 * 32 + 9 * 32 * 32);
});

test('masks that do not fit are refused in a sentence', () => {
  const model = residual();
  assert.throws(() => completeCount(model, new Map([['c', closed(4)]])), /of residual; received c/);
  assert.throws(() => completeCount(model, new Map([['bn', closed(4)]])), /received bn/);
  assert.throws(() => completeCount(model, new Map([['a', closed(3)]])), /mask of a must have 4 values.* received 3/);
  assert.throws(
    () => publishedCount(model),
    /must be asked of a googleNet; received residual, which has no block1_1x1_conv/,
  );
});

test('single weights are counted where they are, with the positions at which they are applied', () => {
  const model = residual();
  const full = completeCount(model);
  const mask = new Float32Array(3 * 3 * 3 * 4).fill(0.5);
  mask.fill(0, 10, 40);
  const { left, sparsity, multiplyAdds } = weightCount(model, new Map([['a/kernel', mask]]));
  assert.equal(left, full.full - 30);
  assert.equal(sparsity, 1 - left / full.full);
  const { positions } = kernelGeometry(model.getLayer('a'))!;
  assert.equal(multiplyAdds.left, full.multiplyAdds.full - 30 * positions);
  const channels = new Map([['a', closed(4, 0)]]);
  const cut = completeCount(model, channels);
  const both = weightCount(model, new Map([['a/kernel', mask]]), channels);
  // Of the entries 10 to 39, those of channel 0 are 12, 16, ..., 36.
  assert.equal(both.left, cut.left - (30 - 7), 'what goes with its channel is gone once');
  assert.equal(both.sparsity, 1 - both.left / full.full);
  assert.equal(both.multiplyAdds.left, cut.multiplyAdds.left - (30 - 7) * positions);
  assert.throws(() => weightCount(model, new Map([['a', mask]])), /received a\./);
  assert.throws(
    () => weightCount(model, new Map([['b/kernel', mask]])),
    /mask of b\/kernel must have 12 values; received 108/,
  );
});
