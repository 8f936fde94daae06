import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type * as tf from '@tensorflow/tfjs';

import { BatchNorm } from 'sparsebook/layers';
import { fromTorchvision, resnet18 } from 'sparsebook/models';
import {
  activation,
  assertClose,
  flatGolden,
  maxAbs,
  readGolden,
  summarise,
  type GoldenArray,
  type GoldenRecipe,
} from '../goldens.ts';
import { useReferenceConvolution } from '../referenceConvolution.ts';
import { assertGradients, forwardPass, parseFill, type Summary } from './forwardGolden.ts';
import { fillModel, weightsByName } from './modelWeights.ts';

await useReferenceConvolution();

/** Where the layers of torchvision's network stand in the files' `model`; the head is called fc1 and fc2. */
const positions = ['conv1', 'bn1', '', '', 'layer1', 'layer2', 'layer3', 'layer4'];

function ourName(golden: string): string {
  const [model, position, ...rest] = golden.split('.');
  if (model === 'model') return fromTorchvision([positions[Number(position)], ...rest].join('.'))!;
  return `${model === 'fc1' ? 'hidden' : 'logits'}/${position === 'weight' ? 'kernel' : 'bias'}`;
}

interface Forward {
  name: string;
  inputs: { x: string; labels?: number[] };
  expected: {
    logits: GoldenArray;
    loss: number;
    grads: Summary[];
    running_stats_after?: { name: string; l2: number }[];
    total_zeros: number;
    zeros_per_tensor: { name: string; zeros: number; count: number }[];
    logits_bn_running_statistics: GoldenArray;
  };
}

const forward = readGolden<Forward>('resnet18_forward');
const { tensors } = forward as unknown as { tensors: GoldenRecipe[] };
const x = activation(parseFill(forward.cases[0].inputs.x));
const model = resnet18();
const weights = weightsByName(model);
fillModel(model, tensors, ourName);
const start = model.getWeights().map((weight) => weight.clone());
afterEach(() => model.setWeights(start));

const assertLogits = (logits: tf.Tensor, { data }: GoldenArray): void =>
  assertClose(logits.dataSync(), data, { absolute: 1e-4 * maxAbs(data) }, 'logits');

/** The file's own gradients are up to 1.1e-3 of their norm off (observed_error), which can add up in their sum. */
const SUM = { sum: 1e-2 };

for (const { name, inputs, expected } of forward.cases) {
  if (inputs.labels) {
    test(`resnet18_forward ${name}`, () => {
      const batchStatistics = name === 'bn_batch_statistics';
      const { logits, loss, gradients } = forwardPass(model, x, inputs.labels!, { batchStatistics });
      assertLogits(logits, expected.logits);
      assertClose(loss.dataSync(), [expected.loss], { absolute: 1e-4 }, 'loss');
      assert.equal(gradients.size, expected.grads.length);
      assertGradients(expected.grads, (golden) => flatGolden(gradients.get(ourName(golden))!, 'weight'), SUM);
      for (const { name, l2 } of expected.running_stats_after ?? []) {
        const after = summarise(name, weights.get(ourName(name))!.dataSync<'float32'>());
        assertClose([after.l2], [l2], { relative: 1e-5 }, name);
      }
    });
  } else {
    test(`resnet18_forward ${name}: the smallest weights at zero`, () => {
      const kernels = expected.zeros_per_tensor.map(({ name }) => weights.get(ourName(name))!);
      const sizes = kernels.map((kernel) => kernel.abs().dataSync<'float32'>());
      const sorted = new Float32Array(sizes.reduce((n, { length }) => n + length, 0));
      sizes.reduce((at, values) => (sorted.set(values, at), at + values.length), 0);
      const threshold = sorted.sort()[expected.total_zeros - 1];
      expected.zeros_per_tensor.forEach(({ name, zeros, count }, i) => {
        assert.deepEqual([sizes[i].filter((size) => size <= threshold).length, sizes[i].length], [zeros, count], name);
        kernels[i].assign(kernels[i].mul(kernels[i].abs().greater(threshold)));
      });
      assertLogits(model.predict(x) as tf.Tensor, expected.logits_bn_running_statistics);
    });
  }
}

interface Tensor {
  name: string;
  shape: number[];
  count: number;
}

interface Counts {
  total: number;
  body_without_fc: number;
  head: number;
  parameter_tensors: number;
  prunable_weights: number;
  bn_layers: number;
  bn_running_values: number;
  prunable: Tensor[];
  parameters: Tensor[];
}

type Reading = Record<'first_ceil_percent_of_the_22_prunable_weight_tensors', { tensors: string[]; weights: number }>;

const kernels = [...weights.keys()].filter((name) => name.endsWith('/kernel'));
const count = (names: string[]): number => names.reduce((n, name) => n + weights.get(name)!.size, 0);

const checks: Record<string, (golden: { attrs: unknown; expected: unknown }) => void> = {
  counts({ expected }) {
    const golden = expected as Counts;
    const head = [...weights.keys()].filter((name) => /^(hidden|logits)\//.test(name));
    const trained = model.trainableWeights.map(({ originalName }) => originalName);
    assert.equal(count(trained), golden.total);
    assert.equal(count(head), golden.head);
    assert.equal(count(trained.filter((name) => !head.includes(name))), golden.body_without_fc);
    assert.equal(trained.length, golden.parameter_tensors);
    assert.equal(count([...weights.keys()]) - count(trained), golden.bn_running_values);
    assert.equal(model.layers.filter((layer) => layer instanceof BatchNorm).length, golden.bn_layers);
    assert.equal(count(kernels), golden.prunable_weights);
    assert.deepEqual(
      kernels,
      golden.prunable.map(({ name }) => ourName(name)),
    );
    for (const { name, shape } of golden.parameters) {
      const order = shape.length === 4 ? [2, 3, 1, 0] : shape.length === 2 ? [1, 0] : [0];
      assert.deepEqual(
        weights.get(ourName(name))?.shape,
        order.map((axis) => shape[axis]),
        name,
      );
    }
    assert.deepEqual(new Set(golden.parameters.map(({ name }) => ourName(name))), new Set(trained));
  },

  freeze_first_percent({ expected }) {
    for (const reading of Object.values(expected as Record<string, Reading>)) {
      const { tensors, weights } = reading.first_ceil_percent_of_the_22_prunable_weight_tensors;
      const first = kernels.slice(0, tensors.length);
      assert.deepEqual(first, tensors.map(ourName));
      assert.equal(count(first), weights);
    }
  },

  zeros_after_global_pruning({ attrs }) {
    assert.equal(count(kernels), (attrs as { prunable_weights: number }).prunable_weights);
  },
};

for (const golden of readGolden<{ name: string; attrs: unknown; expected: unknown }>('resnet18_counts').cases) {
  test(`resnet18_counts ${golden.name}`, () => checks[golden.name](golden));
}
