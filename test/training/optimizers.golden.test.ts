import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readable } from 'sparsebook/backend/readable.js';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { Adam, AdamW } from 'sparsebook/training/adam.js';
import { exponentialDecay, multiStep } from 'sparsebook/training/schedules.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import type { Optimizer } from 'sparsebook/training/slots.js';
import { assertClose, goldensBackend, kindOf, readGolden, tensor, type GoldenArray } from '../goldens.ts';

interface Case {
  name: string;
  inputs: { params: GoldenArray[]; grads_per_step: GoldenArray[][] };
  attrs: {
    optimizer: 'AdamW' | 'Adam' | 'SGD';
    lr: number;
    weight_decay?: number;
    momentum?: number;
    betas?: [number, number];
    eps?: number;
    milestones: number[];
    gamma: number;
    base_lr: number;
    epochs: number;
    initial: number;
    decay_steps: number;
    factor: number;
  };
  expected: {
    params_after_step?: GoldenArray[][];
    lr_used_in_epoch?: number[];
    decay_steps?: number;
    lr_at_step?: { step: number; lr: number }[];
  };
}

// How the decay was specified there: by epochs of a data set's size.
const { cases } = readGolden<Case>('optimizers', ['attrs.train_images', 'attrs.batch']);

/**
 * Makes the steps of a case with the optimizer that `at` returns for each step, and checks every parameter after each
 * step.
 */
async function walk({ inputs, attrs, expected }: Case, at: (step: number) => Optimizer): Promise<void> {
  const variables = inputs.params.map((p) => tf.variable(tensor(p)));
  for (const [step, grads] of inputs.grads_per_step.entries()) {
    const gradients = grads.map(tensor);
    at(step).step(variables.map((variable, i) => ({ key: `p${i}`, variable, gradient: gradients[i], lr: attrs.lr })));
    await readable();
    variables.forEach((variable, i) =>
      assertClose(
        variable.dataSync(),
        expected.params_after_step![step][i].data,
        { absolute: 2e-6 },
        `parameter ${i} after step ${step + 1}`,
      ),
    );
  }
}

const kinds = { AdamW, Adam, SGD: Sgd };
for (const golden of cases.filter(({ expected }) => expected.params_after_step)) {
  const { lr, weight_decay, momentum, betas, eps, optimizer } = golden.attrs;
  const given = Object.entries({ lr, weight_decay, momentum, betas, eps }).filter(([, value]) => value !== undefined);
  const make = (): Optimizer => new kinds[optimizer](Object.fromEntries(given));

  for (const backend of [goldensBackend, 'simd'] as const) {
    test(`optimizers ${golden.name} on ${backend}`, async () => {
      await useBackend({ backend });
      const one = make();
      await walk(golden, () => one);
      one.dispose();
    });
  }

  test(`optimizers ${golden.name}, saved and restored before every step`, async () => {
    await useBackend({ backend: goldensBackend });
    let current = make();
    await walk(golden, () => {
      const next = make();
      next.restore(current.state());
      current.dispose();
      return (current = next);
    });
  });
}

for (const { name, attrs, expected } of cases.filter(({ expected }) => expected.lr_used_in_epoch)) {
  test(`optimizers ${name}`, () => {
    const schedule = multiStep({ milestones: attrs.milestones, gamma: attrs.gamma });
    assert.equal(expected.lr_used_in_epoch!.length, attrs.epochs);
    const rates = expected.lr_used_in_epoch!.map(
      (_, epoch) => attrs.base_lr * schedule({ epoch, step: 0, totalSteps: 1 }),
    );
    assertClose(rates, expected.lr_used_in_epoch!, { relative: 1e-9 }, 'learning rate');
  });
}

for (const { name, attrs, expected } of cases.filter(({ expected }) => expected.lr_at_step)) {
  test(`optimizers ${name}`, () => {
    const schedule = exponentialDecay({ decaySteps: attrs.decay_steps, factor: attrs.factor });
    assert.equal(expected.decay_steps, attrs.decay_steps);
    for (const { step, lr } of expected.lr_at_step!) {
      assertClose(
        [attrs.initial * schedule({ epoch: 0, step, totalSteps: 1 })],
        [lr],
        { relative: 1e-9 },
        `step ${step}`,
      );
    }
  });
}

for (const golden of cases) kindOf(golden, ['params_after_step', 'lr_used_in_epoch', 'lr_at_step']);
