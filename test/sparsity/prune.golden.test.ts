import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readable } from 'sparsebook/backend/readable.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { pruneSmallest } from 'sparsebook/sparsity/pruneSmallest.js';
import { amountToPrune } from 'sparsebook/sparsity/pruneSmallest.js';
import { Adam } from 'sparsebook/training/adam.js';
import { crossEntropy } from 'sparsebook/training/loss.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import {
  activation,
  assertClose,
  readGolden,
  useGoldensBackend,
  type GoldenArray,
  type GoldenCase,
} from '../goldens.ts';
import { goldenWeight, ourWeight } from '../models/goldenNetworks.ts';

await useGoldensBackend();

type Masks = GoldenCase<
  { weights?: GoldenArray[]; count?: number },
  { amounts: number[]; amount: number; prunable_weights: number },
  {
    pruned: number;
    amount_times_count: number;
    after_each_call: { amount: number; masks: GoldenArray[]; zeros: number }[];
    effective_weights: GoldenArray[];
  }
>;

/** Results of `prune.remove` and of masks set to ones: prune_training checks the weights themselves. */
const UNFREEZING = [
  'expected.weights_after_remove_equal_effective',
  'expected.weights_if_mask_set_to_ones_equal_original',
];

for (const { name, inputs, attrs, expected } of readGolden<Masks>('prune_masks', UNFREEZING).cases) {
  test(`prune_masks ${name}`, () => {
    if (!inputs.weights) {
      assert.equal(attrs.amount * inputs.count!, expected.amount_times_count);
      assert.equal(amountToPrune(attrs.amount, inputs.count!), expected.pruned);
      return;
    }
    const values = inputs.weights.map(({ data }) => Float32Array.from(data));
    assert.equal(
      values.reduce((n, { length }) => n + length, 0),
      attrs.prunable_weights,
    );
    let masks: Float32Array[] | undefined;
    attrs.amounts.forEach((amount, call) => {
      masks = pruneSmallest(values, amount, { masks });
      const wanted = expected.after_each_call[call];
      assert.equal(wanted.amount, amount);
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
  {
    optimizer: string;
    lr: number;
    momentum: number;
    betas?: [number, number];
    eps?: number;
    weight_decay: number;
    prune_amount: number;
  },
  { masks: GoldenArray[]; log: Logged[] }
>;

/**
 * Convolutions without padding, flatten, dense layers, and a ReLU after each but the last, in the sizes of the weights.
 */
function network({ x: images, initial }: Training['inputs']): tf.LayersModel {
  const [, channels, ...size] = images.shape;
  const input = tf.input({ shape: [...size, channels] });
  let x: tf.SymbolicTensor = input;
  const kernels = initial.filter(({ name }) => name.endsWith('.weight'));
  kernels.forEach(({ name, value }, i) => {
    const layer = name.replace('.weight', '');
    const [units, , kernelSize] = value.shape;
    if (value.shape.length === 2 && x.rank === 4) x = tf.layers.flatten().apply(x) as tf.SymbolicTensor;
    const kind =
      value.shape.length === 4
        ? new Conv2d({ name: layer, filters: units, kernelSize })
        : tf.layers.dense({ name: layer, units });
    x = kind.apply(x) as tf.SymbolicTensor;
    if (i < kernels.length - 1) x = tf.layers.reLU().apply(x) as tf.SymbolicTensor;
  });
  return tf.model({ inputs: input, outputs: x });
}

// Weights under a mask keep moving in PyTorch; here they are 0, as after prune.remove in PyTorch.
for (const { name, inputs, attrs, expected } of readGolden<Training>('prune_training', ['expected.log[].weight_orig'])
  .cases) {
  test(`prune_training ${name}`, async () => {
    const model = network(inputs);
    const names = inputs.initial.map((each) => each.name);
    const ourNames = names.map((name) => name.replace('.weight', '/kernel').replace('.', '/'));
    model.setWeights(inputs.initial.map((each, i) => ourWeight(model, ourNames[i], each.value)));
    const weights = model.trainableWeights.map((w) => w.read() as tf.Variable);
    const current = (): Float32Array[] => weights.map((value, i) => goldenWeight(model, ourNames[i], value));
    const kernels = (): Float32Array[] => current().filter((_, i) => names[i].endsWith('.weight'));
    assert.ok(['SGD', 'Adam'].includes(attrs.optimizer), attrs.optimizer);
    const { lr, momentum, betas, eps, weight_decay } = attrs;
    const optimizer =
      attrs.optimizer === 'SGD' ? new Sgd({ lr, momentum, weight_decay }) : new Adam({ lr, betas, eps, weight_decay });
    // Adam's step is uncertain if a gradient is almost 0.
    const absolute = attrs.optimizer === 'SGD' ? 2e-5 : 2e-4;
    const sparsifier = magnitudeSparsifier(model);
    const [x, labels] = [activation(inputs.x), tf.tensor1d(inputs.labels, 'int32')];
    const step = async (loss: number): Promise<void> => {
      const { value, grads } = tf.variableGrads(() => crossEntropy()(model.apply(x) as tf.Tensor2D, labels), weights);
      assertClose(await value.data(), [loss], { absolute: 1e-4 }, 'loss');
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
      else await step(loss);
      await readable();
      if (params) compare(current(), params, phase);
      if (phase === 'dense step') {
        sparsifier.prune(attrs.prune_amount);
        await readable();
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
