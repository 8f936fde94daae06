import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { UserError } from 'sparsebook';
import { L0Gate, type L0GateOptions } from 'sparsebook/layers/l0Gate.js';
import { assertGradient } from '../gradients.ts';

await tf.setBackend('cpu');

function gateOf(options: L0GateOptions, logAlpha: number[]): L0Gate {
  const gate = new L0Gate(options);
  gate.build([null, logAlpha.length]);
  gate.setWeights([tf.tensor1d(logAlpha)]);
  return gate;
}

const training = { training: true };

test('a closed gate passes nothing and an open one everything', () => {
  const gate = gateOf({}, [-10, 10]);
  const y = gate.apply(tf.ones([2, 3, 3, 2])) as tf.Tensor4D;
  const [closed, open] = tf.unstack(y, 3);
  assert.equal(closed.max().dataSync()[0], 0);
  assert.equal(open.min().dataSync()[0], 1);
});

test('each image has its own mask, shared by all positions of a channel', () => {
  const gate = gateOf({ seed: 3 }, [0, 0, 0, 0]);
  const y = gate.apply(tf.ones([8, 2, 2, 4]), training) as tf.Tensor4D;
  const corners = y.slice([0, 0, 0, 0], [8, 1, 1, 4]);
  assert.equal(y.sub(corners).abs().max().dataSync()[0], 0, 'all positions alike');
  const rows = corners.reshape([8, 4]).arraySync() as number[][];
  assert.equal(new Set(rows.map((row) => row.join())).size, 8, 'every image its own mask');
});

test("with sampling 'batch' all images share one mask", () => {
  const gate = gateOf({ seed: 3, sampling: 'batch' }, [0, 0, 0, 0]);
  const rows = (gate.apply(tf.ones([8, 4]), training) as tf.Tensor2D).arraySync();
  assert.equal(new Set(rows.map((row) => row.join())).size, 1);
});

test('noise depends only on seed and draw, so a resumed gate continues as if it had not stopped', () => {
  const x = tf.ones([4, 5]);
  const run = (gate: L0Gate, times: number): string[] =>
    Array.from({ length: times }, () => (gate.apply(x, training) as tf.Tensor).dataSync().join());
  const whole = run(gateOf({ seed: 9 }, [0, 1, -1, 0, 2]), 4);
  assert.equal(new Set(whole).size, 4, 'each step draws anew');
  const resumed = gateOf({ seed: 9 }, [0, 1, -1, 0, 2]);
  resumed.draws = 2;
  assert.deepEqual(run(resumed, 2), whole.slice(2));
  assert.notDeepEqual(run(gateOf({ seed: 10 }, [0, 1, -1, 0, 2]), 4), whole);
});

test('inference draws no noise', () => {
  const gate = gateOf({}, [0, 1]);
  gate.apply(tf.ones([4, 2]));
  assert.equal(gate.draws, 0);
});

test('gradients through a sampled gate agree with finite differences', () => {
  const gate = gateOf({ name: 'g' }, [0.2, -0.4, 0.1]);
  const noise = { g: tf.tensor2d([0.4, 0.55, 0.6, 0.3, 0.7, 0.45], [2, 3]) };
  const x = tf.randomNormal([2, 2, 2, 3], 0, 1, 'float32', 5);
  const out = (input: tf.Tensor): tf.Scalar =>
    (gate.apply(input, { training: true, noise }) as tf.Tensor).square().sum();
  assertGradient(out, x, 'gradient with respect to x');
});

test('a step of training leaves no tensor behind', () => {
  const gate = gateOf({}, [0, 1]);
  const x = tf.ones([4, 3, 3, 2]);
  const step = (): void => {
    const { value, grads } = tf.variableGrads(() => (gate.apply(x, training) as tf.Tensor).sum(), [gate.logAlpha]);
    tf.dispose([value, grads]);
  };
  step();
  const before = tf.memory().numTensors;
  for (let i = 0; i < 5; i++) step();
  assert.equal(tf.memory().numTensors, before);
});

test('options out of range are refused in a sentence', () => {
  const refused = (options: object, message: RegExp): void =>
    assert.throws(() => new L0Gate(options), { name: UserError.name, message });
  refused({ droprate_init: 0 }, /droprate_init must be a number above 0 and below 1; received 0/);
  refused({ droprate_init: 1.5 }, /received 1.5/);
  refused({ temperature: 0 }, /temperature must be a number above 0; received 0/);
  refused({ sampling: 'pixel' }, /sampling must be one of image, batch; received 'pixel'/);
});
