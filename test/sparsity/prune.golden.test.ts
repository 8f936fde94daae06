import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { Conv2d } from 'sparsebook/layers';
import { resnet18 } from 'sparsebook/models';
import { freezeSparsifier, magnitudeSparsifier, prunableWeights, pruneSmallest } from 'sparsebook/sparsity';
import { amountToPrune } from 'sparsebook/sparsity/pruneSmallest.js';
import { Adam, crossEntropy, Sgd } from 'sparsebook/training';
import {
  activation,
  assertClose,
  flatGolden,
  readGolden,
  tensor,
  weight,
  type GoldenArray,
  type GoldenCase,
} from '../goldens.ts';

await tf.setBackend('cpu');

type Masks = GoldenCase<
  { weights?: GoldenArray[]; count?: number },
  { amounts: number[]; amount: number },
  {
    pruned: number;
    after_each_call: { masks: GoldenArray[]; zeros: number }[];
    effective_weights: GoldenArray[];
  }
>;

for (const { name, inputs, attrs, expected } of readGolden<Masks>('prune_masks').cases) {
  test(`prune_masks ${name}`, () => {
    if (!inputs.weights) {
      assert.equal(amountToPrune(attrs.amount, inputs.count!), expected.pruned);
      return;
    }
    const values = inputs.weights.map(({ data }) => Float32Array.from(data));
    let masks: Float32Array[] | undefined;
    attrs.amounts.forEach((amount, call) => {
      masks = pruneSmallest(values, amount, { masks });
      const wanted = expected.after_each_call[call];
      assert.deepEqual(
        masks.map((mask) => [...mask]),
        wanted.masks.map(({ data }) => data),
      );
      assert.equal(masks.flatMap((mask) => [...mask]).filter((kept) => kept === 0).length, wanted.zeros);
    });
    values.forEach((tensor, i) => {
      const effective = tensor.map((value, j) => value * masks![i][j]);
      assert.ok(effective.every((value, j) => value === Math.fround(expected.effective_weights[i].data[j])));
    });
  });
}

interface Logged {
  phase: string;
  loss: number;
  params?: GoldenArray[];
  effective?: GoldenArray[];
  weights?: GoldenArray[];
  biases?: GoldenArray[];
  zeros?: number;
}
type Training = GoldenCase<
  { x: GoldenArray; labels: number[]; initial: { name: string; value: GoldenArray }[] },
  { optimizer: string; lr: number; momentum: number; prune_amount: number },
  { masks: GoldenArray[]; log: Logged[] }
>;

/** conv 3x3 - ReLU - flatten - fc1 - ReLU - fc2 over [4, 4, 2]; what fc1 reads is 2x2 with 3 channels. */
function network(): tf.LayersModel {
  const input = tf.input({ shape: [4, 4, 2] });
  let x = new Conv2d({ name: 'conv', filters: 3, kernelSize: 3 }).apply(input);
  x = tf.layers.flatten().apply(tf.layers.reLU().apply(x));
  x = tf.layers.dense({ name: 'fc1', units: 5, activation: 'relu' }).apply(x);
  x = tf.layers.dense({ name: 'fc2', units: 3 }).apply(x);
  return tf.model({ inputs: input, outputs: x as tf.SymbolicTensor });
}

const isFlattened = (name: string): boolean => name.startsWith('fc1.weight');
const ours = (name: string, value: GoldenArray): tf.Tensor =>
  isFlattened(name) ? tensor(value).reshape([5, 3, 2, 2]).transpose([2, 3, 1, 0]).reshape([12, 5]) : weight(value);
const theirs = (name: string, value: tf.Tensor): Float32Array =>
  isFlattened(name)
    ? value.reshape([2, 2, 3, 5]).transpose([3, 2, 0, 1]).dataSync<'float32'>()
    : flatGolden(value, 'weight');

for (const { name, inputs, attrs, expected } of readGolden<Training>('prune_training').cases) {
  test(`prune_training ${name}`, () => {
    const model = network();
    const names = inputs.initial.map((each) => each.name);
    model.setWeights(inputs.initial.map((each) => ours(each.name, each.value)));
    const weights = model.trainableWeights.map((w) => w.read() as tf.Variable);
    const current = (): Float32Array[] => weights.map((value, i) => theirs(names[i], value));
    const kernels = (): Float32Array[] => current().filter((_, i) => names[i].endsWith('.weight'));
    const optimizer = attrs.optimizer === 'SGD' ? new Sgd(attrs) : new Adam({ lr: attrs.lr });
    // Adam's step is uncertain where a gradient is nearly 0.
    const absolute = attrs.optimizer === 'SGD' ? 2e-5 : 2e-4;
    const sparsifier = magnitudeSparsifier(model);
    const [x, labels] = [activation(inputs.x), tf.tensor1d(inputs.labels, 'int32')];
    const step = (loss: number): void => {
      const { value, grads } = tf.variableGrads(() => crossEntropy()(model.apply(x) as tf.Tensor2D, labels), weights);
      assertClose(value.dataSync(), [loss], { absolute: 1e-4 }, 'loss');
      sparsifier.onGradients!(grads, optimizer.remembersDecay);
      optimizer.step(
        weights.map((variable, i) => ({ key: names[i], variable, gradient: grads[variable.name], lr: attrs.lr })),
      );
      sparsifier.afterStep!(attrs.lr, 1);
    };
    const compare = (actual: Float32Array[], wanted: GoldenArray[], what: string): void => {
      assert.equal(actual.length, wanted.length);
      actual.forEach((values, i) => assertClose(values, wanted[i].data, { absolute }, `${what} ${i}`));
    };
    const zeros = (): number =>
      kernels()
        .flatMap((values) => [...values])
        .filter((value) => value === 0).length;

    for (const { phase, loss, params, effective, weights: after, biases, zeros: wanted } of expected.log) {
      if (phase === 'after remove') sparsifier.unfreeze();
      else step(loss);
      if (params) compare(current(), params, phase);
      if (phase === 'dense step') {
        sparsifier.prune(attrs.prune_amount);
        const kept = kernels().map((values) => values.map((value) => (value === 0 ? 0 : 1)));
        assert.deepEqual(
          kept.map((mask) => [...mask]),
          expected.masks.map(({ data }) => data),
        );
      }
      if (effective) compare(kernels(), effective, phase);
      if (after) compare(kernels(), after, phase);
      if (biases)
        compare(
          current().filter((_, i) => names[i].endsWith('.bias')),
          biases,
          phase,
        );
      if (wanted === undefined) continue;
      if (phase.startsWith('free')) assert.ok(Math.abs(zeros() - wanted) <= 1, `${zeros()} zeros`);
      else assert.equal(zeros(), wanted);
    }
  });
}

type Counts = GoldenCase<
  unknown,
  unknown,
  Record<
    string,
    { zeros: number; first_ceil_percent_of_the_22_prunable_weight_tensors: { count: number; weights: number } }
  >
>;
const counts = new Map(readGolden<Counts>('resnet18_counts').cases.map((golden) => [golden.name, golden.expected]));

test('resnet18_counts freeze_first_percent', () => {
  const model = resnet18();
  for (const [percent, expected] of Object.entries(counts.get('freeze_first_percent')!)) {
    const { frozen } = freezeSparsifier(model, { first: Number(percent) / 100, batchNorm: false });
    const { count, weights } = expected.first_ceil_percent_of_the_22_prunable_weight_tensors;
    assert.equal(frozen.length, count);
    const sizes = new Map(model.weights.map((w) => [w.originalName, w.read().size]));
    assert.equal(
      frozen.reduce((sum, name) => sum + sizes.get(name)!, 0),
      weights,
    );
  }
});

test('resnet18_counts zeros_after_global_pruning', () => {
  const model = resnet18();
  const values = prunableWeights(model).map((w) => w.read().dataSync<'float32'>());
  for (const [amounts, { zeros }] of Object.entries(counts.get('zeros_after_global_pruning')!)) {
    let masks: Float32Array[] | undefined;
    for (const amount of amounts.split(' then ')) masks = pruneSmallest(values, Number(amount), { masks });
    const pruned = masks!.reduce((sum, mask) => sum + mask.reduce((n, kept) => n + 1 - kept, 0), 0);
    assert.equal(pruned, zeros, amounts);
  }
});
