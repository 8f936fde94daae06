import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readable } from 'sparsebook/backend/readable.js';
import { defaultHardConcrete } from 'sparsebook/layers/hardConcrete.js';
import {
  gatedConvolution,
  gatedConvolutionCost,
  gatedConvolutionPrior,
  gatedDense,
  gatedDenseCost,
  gatedDensePrior,
  type GatedConvolution,
  type GatedDense,
  type GatedMode,
} from './originalLayers.ts';
import {
  activation,
  assertClose,
  flatGolden,
  readGolden,
  tensor,
  useGoldensBackend,
  weight,
  type GoldenArray,
} from '../goldens.ts';

interface Case {
  name: string;
  inputs: Record<'x' | 'weights' | 'qz_loga' | 'noise_minibatch' | 'noise_local_rep', GoldenArray> & {
    bias?: GoldenArray;
  };
  attrs: { weight_decay_prior_prec: number; lamba: number; N: number; padding: number; temperature: number };
  expected: Record<string, GoldenArray> & {
    regularization: number;
    model_penalty_minus_reg_over_N: number;
    expected_flops_as_coded: number;
    expected_l0: number;
    expected_flops_with_true_height_width?: number;
  };
}

await useGoldensBackend();
const { cases } = readGolden<Case>('l0_original_layers');

for (const { name, inputs, attrs, expected } of cases) {
  const dense = inputs.x.shape.length === 2;
  const x = activation(inputs.x);
  // The dense weights of this file are already [in, out].
  const layer = {
    weights: dense ? tensor(inputs.weights) : weight(inputs.weights),
    bias: inputs.bias && tensor(inputs.bias),
    logAlpha: tensor(inputs.qz_loga),
    padding: attrs.padding,
  };
  assert.equal(attrs.temperature, defaultHardConcrete.temperature, 'the only temperature of these layers');
  const prior = { weight_decay: attrs.weight_decay_prior_prec, lambda: attrs.lamba };

  for (const [mode, key, noise] of [
    ['minibatch', 'output_train_one_sample_per_minibatch', inputs.noise_minibatch],
    ['image', 'output_train_local_rep', inputs.noise_local_rep],
    ['inference', 'output_eval', undefined],
  ] as [GatedMode, string, GoldenArray | undefined][]) {
    test(`l0_original_layers ${name}: output in mode ${mode}`, async () => {
      const given = noise && tensor(noise);
      const y = dense
        ? gatedDense(x as tf.Tensor2D, layer as GatedDense, mode, given)
        : gatedConvolution(x as tf.Tensor4D, layer as GatedConvolution, mode, given);
      await readable();
      assertClose(flatGolden(y, 'activation'), expected[key].data, { absolute: 2e-5 }, key);
    });
  }

  test(`l0_original_layers ${name}: prior and its gradients`, async () => {
    const priorOf = (logAlpha: tf.Tensor, weights: tf.Tensor): tf.Scalar => {
      const changed = { ...layer, logAlpha, weights };
      return dense
        ? gatedDensePrior(changed as GatedDense, prior)
        : gatedConvolutionPrior(changed as GatedConvolution, prior);
    };
    const [value] = await priorOf(layer.logAlpha, layer.weights).data();
    assertClose([value], [expected.regularization], { relative: 1e-5 }, 'prior');
    assertClose([-value / attrs.N], [expected.model_penalty_minus_reg_over_N], { relative: 1e-5 }, 'penalty');
    const [byLogAlpha, byWeights] = tf.grads(priorOf)([layer.logAlpha, layer.weights]);
    await readable();
    const absolute = { absolute: 1e-5 };
    assertClose(byLogAlpha.dataSync(), expected.grad_regularization_qz_loga.data, absolute, 'd logAlpha');
    const flat = dense ? byWeights.dataSync<'float32'>() : flatGolden(byWeights, 'weight');
    assertClose(flat, expected.grad_regularization_weights.data, absolute, 'd weights');
  });

  test(`l0_original_layers ${name}: expected operations and parameters`, () => {
    const [, channels, height, width] = inputs.x.shape;
    const costOf = (image: [number, number]): { flops: number; l0: number } =>
      dense ? gatedDenseCost(layer as GatedDense) : gatedConvolutionCost(layer as GatedConvolution, image);
    const { flops, l0 } = costOf([channels, height]);
    const relative = { relative: 1e-5 };
    assertClose([flops, l0], [expected.expected_flops_as_coded, expected.expected_l0], relative, 'as coded');
    if (expected.expected_flops_with_true_height_width !== undefined) {
      assertClose([costOf([height, width]).flops], [expected.expected_flops_with_true_height_width], relative, 'true');
    } else assert.ok(dense);
  });
}

test('a mode that samples needs noise', () => {
  const layer = { weights: tf.ones<tf.Rank.R2>([2, 2]), logAlpha: tf.zeros<tf.Rank.R1>([2]) };
  assert.throws(() => gatedDense(tf.ones([1, 2]), layer, 'image'), /mode 'image' samples masks and needs noise/);
});
