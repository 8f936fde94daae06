import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readable } from 'sparsebook/backend/readable.js';
import { activation, assertClose, kindOf, parseFill, readGolden, summarise, weightShape } from '../goldens.ts';
import type { GoldenArray, GoldenRecipe } from '../goldens.ts';
import {
  assertGradients,
  assertLogits,
  convolutions,
  filledNetwork,
  forwardPass,
  goldenNetworks,
  goldenWeight,
  networkOf,
  weightsByName,
  type Convolution,
  type GradientTolerance,
  type Summary,
} from './goldenNetworks.ts';

interface Case {
  name: string;
  inputs: { x: string; labels: number[]; tensors: GoldenRecipe[]; pruned_filters: GoldenArray[] };
  attrs: { lr: number; optimizer: string };
  expected: {
    logits: GoldenArray;
    loss: number;
    grads: Summary[];
    loss_before_each_step: number[];
    after: { name: string; l2: number; sum: number }[];
    bias_of_pruned_filters_moved: boolean;
    total: number;
    filters: number;
    per_tensor: { name: string; shape: number[]; count: number }[];
  };
}

const { cases, tolerance } = readGolden<Case, GradientTolerance>('repr_vanilla_net', ['attrs.net', 'attrs.order']);
const network = goldenNetworks.c3;
const { ourName } = network;

/** Resolves 'as above': the images and weights of the last case up to this one that has any. */
function given(golden: Case): { model: tf.LayersModel; x: tf.Tensor; labels: number[] } {
  const before = cases.slice(0, cases.findIndex(({ name }) => name === golden.name) + 1);
  const { inputs } = before.findLast(({ inputs }) => 'tensors' in inputs)!;
  if (golden.name !== before.at(-1)!.name || !('tensors' in golden.inputs)) assert.equal(golden.inputs.x, 'as above');
  const images = parseFill(inputs.x);
  const model = filledNetwork(network, inputs.tensors, { images: images.shape });
  return { model, x: activation(images), labels: inputs.labels };
}

const checks: Record<
  'logits' | 'loss_before_each_step' | 'per_tensor',
  (golden: Case, by: Convolution) => Promise<void> | void
> = {
  async logits(golden, by) {
    const { model, x, labels } = given(golden);
    const { expected } = golden;
    const { logits, loss, gradients } = forwardPass(model, x, labels);
    await readable();
    assertLogits(logits, expected.logits);
    assertClose(loss.dataSync(), [expected.loss], { absolute: 1e-4 }, 'loss');
    assert.equal(gradients.size, expected.grads.length);
    const gradientOf = (name: string): Float32Array =>
      goldenWeight(model, ourName(name), gradients.get(ourName(name))!);
    assertGradients(expected.grads, gradientOf, tolerance.grads, by);
  },

  async loss_before_each_step(golden) {
    const { model, x, labels } = given(golden);
    const { inputs, attrs, expected } = golden;
    assert.equal(attrs.optimizer, 'plain SGD');
    const weights = weightsByName(model);
    // 0 for a pruned filter of a convolution's kernel, 1 elsewhere; biases have no mask.
    const masks = new Map(
      inputs.pruned_filters.map(({ data }, i) => {
        const name = ourName(`conv${i + 1}.weight`);
        const filters = weights.get(name)!.shape[3]!;
        return [name, tf.tensor1d(Array.from({ length: filters }, (_, filter) => Number(!data.includes(filter))))];
      }),
    );
    for (const [name, mask] of masks) weights.get(name)!.assign(weights.get(name)!.mul(mask));
    const bias = weights.get(ourName('conv1.bias'))!;
    const before = await bias.data();
    for (const wanted of expected.loss_before_each_step) {
      const { loss, gradients } = forwardPass(model, x, labels);
      assertClose(await loss.data(), [wanted], { absolute: 1e-4 }, 'loss before a step');
      for (const [name, variable] of weights) {
        const gradient = gradients.get(name)!.mul(masks.get(name) ?? 1);
        variable.assign(variable.sub(gradient.mul(attrs.lr)));
      }
    }
    await readable();
    for (const { name, l2, sum } of expected.after) {
      const actual = summarise(name, goldenWeight(model, ourName(name), weights.get(ourName(name))!));
      assertClose([actual.l2], [l2], { relative: 1e-5 }, `${name} norm`);
      assertClose([actual.sum], [sum], { absolute: 1e-4 * l2 }, `${name} sum`);
    }
    const after = bias.dataSync();
    const moved = inputs.pruned_filters[0].data.some((filter) => after[filter] !== before[filter]);
    assert.equal(moved, expected.bias_of_pruned_filters_moved);
  },

  per_tensor({ expected }) {
    const model = networkOf(network, expected.per_tensor);
    const weights = weightsByName(model);
    for (const { name, shape, count } of expected.per_tensor) {
      const ours = weights.get(ourName(name))!;
      assert.deepEqual([ours.size, ours.shape], [count, weightShape(shape)], name);
    }
    assert.equal(weights.size, expected.per_tensor.length);
    assert.equal(model.countParams(), expected.total);
    const filters = [...weights.values()].filter(({ rank }) => rank === 4).map(({ shape }) => shape[3]!);
    assert.equal(
      filters.reduce((a, b) => a + b),
      expected.filters,
    );
  },
};

for (const golden of cases) {
  const kind = kindOf(golden, Object.keys(checks) as (keyof typeof checks)[]);
  for (const [name, by] of Object.entries(convolutions)) {
    test(`repr_vanilla_net ${golden.name} by ${name}`, async () => {
      await by.choose();
      await checks[kind](golden, by);
    });
  }
}
