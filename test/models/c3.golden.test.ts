import assert from 'node:assert/strict';
import { test } from 'node:test';
import type * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { c3 } from 'sparsebook/models';
import {
  activation,
  assertClose,
  flatGolden,
  maxAbs,
  readGolden,
  summarise,
  tensor,
  weight,
  type GoldenArray,
  type GoldenRecipe,
} from '../goldens.ts';
import { assertGradients, forwardPass, parseFill, type Summary } from './forwardGolden.ts';
import { fillModel, weightsByName } from './modelWeights.ts';

await useBackend({ backend: 'simd' });

/** The image that the dense layer reads, channels first as in the golden file: [C, H, W]. */
const IMAGE = [32, 32, 32];

/** `conv2.weight` is our `block2_conv/kernel`, `fc1.bias` our `logits/bias`. */
function ourName(golden: string): string {
  const [layer, key] = golden.split('.');
  const ours = layer === 'fc1' ? 'logits' : `${layer.replace('conv', 'block')}_conv`;
  return `${ours}/${key === 'weight' ? 'kernel' : key}`;
}

/** A weight of the file as ours: the dense kernel [units, C * H * W] becomes [H * W * C, units]. */
function ourWeight(array: GoldenArray): tf.Tensor {
  if (array.shape.length !== 2) return weight(array);
  const [units, inputs] = array.shape;
  return tensor(array)
    .reshape([units, ...IMAGE])
    .transpose([2, 3, 1, 0])
    .reshape([inputs, units]);
}

/** The inverse of `ourWeight`, flat. */
function goldenOrder(ours: tf.Tensor): Float32Array {
  if (ours.rank !== 2) return flatGolden(ours, 'weight');
  const [channels, height, width] = IMAGE;
  const split = ours.reshape([height, width, channels, ours.shape[1]!]);
  return split.transpose([3, 2, 0, 1]).dataSync<'float32'>();
}

interface Case {
  name: string;
  inputs: { x: string; labels: number[]; tensors: GoldenRecipe[]; pruned_filters: { data: number[] }[] };
  attrs: { lr: number };
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

const { cases } = readGolden<Case>('repr_vanilla_net');
const { inputs: given } = cases.find(({ name }) => name === 'forward_backward')!;
const x = activation(parseFill(given.x));

function filled(): tf.LayersModel {
  const model = c3();
  fillModel(model, given.tensors, ourName, ourWeight);
  return model;
}

const checks: Record<string, (golden: Case) => void> = {
  forward_backward({ expected }) {
    const { logits, loss, gradients } = forwardPass(filled(), x, given.labels);
    const { data } = expected.logits;
    assertClose(logits.dataSync(), data, { absolute: 1e-4 * maxAbs(data) }, 'logits');
    assertClose(loss.dataSync(), [expected.loss], { absolute: 1e-4 }, 'loss');
    assert.equal(gradients.size, expected.grads.length);
    assertGradients(expected.grads, (name) => goldenOrder(gradients.get(ourName(name))!));
  },

  two_S2_steps({ inputs, attrs, expected }) {
    const model = filled();
    const weights = weightsByName(model);
    // 0 for a pruned filter of a convolution's kernel, 1 elsewhere; biases have no mask.
    const masks = new Map(
      inputs.pruned_filters.map(({ data }, i) => {
        const kept = Array.from({ length: 32 }, (_, filter) => (data.includes(filter) ? 0 : 1));
        return [`block${i + 1}_conv/kernel`, tensor({ shape: [32], dtype: 'float32', data: kept })];
      }),
    );
    for (const [name, mask] of masks) weights.get(name)!.assign(weights.get(name)!.mul(mask));
    const biases = weights.get('block1_conv/bias')!.dataSync();
    for (const before of expected.loss_before_each_step) {
      const { loss, gradients } = forwardPass(model, x, given.labels);
      assertClose(loss.dataSync(), [before], { absolute: 1e-4 }, 'loss before a step');
      for (const [name, variable] of weights) {
        const gradient = gradients.get(name)!.mul(masks.get(name) ?? 1);
        variable.assign(variable.sub(gradient.mul(attrs.lr)));
      }
    }
    for (const { name, l2, sum } of expected.after) {
      const actual = summarise(name, goldenOrder(weights.get(ourName(name))!));
      assertClose([actual.l2], [l2], { relative: 1e-5 }, `${name} norm`);
      assertClose([actual.sum], [sum], { absolute: 1e-4 * l2 }, `${name} sum`);
    }
    const after = weights.get('block1_conv/bias')!.dataSync();
    const moved = inputs.pruned_filters[0].data.some((filter) => after[filter] !== biases[filter]);
    assert.equal(moved, expected.bias_of_pruned_filters_moved);
  },

  parameter_count({ expected }) {
    const model = c3();
    const weights = weightsByName(model);
    for (const { name, shape, count } of expected.per_tensor) {
      const ours = weights.get(ourName(name))!;
      assert.equal(ours.size, count, name);
      const order = shape.length === 4 ? [2, 3, 1, 0] : shape.length === 2 ? [1, 0] : [0];
      assert.deepEqual(
        ours.shape,
        order.map((axis) => shape[axis]),
      );
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
  test(`repr_vanilla_net ${golden.name}`, () => checks[golden.name](golden));
}
