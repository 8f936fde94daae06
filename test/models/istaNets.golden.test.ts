import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readable } from 'sparsebook/backend/readable.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import type { Conv2d } from 'sparsebook/layers/conv2d.js';
import { istaLayers } from 'sparsebook/sparsity/ista.js';
import {
  activation,
  assertClose,
  maxAbs,
  parseFill,
  readGolden,
  type GoldenArray,
  type GoldenRecipe,
} from '../goldens.ts';
import {
  assertGradients,
  assertLogits,
  convolutions,
  filledNetwork,
  forwardPass,
  goldenNetworks,
  goldenWeight,
  istaKernelLayer,
  istaUnitName,
  networkOf,
  type GoldenNetwork,
  type GradientTolerance,
  type Summary,
} from './goldenNetworks.ts';

/** The network of a case, by the case's name. */
function networkNamed(name: string): GoldenNetwork {
  assert.ok(name === 'resnet20' || name === 'cnn4', `the ISTA project has no network ${name}`);
  return goldenNetworks[name];
}

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
  expected: Record<string, Expected>;
}

/**
 * It shifts the logits of all images alike, which the batch norm of the logits undoes: its gradient is 0 except for
 * rounding.
 */
const ZERO_BY_BATCH = 'g2b2c1.beta';

const forward = readGolden<Case, GradientTolerance>('ista_nets_forward');

for (const { name, inputs, attrs, expected } of forward.cases) {
  const network = networkNamed(name);
  for (const [mode, golden] of Object.entries(expected)) {
    for (const [way, by] of Object.entries(convolutions)) {
      test(`ista_nets_forward ${name}, ${mode}, by ${way}`, async () => {
        assert.ok(['batch_statistics', 'moving_statistics'].includes(mode), `${mode} is no mode of batch norm`);
        await by.choose();
        const images = parseFill(inputs.x);
        const model = filledNetwork(network, inputs.tensors, { images: images.shape, bn_eps: attrs.bn_eps });
        const pass = forwardPass(model, activation(images), inputs.labels, {
          batchStatistics: mode === 'batch_statistics',
          weightDecay: attrs.weight_decay,
        });
        await readable();
        assertLogits(pass.logits, golden.logits);
        assertClose(pass.crossEntropy.dataSync(), [golden.cross_entropy], { absolute: 1e-3 }, 'cross entropy');
        assertClose(pass.loss.dataSync(), [golden.loss_with_weight_decay], { absolute: 1e-3 }, 'loss');
        const goldens = golden.grads_of_loss_with_weight_decay;
        assert.equal(pass.gradients.size, goldens.length);
        const gradientOf = (weight: string): Float32Array =>
          goldenWeight(model, network.ourName(weight), pass.gradients.get(network.ourName(weight))!);
        const zero = name === 'resnet20' && mode === 'batch_statistics' ? [ZERO_BY_BATCH] : [];
        for (const weight of zero) assert.ok(maxAbs(gradientOf(weight)) < 1e-5, weight);
        assertGradients(
          goldens.filter(({ name }) => !zero.includes(name)),
          gradientOf,
          forward.tolerance.grads,
          by,
        );
      });
    }
  }
}

interface Layer {
  name: string;
  kernel: number;
  cin: number;
  cout: number;
  stride: number;
  padding: string;
  relu: boolean;
  gamma: boolean;
  out_hw: number;
}

interface Counts {
  name: string;
  inputs: { layers: Layer[] };
  attrs: { num_pixels: number };
  expected: {
    total_params_as_counted: number;
    trainable_params: number;
    per_layer: {
      layer: string;
      kernel: number;
      cin: number;
      cout: number;
      weights: number;
      bn_values: number;
      trainable: number;
    }[];
    penalised_layers: {
      layer: string;
      channels: number;
      out_hw: number;
      kernel: number;
      cin: number;
      own_part: number;
      add_to_cost: number;
      cost: number;
    }[];
    edge_count: number;
  };
}

/** The number of values in the weights of one layer. */
const count = (weights: tf.layers.Layer['weights']): number =>
  weights.reduce((n, w) => n + tf.util.sizeFromShape(w.shape as number[]), 0);

await tf.setBackend('cpu');
for (const { name, inputs, attrs, expected } of readGolden<Counts>('ista_costs_params', ['attrs.priority']).cases) {
  const network = networkNamed(name);
  const [{ cin, out_hw }] = inputs.layers;
  const kernels = inputs.layers.map(({ name, kernel, cin, cout }) => ({
    name: `${name}.weight`,
    shape: [cout, cin, kernel, kernel],
  }));
  // The first layer of both networks keeps the size of the image.
  const model = networkOf(network, kernels, { images: [1, cin, out_hw, out_hw] });
  const bnOf = (unit: string): BatchNorm => model.getLayer(`${istaUnitName(unit)}_bn`) as BatchNorm;
  const layerOf = (unit: string): Layer => inputs.layers.find(({ name }) => name === unit)!;

  test(`ista_costs_params ${name}: every layer has the project's shape`, () => {
    for (const { name: unit, kernel, cin, cout, stride, padding, relu, gamma, out_hw } of inputs.layers) {
      const bn = bnOf(unit);
      assert.deepEqual([bn.activation === 'relu', bn.scale, bn.center], [relu, gamma, true], unit);
      const layer = model.getLayer(istaKernelLayer(unit));
      const shapes = layer.weights.map(({ shape }) => shape);
      if (unit === 'softmax_linear') {
        assert.deepEqual([shapes, kernel, stride, out_hw], [[[cin, cout]], 1, 1, 1]);
        continue;
      }
      const { strides, padding: ours } = layer as Conv2d;
      assert.deepEqual(shapes, [[kernel, kernel, cin, cout]], unit);
      assert.deepEqual([strides, ours], [stride, padding.toLowerCase()], unit);
      assert.deepEqual(layer.outputShape, [null, out_hw, out_hw, cout], unit);
    }
    assert.equal(model.layers.filter((layer) => layer instanceof BatchNorm).length, inputs.layers.length);
  });

  test(`ista_costs_params ${name}: every layer has the project's number of parameters`, () => {
    for (const { layer, kernel, cin, cout, weights, bn_values, trainable } of expected.per_layer) {
      const [ours, bn] = [model.getLayer(istaKernelLayer(layer)), bnOf(layer)];
      assert.deepEqual(
        [count(ours.weights), count(bn.weights), count([...ours.trainableWeights, ...bn.trainableWeights])],
        [weights, bn_values, trainable],
        layer,
      );
      assert.equal(weights, kernel * kernel * cin * cout);
    }
    assert.equal(count(model.weights), expected.total_params_as_counted);
    assert.equal(count(model.trainableWeights), expected.trainable_params);
    const scaled = model.layers.filter((layer): layer is BatchNorm => layer instanceof BatchNorm && layer.scale);
    assert.deepEqual(
      scaled.map((bn) => [bn.name, bn.gamma?.size]),
      expected.penalised_layers.map(({ layer, channels }) => [`${istaUnitName(layer)}_bn`, channels]),
    );
  });

  test(`ista_costs_params ${name}: the cost of a channel of each layer`, () => {
    const layers = istaLayers(model, { publishedCosts: true });
    const wanted = expected.penalised_layers.filter(({ cost }) => cost > 0);
    assert.deepEqual(
      layers.map(({ target, gamma }) => [target.name, gamma.size]),
      wanted.map(({ layer, channels }) => [istaKernelLayer(layer), channels]),
    );
    for (const { layer, out_hw, kernel, cin, own_part, add_to_cost, cost } of wanted) {
      assert.deepEqual([out_hw, kernel, cin], [layerOf(layer).out_hw, layerOf(layer).kernel, layerOf(layer).cin]);
      assertClose(
        [own_part],
        [(out_hw * out_hw + kernel * kernel * cin) / attrs.num_pixels],
        { absolute: 1e-12 },
        layer,
      );
      assertClose([own_part + add_to_cost], [cost], { absolute: 1e-12 }, layer);
    }
    const costs = layers.map(({ cost }) => cost);
    assertClose(
      costs,
      wanted.map(({ cost }) => cost),
      { absolute: 1e-12 },
      'costs',
    );
    const edges = layers.reduce((sum, { cost, gamma }) => sum + cost * gamma.size, 0);
    assertClose([edges], [expected.edge_count], { absolute: 1e-9 }, 'edge count');
    // As published, CNN-4's third layer is priced as if the 4x4 kernel after it were 3x3.
    const byRule = istaLayers(model).map(({ cost }) => cost);
    const hidden = name === 'cnn4' ? layerOf('fc1') : undefined;
    const rule = wanted.map(({ layer, own_part, cost }) =>
      layer === 'conv3' && hidden ? own_part + (hidden.cout * hidden.kernel ** 2) / attrs.num_pixels : cost,
    );
    assertClose(byRule, rule, { absolute: 1e-12 }, 'costs by the rule');
  });
}
