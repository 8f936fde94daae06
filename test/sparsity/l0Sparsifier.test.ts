import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { BatchNorm, Conv2d, hardConcreteCurves, L0Gate } from 'sparsebook/layers';
import { channelCost, googleNet } from 'sparsebook/models';
import { l0Sparsifier, type L0Options, type Sparsifier } from 'sparsebook/sparsity';

await tf.setBackend('cpu');

/** conv a (2) + BN + gate, conv b (3) + gate, dense (5): small enough to count by hand. */
function network(): { model: tf.LayersModel; gates: [L0Gate, L0Gate] } {
  const gates: [L0Gate, L0Gate] = [new L0Gate({ name: 'gate_a' }), new L0Gate({ name: 'gate_b' })];
  const input = tf.input({ shape: [4, 4, 3] });
  let x = new Conv2d({ name: 'a', filters: 2, kernelSize: 3, padding: 1 }).apply(input);
  x = gates[0].apply(new BatchNorm({ name: 'bn', activation: 'relu' }).apply(x));
  x = gates[1].apply(new Conv2d({ name: 'b', filters: 3, kernelSize: 3, strides: 2, padding: 1 }).apply(x));
  x = tf.layers.globalAveragePooling2d({}).apply(x);
  const output = tf.layers.dense({ name: 'dense', units: 5 }).apply(x) as tf.SymbolicTensor;
  return { model: tf.model({ inputs: input, outputs: output, name: 'small' }), gates };
}

const penaltyOf = (sparsifier: Sparsifier): number => tf.tidy(() => sparsifier.penalty!().dataSync()[0]);
const close = (actual: number, wanted: number): void => assert.ok(Math.abs(actual - wanted) < 1e-5 * wanted);

test('what a channel costs is counted where it is made and where it is read', () => {
  const { model } = network();
  assert.deepEqual(channelCost(model, model.getLayer('a')), {
    parameters: 27 + 1 + 2 + 9 * 3,
    multiplyAdds: 27 * 16 + 9 * 3 * 4,
  });
  assert.deepEqual(channelCost(model, model.getLayer('b')), { parameters: 18 + 1 + 5, multiplyAdds: 18 * 4 + 5 });
});

test('the penalty is lambda times the weighted mean of P(mask != 0)', () => {
  const { model, gates } = network();
  gates[0].logAlpha.assign(tf.tensor1d([-1, 2]));
  gates[1].logAlpha.assign(tf.tensor1d([0, 1, -3]));
  const p = hardConcreteCurves.openProbability;
  const [a, b] = [p(-1) + p(2), p(0) + p(1) + p(-3)];
  const of = (options: L0Options): number => penaltyOf(l0Sparsifier(model, options));
  close(of({ lambda_l0: 10 }), (10 * (a + b)) / 5);
  close(of({ lambda_l0: 10, weighting: 'parameters' }), (10 * (57 * a + 24 * b)) / (2 * 57 + 3 * 24));
  close(of({ lambda_l0: 10, weighting: 'multiplyAdds' }), (10 * (540 * a + 77 * b)) / (2 * 540 + 3 * 77));
});

test('masks are named after the layer whose channels they close', () => {
  const { model, gates } = network();
  gates[0].logAlpha.assign(tf.tensor1d([-3, 0]));
  const masks = l0Sparsifier(model, { lambda_l0: 1 }).channelMasks();
  assert.deepEqual([...masks.keys()], ['a', 'b']);
  assert.deepEqual([...masks.get('a')!], [0, 0.5]);
});

test('the summary counts closed, fully open and expected open channels', () => {
  const { model, gates } = network();
  gates[0].logAlpha.assign(tf.tensor1d([-3, 0]));
  gates[1].logAlpha.assign(tf.tensor1d([3, 3, -3]));
  const p = hardConcreteCurves.openProbability;
  const { expectedOpen, ...counts } = l0Sparsifier(model, { lambda_l0: 1 }).summary!();
  assert.deepEqual(counts, { channels: 5, closed: 2, fullyOpen: 2 });
  close(expectedOpen, 2 * p(-3) + p(0) + 2 * p(3));
});

test('clampLogAlpha keeps logAlpha within +-ln 100 after a step, and only if asked for', () => {
  const { model, gates } = network();
  gates[0].logAlpha.assign(tf.tensor1d([-9, 9]));
  assert.ok(!l0Sparsifier(model, { lambda_l0: 1 }).afterStep);
  l0Sparsifier(model, { lambda_l0: 1, clampLogAlpha: true }).afterStep!(0.1);
  assert.deepEqual([...gates[0].logAlpha.dataSync()], [-Math.fround(Math.log(100)), Math.fround(Math.log(100))]);
});

test('state holds how often each gate has drawn, and restore sets it back', () => {
  const { model, gates } = network();
  const sparsifier = l0Sparsifier(model, { lambda_l0: 1 });
  tf.dispose(model.apply(tf.ones([1, 4, 4, 3]), { training: true }) as tf.Tensor);
  const saved = JSON.parse(JSON.stringify(sparsifier.state())) as ReturnType<Sparsifier['state']>;
  assert.deepEqual(saved, { draws: { gate_a: 1, gate_b: 1 } });
  gates[0].draws = 7;
  sparsifier.restore(saved);
  assert.equal(gates[0].draws, 1);
  assert.throws(() => sparsifier.restore({}), /no draws of the gate gate_a/);
});

test('gates have a parameter group with a learning rate of their own', () => {
  const { model, gates } = network();
  const [group] = l0Sparsifier(model, { lambda_l0: 1, lr_gates: 0.05 }).parameterGroups!;
  assert.equal(group.lr, 0.05);
  assert.deepEqual(
    group.variables,
    gates.map((gate) => gate.logAlpha),
  );
});

test('no method of the sparsifier leaves a tensor behind', () => {
  const { model } = network();
  const sparsifier = l0Sparsifier(model, { lambda_l0: 1, clampLogAlpha: true });
  const before = tf.memory().numTensors;
  sparsifier.penalty!().dispose();
  sparsifier.afterStep!(0.1);
  sparsifier.channelMasks();
  sparsifier.summary!();
  assert.equal(tf.memory().numTensors, before);
});

test('what cannot work is refused in a sentence', () => {
  const { model } = network();
  assert.throws(() => l0Sparsifier(googleNet({ widthMultiplier: 0.1 }), { lambda_l0: 1 }), /googleNet has no L0 gates/);
  assert.throws(() => l0Sparsifier(model, { lambda_l0: -1 }), /lambda_l0 is a number of at least 0, got -1/);
  assert.throws(() => l0Sparsifier(model, { lambda_l0: 1, lr_gates: NaN }), /lr_gates is a learning rate .* got NaN/);
  assert.throws(() => l0Sparsifier(model, { lambda_l0: 1, weighting: 'l1' as 'sum' }), /weighting is .* got 'l1'/);
  const input = tf.input({ shape: [4] });
  const lone = tf.model({ inputs: input, outputs: new L0Gate({ name: 'g' }).apply(input) as tf.SymbolicTensor });
  assert.throws(() => l0Sparsifier(lone, { lambda_l0: 1 }), /The gate g must follow one convolution or dense layer/);
});
