import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { BatchNorm, type Conv2d } from 'sparsebook/layers';
import {
  activation,
  assertClose,
  flatGolden,
  maxAbs,
  readGolden,
  type GoldenArray,
  type GoldenRecipe,
} from '../goldens.ts';
import { assertGradients, forwardPass, parseFill, type Summary } from './forwardGolden.ts';
import { networks, ourKernelLayer, ourUnitName, ourWeight, ourWeightName } from './istaGolden.ts';
import { fillModel } from './modelWeights.ts';

// The file's tolerances are those of straight float32 sums.
await useBackend({ backend: 'simd', winograd: false });

interface Expected {
  logits: GoldenArray;
  cross_entropy: number;
  loss_with_weight_decay: number;
  grads_of_loss_with_weight_decay: Summary[];
}

interface Case {
  name: string;
  inputs: { x: string; labels: number[]; tensors: GoldenRecipe[] };
  attrs: { bn_eps: number; weight_decay: number };
  expected: Record<'moving_statistics' | 'batch_statistics', Expected>;
}

/** It moves every image's logits alike, which the batch norm of the logits undoes: its gradient is 0 but for rounding. */
const zeroByBatch = 'g2b2c1.beta';

for (const { name, inputs, attrs, expected } of readGolden<Case>('ista_nets_forward').cases) {
  for (const [mode, golden] of Object.entries(expected)) {
    test(`ista_nets_forward ${name}, ${mode}`, () => {
      const model = networks[name]();
      fillModel(model, inputs.tensors, ourWeightName, ourWeight);
      const pass = forwardPass(model, activation(parseFill(inputs.x)), inputs.labels, {
        batchStatistics: mode === 'batch_statistics',
        weightDecay: attrs.weight_decay,
      });
      const { data } = golden.logits;
      assertClose(pass.logits.dataSync(), data, { absolute: 1e-4 * maxAbs(data) }, 'logits');
      assertClose(pass.crossEntropy.dataSync(), [golden.cross_entropy], { absolute: 1e-3 }, 'cross entropy');
      assertClose(pass.loss.dataSync(), [golden.loss_with_weight_decay], { absolute: 1e-3 }, 'loss');
      const goldens = golden.grads_of_loss_with_weight_decay;
      assert.equal(pass.gradients.size, goldens.length);
      const gradientOf = (weight: string): Float32Array =>
        flatGolden(pass.gradients.get(ourWeightName(weight))!, 'weight');
      const zero = name === 'resnet20' && mode === 'batch_statistics' ? [zeroByBatch] : [];
      for (const weight of zero) assert.ok(maxAbs(gradientOf(weight)) < 1e-5, weight);
      assertGradients(
        goldens.filter(({ name }) => !zero.includes(name)),
        gradientOf,
      );
    });
  }
}

interface Counts {
  name: string;
  inputs: {
    layers: {
      name: string;
      kernel: number;
      cin: number;
      cout: number;
      stride: number;
      padding: string;
      relu: boolean;
      gamma: boolean;
      out_hw: number;
    }[];
  };
  expected: {
    total_params_as_counted: number;
    trainable_params: number;
    per_layer: { layer: string; weights: number; bn_values: number; trainable: number }[];
    penalised_layers: { layer: string; channels: number }[];
  };
}

/** Values in the weights of one layer. */
const count = (weights: tf.layers.Layer['weights']): number =>
  weights.reduce((n, w) => n + tf.util.sizeFromShape(w.shape as number[]), 0);

for (const { name, inputs, expected } of readGolden<Counts>('ista_costs_params').cases) {
  const model = networks[name]();
  const bnOf = (unit: string): BatchNorm => model.getLayer(`${ourUnitName(unit)}_bn`) as BatchNorm;

  test(`ista_costs_params ${name}: every layer has the project's shape`, () => {
    for (const { name: unit, kernel, cin, cout, stride, padding, relu, gamma, out_hw } of inputs.layers) {
      const bn = bnOf(unit);
      assert.deepEqual([bn.activation === 'relu', bn.scale, bn.center], [relu, gamma, true], unit);
      const layer = model.getLayer(ourKernelLayer(unit));
      if (unit === 'softmax_linear') {
        assert.deepEqual(
          layer.weights.map((w) => w.shape),
          [[cin, cout]],
        );
        continue;
      }
      const { strides, padding: ours } = layer as Conv2d;
      assert.deepEqual(
        layer.weights.map((w) => w.shape),
        [[kernel, kernel, cin, cout]],
        unit,
      );
      assert.deepEqual([strides, ours], [stride, padding.toLowerCase()], unit);
      assert.deepEqual(layer.outputShape, [null, out_hw, out_hw, cout], unit);
    }
    assert.equal(model.layers.filter((layer) => layer instanceof BatchNorm).length, inputs.layers.length);
  });

  test(`ista_costs_params ${name}: every layer has the project's number of parameters`, () => {
    for (const { layer, weights, bn_values, trainable } of expected.per_layer) {
      const [kernel, bn] = [model.getLayer(ourKernelLayer(layer)), bnOf(layer)];
      assert.deepEqual(
        [count(kernel.weights), count(bn.weights), count([...kernel.trainableWeights, ...bn.trainableWeights])],
        [weights, bn_values, trainable],
        layer,
      );
    }
    assert.equal(count(model.weights), expected.total_params_as_counted);
    assert.equal(count(model.trainableWeights), expected.trainable_params);
    const scaled = model.layers.filter((layer): layer is BatchNorm => layer instanceof BatchNorm && layer.scale);
    assert.deepEqual(
      scaled.map((bn) => [bn.name, bn.gamma?.size]),
      expected.penalised_layers.map(({ layer, channels }) => [`${ourUnitName(layer)}_bn`, channels]),
    );
  });
}
