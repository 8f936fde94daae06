import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { kernelsOnly, makeOptimizer, type OptimizerSettings } from 'sparsebook/training/optimizer.js';
import { assertClose } from '../goldens.ts';

const keys = ['conv/kernel', 'depthwise/depthwise_kernel', 'bn/gamma', 'bn/beta', 'conv/bias', 'gate/logAlpha'];
const start = [0.5, -1, 2];
const gradients = [
  [0.1, -0.2, 0.3],
  [0.4, 0, -0.1],
  [-0.3, 0.2, 0.2],
];

/** Where three steps with the gradients above lead a variable of each key. */
function walk(settings: OptimizerSettings): number[][] {
  const optimizer = makeOptimizer(settings);
  const variables = keys.map(() => tf.variable(tf.tensor1d(start)));
  for (const gradient of gradients.map((values) => tf.tensor1d(values))) {
    optimizer.step(variables.map((variable, i) => ({ key: keys[i], variable, gradient, lr: optimizer.lr })));
  }
  const ends = variables.map((variable) => [...variable.dataSync()]);
  optimizer.dispose();
  tf.dispose(variables);
  return ends;
}

for (const backend of ['cpu', 'simd'] as const) {
  test(`Nesterov's momentum is PyTorch's, step by step, on ${backend}`, async () => {
    await useBackend({ backend, threads: 1 });
    const [lr, momentum, weight_decay] = [0.1, 0.9, 0.05];
    const expected = start.map((p, i) => {
      let velocity = 0;
      for (const gradient of gradients) {
        const g = gradient[i] + weight_decay * p;
        velocity = momentum * velocity + g;
        p -= lr * (g + momentum * velocity);
      }
      return p;
    });
    const [end] = walk({ name: 'sgd', lr, momentum, nesterov: true, weight_decay });
    assertClose(end, expected, { absolute: 1e-6 }, 'after three steps');
    assert.notDeepEqual(end, walk({ name: 'sgd', lr, momentum, weight_decay })[0]);
  });

  test(`weight decay can be kept to kernels, whatever the optimizer, on ${backend}`, async () => {
    await useBackend({ backend, threads: 1 });
    for (const settings of [
      { name: 'sgd', lr: 0.1 },
      { name: 'sgd', lr: 0.1, momentum: 0.9, nesterov: true },
      { name: 'adam', lr: 0.1 },
      { name: 'adamw', lr: 0.1 },
    ] as const) {
      const none = walk({ ...settings, weight_decay: 0 });
      const all = walk({ ...settings, weight_decay: 0.5 });
      const kernels = walk({ ...settings, weight_decay: 0.5, decay: 'kernels' });
      keys.forEach((key, i) => assert.deepEqual(kernels[i], (kernelsOnly(key) ? all : none)[i], key));
      assert.notDeepEqual(all, none);
    }
  });
}

test('kernels are told from norms, biases and gates by their names', () => {
  assert.deepEqual(keys.filter(kernelsOnly), ['conv/kernel', 'depthwise/depthwise_kernel']);
});

test('an optimizer comes from plain values, with its own defaults', () => {
  for (const [settings, name, lr] of [
    [{ name: 'adamw' }, 'AdamW', 1e-3],
    [{ name: 'adam', lr: 0.5 }, 'Adam', 0.5],
    [{ name: 'sgd' }, 'SGD', 0.01],
  ] as const) {
    const optimizer = makeOptimizer(settings);
    assert.deepEqual([optimizer.name, optimizer.lr], [name, lr]);
  }
  for (const [settings, message] of [
    [{ name: 'lion' }, /An optimizer must be 'adamw', 'adam' or 'sgd'; received 'lion'/],
    [{ name: 'sgd', decay: 'norms' }, /decay must be 'all' or 'kernels'; received 'norms'/],
    [{ name: 'adam', momentum: 0.9 }, /momentum and nesterov must be left out with adam/],
    [{ name: 'adamw', nesterov: true }, /momentum and nesterov must be left out with adamw/],
    [{ name: 'sgd', nesterov: true }, /nesterov must have a momentum above 0/],
    [{ name: 'sgd', lr: -1 }, /lr must be a number of at least 0; received -1/],
    [{ name: 'adam', weight_decay: NaN }, /weight_decay must be a number of at least 0; received NaN/],
    [{ name: 'sgd', momentum: -0.9 }, /momentum must be a number of at least 0; received -0.9/],
  ] as const) {
    assert.throws(() => makeOptimizer(settings as OptimizerSettings), { name: 'UserError', message });
  }
});
