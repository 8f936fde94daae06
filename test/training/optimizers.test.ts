import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { WeightMasks } from 'sparsebook/sparsity/weightMasks.js';
import { kernelsOnly, makeOptimizer, type OptimizerSettings } from 'sparsebook/training/optimizer.js';
import { assertClose } from '../goldens.ts';

const keys = ['conv/kernel', 'depthwise/depthwise_kernel', 'bn/gamma', 'bn/beta', 'conv/bias', 'gate/logAlpha'];
const start = [0.5, -1, 2];
const gradients = [
  [0.1, -0.2, 0.3],
  [0.4, 0, -0.1],
  [-0.3, 0.2, 0.2],
];

/** The values of a variable per key after three steps with the gradients above. */
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

type Values = Record<string, number[]>;
/** PyTorch's results for a kernel, a bias and a gate, written by optimizers.py beside it. */
const torch = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'fixtures', 'torch', 'optimizers.json'), 'utf8'),
) as { pruned_from: number; free_from: number; shapes: Values; start: Values; mask: number[]; gradients: Values[] } & {
  cases: { settings: OptimizerSettings & { gate_lr: number }; steps: Values[] }[];
};

/** Their values after each step of an optimizer, while entries of the kernel are pruned for some of the steps. */
function walkPruned(settings: OptimizerSettings, gateRate: number): Record<string, Float32Array>[] {
  const { shapes, start, mask, gradients } = torch;
  const optimizer = makeOptimizer(settings);
  const layer = tf.layers.dense({ name: 'd', units: shapes.kernel[1], inputShape: [shapes.kernel[0]] });
  const model = tf.sequential({ layers: [layer] });
  layer.setWeights([tf.tensor(start.kernel, shapes.kernel), tf.tensor(start.bias)]);
  const [kernel, bias] = layer.weights.map((weight) => weight.read() as tf.Variable);
  const gate = tf.variable(tf.tensor(start.gate));
  const masks = new WeightMasks(model);
  const keys: Record<string, string> = { kernel: 'd/kernel', bias: 'd/bias', gate: 'g/logAlpha' };
  const variables = Object.entries({ kernel, bias, gate });
  const states = gradients.map((gradient, step) => {
    if (step === torch.pruned_from) {
      masks.set(layer.weights[0], Float32Array.from(mask));
      masks.hide();
    }
    if (step === torch.free_from) masks.clear();
    const grads = Object.fromEntries(variables.map(([name, v]) => [v.name, tf.tensor(gradient[name], shapes[name])]));
    masks.maskGradients(grads, optimizer.remembersDecay);
    optimizer.step(
      variables.map(([name, variable]) => {
        const lr = name === 'gate' ? gateRate : optimizer.lr;
        return { key: keys[name], variable, gradient: grads[variable.name], lr };
      }),
    );
    masks.apply();
    tf.dispose(grads);
    return Object.fromEntries(variables.map(([name, variable]) => [name, variable.dataSync<'float32'>().slice()]));
  });
  masks.clear();
  optimizer.dispose();
  gate.dispose();
  model.dispose();
  return states;
}

for (const backend of ['cpu', 'simd'] as const) {
  test(`steps are PyTorch's: momentum, Nesterov's, decay by group, entries pruned and released, on ${backend}`, async () => {
    await useBackend({ backend, threads: 1 });
    for (const { settings, steps } of torch.cases) {
      const { gate_lr, ...own } = settings;
      walkPruned(own, gate_lr).forEach((step, n) => {
        for (const [name, values] of Object.entries(steps[n])) {
          assertClose(step[name], values, { absolute: 1e-6 }, `${JSON.stringify(settings)}: ${name}, step ${n + 1}`);
        }
      });
    }
  });

  test(`weight decay can be restricted to kernels, whatever the optimizer, on ${backend}`, async () => {
    await useBackend({ backend, threads: 1 });
    for (const settings of [
      { name: 'sgd', lr: 0.1 },
      { name: 'sgd', lr: 0.1, momentum: 0.9, nesterov: true },
      { name: 'adam', lr: 0.1 },
      { name: 'adamw', lr: 0.1 },
      { name: 'muon', lr: 0.1 },
    ] as const) {
      const none = walk({ ...settings, weight_decay: 0 });
      const all = walk({ ...settings, weight_decay: 0.5 });
      const kernels = walk({ ...settings, weight_decay: 0.5, decay: 'kernels' });
      keys.forEach((key, i) => assert.deepEqual(kernels[i], (kernelsOnly(key) ? all : none)[i], key));
      assert.notDeepEqual(all, none);
    }
  });
}

for (const backend of ['cpu', 'simd'] as const) {
  test(`an optimizer that has trained another network is refused by this one, on ${backend}`, async () => {
    await useBackend({ backend, threads: 1 });
    for (const name of ['sgd', 'adam', 'adamw', 'muon'] as const) {
      const optimizer = makeOptimizer({ name, ...(name === 'sgd' && { momentum: 0.9 }) });
      const step = (outputs: number): void => {
        const shape: [number, number, number, number] = [1, 1, 2, outputs];
        const [variable, gradient] = [tf.variable(tf.ones(shape)), tf.ones(shape)];
        optimizer.step([{ key: 'conv/kernel', variable, gradient, lr: 0.1 }]);
      };
      step(3);
      const message = /of conv\/kernel it remembers 1x1x2x3 values, there are 1x1x2x4: .*Make a new optimizer/;
      assert.throws(() => step(4), { name: 'UserError', message });
      optimizer.dispose();
    }
  });
}

test('kernels are distinguished from norms, biases and gates by their names', () => {
  assert.deepEqual(keys.filter(kernelsOnly), ['conv/kernel', 'depthwise/depthwise_kernel']);
});

test('an optimizer can be made from plain values, with its own defaults', () => {
  for (const [settings, name, lr] of [
    [{ name: 'adamw' }, 'AdamW', 1e-3],
    [{ name: 'adam', lr: 0.5 }, 'Adam', 0.5],
    [{ name: 'sgd' }, 'SGD', 0.01],
    [{ name: 'muon' }, 'Muon', 1e-3],
  ] as const) {
    const optimizer = makeOptimizer(settings);
    assert.deepEqual([optimizer.name, optimizer.lr], [name, lr]);
  }
  for (const [settings, message] of [
    [{ name: 'lion' }, /An optimizer must be 'adamw', 'adam', 'sgd' or 'muon'; received 'lion'/],
    [{ name: 'sgd', decay: 'norms' }, /decay must be 'all' or 'kernels'; received 'norms'/],
    [{ name: 'adam', momentum: 0.9 }, /momentum and nesterov must be left out with adam/],
    [{ name: 'adamw', nesterov: true }, /momentum and nesterov must be left out with adamw/],
    [{ name: 'adamw', relative_lr: 0.1 }, /relative_lr must be left out with adamw: it is a setting of muon/],
    [{ name: 'muon', relative_lr: 0 }, /relative_lr must be a number above 0; received 0/],
    [{ name: 'muon', lr: 0, relative_lr: 0.1 }, /lr must be above 0 beside relative_lr; received 0/],
    [{ name: 'sgd', nesterov: true }, /nesterov must have a momentum above 0/],
    [{ name: 'sgd', lr: -1 }, /lr must be a number of at least 0; received -1/],
    [{ name: 'adam', weight_decay: NaN }, /weight_decay must be a number of at least 0; received NaN/],
    [{ name: 'muon', momentum: -0.9 }, /momentum must be a number of at least 0 and below 1; received -0.9/],
    [{ name: 'sgd', momentum: -0.9 }, /momentum must be a number of at least 0 and below 1; received -0.9/],
  ] as const) {
    assert.throws(() => makeOptimizer(settings as OptimizerSettings), { name: 'UserError', message });
  }
});
