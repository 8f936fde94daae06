import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { completeCount, layerCosts, openChannels, seedCount } from 'sparsebook/compact';
import { BatchNorm, Conv2d } from 'sparsebook/layers';
import { googleNet } from 'sparsebook/models';

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

test('GoogleNet at full width does 79.64 million multiply-adds an image', () => {
  const { multiplyAdds, full } = completeCount(googleNet());
  assert.equal(full, 260650);
  assert.equal(Math.round(multiplyAdds.full / 1e4), 7964);
});

test('a count without masks is what tf itself counts', () => {
  const model = residual();
  const { left, runningValues, sparsity } = completeCount(model);
  assert.equal(left + runningValues.left, model.countParams());
  assert.equal(sparsity, 0);
});

test('a closed channel goes where it is made and where it is read; a sum keeps what one side keeps', () => {
  const model = residual();
  const masks = new Map([
    ['a', closed(4, 0, 1)],
    ['b', closed(4, 1, 2)],
  ]);
  const open = openChannels(model, masks);
  assert.deepEqual(open.get('bn'), [false, false, true, true]);
  assert.deepEqual(open.get('sum'), [true, false, true, true]);
  assert.deepEqual(open.get('flat')?.slice(0, 8), [true, false, true, true, true, false, true, true]);
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
  const [block] = seedCount(model, masks).blocks;
  assert.equal(block.full - block.left, 64 * 32 + 9 * 32 * 32);
});

test('masks that do not fit are refused in a sentence', () => {
  const model = residual();
  assert.throws(() => completeCount(model, new Map([['c', closed(4)]])), /of residual, which has no c/);
  assert.throws(() => completeCount(model, new Map([['bn', closed(4)]])), /which has no bn/);
  assert.throws(() => completeCount(model, new Map([['a', closed(3)]])), /mask of a needs 4 values.* got 3/);
  assert.throws(() => seedCount(model), /defined for googleNet alone; residual has no block1_1x1_conv/);
});
