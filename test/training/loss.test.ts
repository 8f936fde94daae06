import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { crossEntropy, isRight, logitsOf } from 'sparsebook/training/loss.js';
import { assertClose } from '../goldens.ts';
import { assertGradient } from '../gradients.ts';

await tf.setBackend('cpu');

/** -sum of t ln softmax(z), mean over rows, and its gradient (softmax(z) - t) / rows, in float64. */
function reference(z: number[][], labels: number[], smoothing: number): { loss: number; gradient: number[] } {
  let loss = 0;
  const gradient = z.flatMap((row, i) => {
    const sum = row.reduce((total, value) => total + Math.exp(value), 0);
    return row.map((value, k) => {
      const target = (k === labels[i] ? 1 - smoothing : 0) + smoothing / row.length;
      loss -= (target * (value - Math.log(sum))) / z.length;
      return (Math.exp(value) / sum - target) / z.length;
    });
  });
  return { loss, gradient };
}

const cases = fc
  .record({ rows: fc.integer({ min: 1, max: 4 }), classes: fc.integer({ min: 2, max: 5 }) })
  .chain(({ rows, classes }) =>
    fc.record({
      z: fc.array(
        fc.array(
          fc.integer({ min: -400, max: 400 }).map((x) => x / 100),
          fixed(classes),
        ),
        fixed(rows),
      ),
      labels: fc.array(fc.nat({ max: classes - 1 }), fixed(rows)),
      smoothing: fc.integer({ min: 0, max: 99 }).map((x) => x / 100),
    }),
  );
function fixed(length: number): { minLength: number; maxLength: number } {
  return { minLength: length, maxLength: length };
}

test('the loss and its gradient equal cross-entropy against smoothed labels', () => {
  fc.assert(
    fc.property(cases, ({ z, labels, smoothing }) => {
      const loss = crossEntropy({ label_smoothing: smoothing });
      const [logits, answers] = [tf.tensor2d(z), tf.tensor1d(labels, 'int32')];
      const { value, grad } = tf.valueAndGrad((x: tf.Tensor2D) => loss(x, answers))(logits);
      const expected = reference(z, labels, smoothing);
      assertClose(value.dataSync(), [expected.loss], { absolute: 1e-5 }, 'loss');
      assertClose(grad.dataSync(), expected.gradient, { absolute: 1e-6 }, 'gradient');
      tf.dispose([logits, answers, value, grad]);
    }),
    { numRuns: 100 },
  );
});

test('the gradient agrees with central differences', () => {
  const labels = tf.tensor1d([2, 0], 'int32');
  const loss = crossEntropy({ label_smoothing: 0.1 });
  const x = tf.tensor2d([
    [0.5, -1, 2],
    [1, 0.2, -0.3],
  ]);
  assertGradient((z) => loss(z as tf.Tensor2D, labels), x, 'smoothed cross-entropy');
});

test('smoothed labels are best matched by logits that are not certain', () => {
  const loss = crossEntropy({ label_smoothing: 0.2 });
  const at = (z: number): number => loss(tf.tensor2d([[z, 0]]), tf.tensor1d([0], 'int32')).dataSync()[0];
  // Targets 0.9 and 0.1 are matched at a logit of ln 9.
  assert.ok(at(Math.log(9)) < at(Math.log(9) + 0.2) && at(Math.log(9)) < at(Math.log(9) - 0.2));
});

test('a smoothing that leaves nothing of the label is refused', () => {
  for (const label_smoothing of [1, -0.1, NaN]) {
    assert.throws(() => crossEntropy({ label_smoothing }), {
      name: 'UserError',
      message: `label_smoothing must be a number of at least 0 and below 1; received ${label_smoothing}.`,
    });
  }
});

test('a network that ends with a softmax has the same loss, gradients and answers as one that returns its logits', () => {
  const l = tf.layers;
  const kernel = tf.randomNormal([6, 3], 0, 2, 'float32', 1);
  const [x, labels] = [tf.randomNormal([5, 6], 0, 1, 'float32', 2), tf.tensor1d([0, 2, 1, 1, 0], 'int32')];
  const dense = (activation: 'linear' | 'softmax' = 'linear'): tf.layers.Layer =>
    l.dense({ units: 3, useBias: false, activation, inputShape: [6], weights: [kernel] });
  const nested = tf.sequential({ layers: [dense('softmax')] });
  const ends = {
    'a dense layer': [dense('softmax')],
    'an activation': [dense(), l.activation({ activation: 'softmax' })],
    'a layer': [dense(), l.softmax({ axis: -1 })],
    'a network inside': [nested],
  };
  const of = (layers: tf.layers.Layer[]): { loss: number; gradient: Float32Array; right: number[] } => {
    const model = tf.sequential({ layers });
    const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const { value, grads } = tf.variableGrads(() => crossEntropy()(logitsOf(model, x), labels), variables);
    const right = [...isRight(logitsOf(model, x), labels).dataSync()];
    return { loss: value.dataSync()[0], gradient: Object.values(grads)[0].dataSync<'float32'>(), right };
  };
  const expected = of([dense()]);
  for (const [name, layers] of Object.entries(ends)) {
    const { loss, gradient, right } = of(layers);
    assertClose([loss], [expected.loss], { absolute: 1e-5 }, name);
    assertClose(gradient, expected.gradient, { absolute: 1e-5 }, name);
    assert.deepEqual(right, expected.right);
  }
});
