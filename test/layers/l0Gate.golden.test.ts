import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readable } from 'sparsebook/backend/readable.js';
import {
  cumulativeProbability,
  defaultHardConcrete,
  probabilityNonZero,
  stretchedSample,
} from 'sparsebook/layers/hardConcrete.js';
import * as hardConcreteCurves from 'sparsebook/layers/hardConcreteCurves.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import {
  activation,
  assertClose,
  flatGolden,
  kindOf,
  maxAbs,
  readGolden,
  tensor,
  useGoldensBackend,
  type GoldenArray,
} from '../goldens.ts';

interface Case {
  name: string;
  inputs: Record<'qz_loga' | 'uniform_noise' | 'x' | 'loss_coef', GoldenArray>;
  attrs: {
    temperature: number;
    droprate_init: number;
    lamba: number;
    limit_a: number;
    limit_b: number;
    epsilon: number;
    mask_dim: number;
    qz_loga_buffer: number;
    fix_and_open_gate: boolean;
    is_trainable: boolean;
  };
  expected: Record<string, GoldenArray & number>;
  tolerance?: Record<string, number>;
}

await useGoldensBackend();
// The initial value is tested in the cases 'init_...'; here logAlpha is given.
const { cases } = readGolden<Case>('l0_gate', ['attrs.droprate_init']);
const gradients = { relative: 1e-3, absolute: 1e-4 };

/** A gate with the logAlpha of the case. */
function gateOf({ inputs, attrs }: Case): L0Gate {
  const gate = new L0Gate({ name: 'gate', temperature: attrs.temperature });
  gate.build(activation(inputs.x).shape.map((n, axis) => (axis === 0 ? null : n)));
  gate.setWeights([tensor(inputs.qz_loga)]);
  return gate;
}

for (const golden of cases.filter(({ expected }) => 'stretched' in expected)) {
  const { name, inputs, attrs, expected } = golden;
  const { limit_a: gamma, limit_b: zeta, epsilon, temperature } = attrs;
  const shape = { ...defaultHardConcrete, temperature };
  const noise = { gate: tensor(inputs.uniform_noise) };
  const x = activation(inputs.x);
  const coefficients = activation(inputs.loss_coef);

  for (const [mode, prefix] of [
    ['training', ''],
    ['inference', 'eval_'],
  ]) {
    test(`l0_gate ${name}: output, loss and gradients in ${mode}`, async () => {
      const gate = gateOf(golden);
      const run = (input: tf.Tensor): tf.Tensor =>
        gate.apply(input, { training: mode === 'training', noise }) as tf.Tensor;
      const loss = (input: tf.Tensor): tf.Scalar => {
        const y = run(input);
        return tf.add(coefficients.mul(y).sum(), y.square().sum().mul(0.5));
      };
      const output = run(x);
      const { value, grads } = tf.variableGrads(() => loss(x), [gate.logAlpha]);
      const byInput = tf.grad(loss)(x);
      await readable();
      assertClose(
        flatGolden(output, 'activation'),
        expected[`${prefix}output`].data,
        { absolute: 1e-5 * maxAbs(inputs.x.data) },
        'output',
      );
      assertClose(value.dataSync(), [expected[`${prefix}loss`]], { relative: 1e-5 }, 'loss');
      assertClose(Object.values(grads)[0].dataSync(), expected[`${prefix}grad_qz_loga`].data, gradients, 'd logAlpha');
      assertClose(
        flatGolden(byInput, 'activation'),
        expected[`${prefix}grad_x`].data,
        gradients,
        'gradient with respect to x',
      );
    });
  }

  test(`l0_gate ${name}: the limits are fixed constants`, () => {
    assert.deepEqual(shape, { temperature, gamma, zeta, epsilon });
  });

  test(`l0_gate ${name}: stretched sample, masks, probabilities, penalty`, async () => {
    const gate = gateOf(golden);
    const { logAlpha } = gate;
    const check = async (
      t: tf.Tensor,
      key: string,
      tolerance: { absolute?: number; relative?: number },
    ): Promise<void> => assertClose(await t.data(), expected[key].data, tolerance, key);
    await check(stretchedSample(logAlpha, noise.gate, shape), 'stretched', { absolute: 1e-5 });
    await check(gate.mask(x.shape[0], { training: true, noise }), 'mask', { absolute: 1e-5 });
    await check(gate.inferenceMask(), 'inference_mask', { absolute: 1e-5 });
    await check(gate.probabilityNonZero(), 'probability_non_zero', { absolute: 2e-6 });
    await check(cumulativeProbability(logAlpha, 0, shape), 'cdf_at_0', { absolute: 2e-6 });
    const { value, grads } = tf.variableGrads(
      () => probabilityNonZero(logAlpha, shape).sum().mul<tf.Scalar>(attrs.lamba),
      [logAlpha],
    );
    assertClose(await value.data(), [expected.regularization], { relative: 1e-5 }, 'penalty');
    const gradient = expected.grad_regularization_qz_loga.data;
    assertClose(await Object.values(grads)[0].data(), gradient, gradients, 'gradient of the penalty');
  });

  test(`l0_gate ${name}: the closed forms for plots agree`, () => {
    inputs.qz_loga.data.forEach((logAlpha, c) => {
      const near = (actual: number, wanted: number): void => assertClose([actual], [wanted], { absolute: 2e-6 }, name);
      near(hardConcreteCurves.cdf(0, logAlpha, shape), expected.cdf_at_0.data[c]);
      near(hardConcreteCurves.openProbability(logAlpha, shape), expected.probability_non_zero.data[c]);
      near(hardConcreteCurves.testMask(logAlpha, shape), expected.inference_mask.data[c]);
      const u = Math.fround(inputs.uniform_noise.data[c]);
      assertClose(
        [hardConcreteCurves.quantile(u, logAlpha, shape), hardConcreteCurves.mask(u, logAlpha, shape)],
        [expected.stretched.data[c], expected.mask.data[c]],
        { absolute: 1e-5 },
        'sample',
      );
    });
  });
}

for (const { name, inputs, attrs, expected } of cases.filter(({ expected }) => 'output_train_mode' in expected)) {
  test(`l0_gate ${name}: a fixed open gate changes nothing and has nothing to train`, async () => {
    const gate = new L0Gate({ fixedOpen: true });
    const x = activation(inputs.x);
    for (const [training, key] of [
      [true, 'output_train_mode'],
      [false, 'output_eval_mode'],
    ] as const) {
      const y = gate.apply(x, { training }) as tf.Tensor;
      await readable();
      assert.deepEqual([...flatGolden(y, 'activation')], expected[key].data.map(Math.fround));
    }
    assert.ok(attrs.fix_and_open_gate);
    assert.deepEqual([...gate.logAlpha.dataSync()], Array(attrs.mask_dim).fill(attrs.qz_loga_buffer));
    assert.equal(gate.trainableWeights.length > 0, attrs.is_trainable);
    assert.equal(gate.hardConcrete.temperature, attrs.temperature);
    assertClose(
      await gate.probabilityNonZero().data(),
      expected.probability_non_zero.data,
      { absolute: 2e-6 },
      'probability',
    );
    assert.deepEqual([...(await gate.inferenceMask().data())], expected.inference_mask.data);
    assertClose(
      await probabilityNonZero(gate.logAlpha).sum().data(),
      [expected.regularization_of_one_gate],
      { relative: 1e-5 },
      'penalty',
    );
    assert.equal(
      gate.trainableWeights.reduce((n, { shape }) => n + (shape[0] ?? 0), 0),
      expected.n_trainable_parameters,
    );
  });
}

for (const { name, attrs, expected, tolerance } of cases.filter(({ expected }) => 'init_mean' in expected)) {
  test(`l0_gate ${name}: the initial logAlpha`, async () => {
    const gate = new L0Gate({ droprate_init: attrs.droprate_init, seed: 7 });
    gate.build([null, 20000]);
    const { mean, variance } = tf.moments(gate.logAlpha);
    assertClose(
      await mean.data(),
      [expected.init_mean],
      { absolute: tolerance?.init_mean_over_many },
      'mean of logAlpha at the start',
    );
    assertClose(
      await variance.sqrt().data(),
      [expected.init_std],
      { absolute: tolerance?.init_std_over_many },
      'standard deviation of logAlpha at the start',
    );
    const absolute = tolerance?.others;
    const { openProbability, testMask } = hardConcreteCurves;
    const shape = { ...defaultHardConcrete, temperature: attrs.temperature };
    assertClose(
      [openProbability(expected.init_mean, shape)],
      [expected.probability_non_zero_at_mean],
      { absolute },
      'P',
    );
    assertClose([testMask(expected.init_mean, shape)], [expected.inference_mask_at_mean], { absolute }, 'mask');
  });
}

for (const golden of cases) kindOf(golden, ['stretched', 'output_train_mode', 'init_mean']);
