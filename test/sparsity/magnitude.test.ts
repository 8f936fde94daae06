import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { combineSparsifiers } from 'sparsebook/sparsity/combineSparsifiers.js';
import type { Sparsifier } from 'sparsebook/sparsity/sparsifier.js';
import { freezeSparsifier } from 'sparsebook/sparsity/freeze.js';
import { iterative, oneShot, polynomial } from 'sparsebook/sparsity/schedules.js';
import { magnitudeSparsifier, type MagnitudeOptions } from 'sparsebook/sparsity/magnitude.js';
import { layerScores } from 'sparsebook/sparsity/orthogonality.js';
import { pruneSmallest } from 'sparsebook/sparsity/pruneSmallest.js';
import { zeroCounts } from 'sparsebook/sparsity/prunableWeights.js';
import { Adam, AdamW } from 'sparsebook/training/adam.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train, type TrainingOptions } from 'sparsebook/training/train.js';
import type { Optimizer } from 'sparsebook/training/slots.js';
import { builds, useSimd } from '../backend/compare.ts';
import { assertClose } from '../goldens.ts';
import { colours, smallNet, weightsOf } from '../training/small.ts';

await useBackend({ backend: 'simd', threads: 1 });

const data = { train: colours(48, 1) };
async function trainAll(options: Partial<TrainingOptions> & Pick<TrainingOptions, 'model'>): Promise<void> {
  for await (const _ of train({ data, epochs: 1, batchSize: 16, ...options }));
}
const zerosOf = (sparsifier: Sparsifier): number => sparsifier.summary!().zeros;

const optimizers: [string, () => Optimizer][] = [
  ['AdamW', () => new AdamW({ lr: 0.01, weight_decay: 0.1 })],
  ['Adam with decay', () => new Adam({ lr: 0.01, weight_decay: 0.1 })],
  ['SGD with momentum', () => new Sgd({ lr: 0.05, momentum: 0.9, weight_decay: 0.01 })],
];
const backends: [string, () => Promise<unknown>][] = [
  ['cpu', () => useBackend({ backend: 'cpu' })],
  ...builds.map(({ variant }) => [`simd ${variant}`, () => useSimd(variant, 1)] as [string, () => Promise<unknown>]),
];
for (const [backend, begin] of backends) {
  for (const [name, optimizer] of optimizers) {
    test(`${name} on ${backend}: pruned weights stay 0 and frozen ones keep their bits, until they are released`, async () => {
      await begin();
      const model = smallNet({ gates: false });
      const options = { model, optimizer: optimizer() };
      await trainAll(options);
      const [freeze, magnitude] = [freezeSparsifier(model, { first: 1 }), magnitudeSparsifier(model)];
      magnitude.prune(0.5);
      const pruned = weightsOf(model);
      await trainAll({ ...options, epochs: 3, startStep: 3, sparsifier: combineSparsifiers(magnitude) });
      const now = weightsOf(model);
      for (const [weight, values] of Object.entries(pruned)) {
        if (!weight.endsWith('/kernel')) continue;
        values.forEach((value, i) => assert.equal(value === 0, now[weight][i] === 0, `${weight}[${i}]`));
      }
      magnitude.unfreeze();
      assert.equal(zerosOf(magnitude), Math.round(0.5 * magnitude.summary!().weights));
      const before = weightsOf(model);
      await trainAll({ ...options, epochs: 4, startStep: 9, sparsifier: freeze });
      const after = weightsOf(model);
      assert.deepEqual(freeze.frozen, ['first/kernel', 'bn/gamma', 'bn/beta']);
      for (const weight of [...freeze.frozen, 'bn/movingMean', 'bn/movingVariance']) {
        assert.deepEqual(after[weight], before[weight], weight);
      }
      assert.notDeepEqual(after['second/kernel'], before['second/kernel']);
      assert.ok(
        after['second/kernel'].filter((value) => value === 0).length <
          before['second/kernel'].filter((v) => v === 0).length,
      );
      freeze.dispose!();
      await trainAll({ ...options, epochs: 5, startStep: 12 });
      assert.notDeepEqual(weightsOf(model)['bn/movingMean'], after['bn/movingMean']);
      options.optimizer.dispose();
    });
  }
}

test('batch norm that is not frozen with its kernel continues to learn', async () => {
  await useBackend({ backend: 'simd', threads: 1 });
  const model = smallNet({ gates: false });
  const before = weightsOf(model);
  const sparsifier = freezeSparsifier(model, { first: 1, batchNorm: false });
  await trainAll({ model, optimizer: new AdamW({ lr: 0.01 }), sparsifier });
  const after = weightsOf(model);
  assert.deepEqual(after['first/kernel'], before['first/kernel']);
  for (const name of ['bn/gamma', 'bn/movingMean', 'bn/movingVariance']) assert.notDeepEqual(after[name], before[name]);
});

test('shares of zeros are counted kernel by kernel', () => {
  const model = smallNet({ gates: false });
  const sparsifier = magnitudeSparsifier(model, { scope: 'perLayer' });
  sparsifier.prune(0.25);
  const counts = zeroCounts(model);
  assert.deepEqual([...counts.keys()], ['first/kernel', 'second/kernel', 'logits/kernel']);
  for (const { zeros, entries } of counts.values()) assert.equal(zeros / entries, 0.25);
});

test('plans prune as specified, and unfreezing lets zeros move or restores old values', async () => {
  await useBackend({ backend: 'simd', threads: 1 });
  const plans: [MagnitudeOptions['plan'], number][] = [
    [oneShot(0.4), 0.4],
    [iterative(0.5, { times: 2 }), 0.75],
    [polynomial(0.8, { end: 3 }), 0.8],
  ];
  for (const [plan, share] of plans) {
    const model = smallNet({ gates: false });
    const sparsifier = magnitudeSparsifier(model, { plan });
    for (let epoch = 0; epoch < 4; epoch++) sparsifier.beforeEpoch!(epoch);
    assert.ok(Math.abs(sparsifier.summary!().weightSparsity - share) < 0.01);
    sparsifier.dispose!();
  }
  const model = smallNet({ gates: false });
  const before = weightsOf(model);
  const sparsifier = magnitudeSparsifier(model, { plan: oneShot(0.3), unfreezeBefore: 2, restore: true });
  sparsifier.beforeEpoch!(0);
  assert.notDeepEqual(weightsOf(model), before);
  sparsifier.beforeEpoch!(2);
  assert.deepEqual(weightsOf(model), before);
});

test('perLayer prunes the same share everywhere, and equal values in order', () => {
  const values = [Float32Array.from([5, 1, 2, 9]), Float32Array.from([80, 70, 60, 50])];
  const masks = (scope: 'global' | 'perLayer'): number[][] => pruneSmallest(values, 0.5, { scope }).map((m) => [...m]);
  assert.deepEqual(masks('global'), [
    [0, 0, 0, 0],
    [1, 1, 1, 1],
  ]);
  assert.deepEqual(masks('perLayer'), [
    [1, 0, 0, 1],
    [1, 1, 0, 0],
  ]);
  assert.deepEqual([...pruneSmallest([Float32Array.from([1, -1, 1, 1])], 2)[0]], [0, 0, 1, 1]);
});

test('channels are removed with all their weights, and a layer keeps its largest', async () => {
  const model = resnet18({ widthMultiplier: 0.05, classes: 3 });
  const sparsifier = magnitudeSparsifier(model, { unit: 'channels' });
  sparsifier.prune(0.5);
  await trainAll({ model, optimizer: new AdamW({ lr: 0.01 }), sparsifier });
  const masks = sparsifier.channelMasks();
  const { channels, closed } = sparsifier.summary!();
  assert.ok(closed > 0.3 * channels && closed <= 0.5 * channels);
  const values = weightsOf(model);
  for (const [layer, mask] of masks) {
    assert.ok(mask.includes(1), layer);
    const norm = layer.replace('_conv', '_bn');
    for (const weight of [`${layer}/kernel`, `${norm}/gamma`, `${norm}/beta`, `${norm}/movingMean`]) {
      values[weight].forEach((value, i) => mask[i % mask.length] === 0 && assert.equal(Math.abs(value), 0, weight));
    }
  }
  sparsifier.dispose!();
});

test('a layer that would lose its last filters keeps one of them, not one that is already gone', () => {
  const conv = tf.layers.conv2d({ name: 'a', filters: 6, kernelSize: 1, inputShape: [4, 4, 4] });
  const model = tf.sequential({ layers: [conv] });
  // Three filters that overlap with nothing, and three equal ones.
  const rows = [0, 1, 2, 3, 3, 3].map((axis) => [0, 1, 2, 3].map((i) => (i === axis ? 1 : 0)));
  conv.setWeights([tf.tensor(rows).transpose().reshape([1, 1, 4, 6]), tf.zeros([6])]);
  const [kernel] = conv.weights;
  kernel.write(kernel.read().mul(tf.tensor1d([0, 0, 0, 1, 1, 1])));
  const sparsifier = magnitudeSparsifier(model, { unit: 'channels' });
  sparsifier.prune(0.5);
  assert.deepEqual([...sparsifier.channelMasks().get('a')!], [0, 0, 0, 1, 1, 1]);
  const overlapping = magnitudeSparsifier(model, { unit: 'channels', criterion: 'orthogonality' });
  overlapping.restore(sparsifier.state());
  overlapping.prune(3);
  assert.deepEqual([...overlapping.channelMasks().get('a')!], [0, 0, 0, 1, 0, 0]);
});

test('by orthogonality the filters that overlap most in their layer are pruned, by the scores of RePr, whatever their size', () => {
  const network = (): tf.LayersModel => {
    const model = resnet18({ widthMultiplier: 0.1, classes: 3, seed: 2 });
    const [kernel] = model.getLayer('stem_conv').getWeights();
    const filters = kernel.shape.at(-1)!;
    // The second filter is the first one, scaled by ten.
    const values = kernel.dataSync().map((value, i, all) => (i % filters === 1 ? 10 * all[i - 1] : value));
    model.getLayer('stem_conv').setWeights([tf.tensor(values, kernel.shape)]);
    return model;
  };
  const closedBy = (options: MagnitudeOptions): Map<string, number[]> => {
    const sparsifier = magnitudeSparsifier(network(), { unit: 'channels', scope: 'perLayer', ...options });
    sparsifier.prune(0.3);
    const masks = sparsifier.channelMasks();
    return new Map(
      [...masks].map(([layer, mask]) => [layer, [...mask.keys()].filter((channel) => mask[channel] === 0)]),
    );
  };
  const closed = closedBy({ criterion: 'orthogonality' });
  for (const { layer, scores } of layerScores(network())) {
    const order = scores.map((_, filter) => filter).sort((a, b) => scores[b] - scores[a]);
    const gone = closed.get(layer)!;
    assert.deepEqual(
      gone,
      order.slice(0, gone.length).sort((a, b) => a - b),
      layer,
    );
  }
  assert.ok([0, 1].every((filter) => closed.get('stem_conv')!.includes(filter)));
  assert.ok(!closedBy({ criterion: 'magnitude' }).get('stem_conv')!.includes(1));
  const one = closedBy({ criterion: 'orthogonality', where: ['stem_conv'] });
  assert.deepEqual([...one], [['stem_conv', closed.get('stem_conv')]]);
});

test('another network can decide what is pruned, as for a lottery ticket', () => {
  const [start, trained] = [smallNet({ gates: false, seed: 3 }), smallNet({ gates: false, seed: 4 })];
  const wanted = magnitudeSparsifier(trained);
  const sparsifier = magnitudeSparsifier(start, { rankedBy: trained });
  for (const each of [wanted, sparsifier]) each.prune(0.5);
  const zero = (values: Float32Array): boolean[] => Array.from(values, (value) => value === 0);
  assert.deepEqual(zero(weightsOf(start)['first/kernel']), zero(weightsOf(trained)['first/kernel']));
  assert.notDeepEqual(weightsOf(start)['first/kernel'], weightsOf(trained)['first/kernel']);
});

test('a resumed run keeps its mask, and continues with the same bits', async () => {
  const begin = (): { model: tf.LayersModel; optimizer: Optimizer; sparsifier: Sparsifier } => {
    const model = smallNet({ gates: false });
    const plan = iterative(0.3, { times: 3 });
    const magnitude = magnitudeSparsifier(model, { plan, unfreezeBefore: 3, restore: true });
    const sparsifier = combineSparsifiers(freezeSparsifier(model, { first: 1 }), magnitude);
    return { model, optimizer: new Sgd({ lr: 0.05, momentum: 0.9 }), sparsifier };
  };
  const through = begin();
  await trainAll({ ...through, epochs: 4 });
  const stopped = begin();
  await trainAll({ ...stopped, epochs: 4, maxSteps: 5 });
  const resumed = begin();
  resumed.model.setWeights(stopped.model.getWeights());
  resumed.optimizer.restore(stopped.optimizer.state());
  resumed.sparsifier.restore(stopped.sparsifier.state());
  await trainAll({ ...resumed, epochs: 4, startStep: 5 });
  assert.deepEqual(weightsOf(resumed.model), weightsOf(through.model));
});

/**
 * One step by PyTorch's formulas, in double precision, of a value that a mask may hide; m and v are the optimizer's
 * memory of it.
 */
type Rule = (p: number, gradient: number, memory: { m: number; v: number; step: number }) => number;
const torch: [string, () => Optimizer, Rule][] = [
  [
    'SGD with momentum',
    () => new Sgd({ lr: 0.1, momentum: 0.9, weight_decay: 0.05 }),
    (p, gradient, memory) => p - 0.1 * (memory.m = 0.9 * memory.m + gradient + 0.05 * p),
  ],
  [
    'Adam',
    () => new Adam({ lr: 0.1, weight_decay: 0.05 }),
    (p, gradient, memory) => {
      const g = gradient + 0.05 * p;
      memory.m = 0.9 * memory.m + 0.1 * g;
      memory.v = 0.999 * memory.v + 0.001 * g * g;
      const [m, v] = [memory.m / (1 - 0.9 ** memory.step), memory.v / (1 - 0.999 ** memory.step)];
      return p - (0.1 * m) / (Math.sqrt(v) + 1e-8);
    },
  ],
];

for (const [name, make, rule] of torch) {
  test(`weight decay of hidden entries stays in the memory of ${name} as in PyTorch, and takes effect when the mask is removed`, () => {
    const start = [1.5, -2, 0.5, -0.25];
    const network = (): tf.LayersModel =>
      tf.sequential({
        layers: [
          tf.layers.dense({
            name: 'only',
            inputShape: [4],
            units: 1,
            useBias: false,
            weights: [tf.tensor2d(start, [4, 1])],
          }),
        ],
      });
    const partsOf = (model: tf.LayersModel) => ({ model, optimizer: make(), sparsifier: magnitudeSparsifier(model) });
    let parts = partsOf(network());
    // torch.nn.utils.prune trains all of weight_orig; the network sees weight_orig * mask.
    const orig = start.slice();
    let mask = [1, 1, 1, 1];
    const memory = start.map(() => ({ m: 0, v: 0, step: 0 }));
    const step = (n: number): void => {
      const gradient = start.map((_, i) => Math.sin(n + i));
      const variable = parts.model.weights[0].read() as tf.Variable;
      const gradients: tf.NamedTensorMap = { [variable.name]: tf.tensor2d(gradient, [4, 1]) };
      parts.sparsifier.onGradients!(gradients, parts.optimizer.remembersDecay);
      parts.optimizer.step([{ key: 'only/kernel', variable, gradient: gradients[variable.name], lr: 0.1 }]);
      parts.sparsifier.afterStep!(0.1, 1);
      orig.forEach((p, i) => {
        memory[i].step++;
        orig[i] = rule(p, gradient[i] * mask[i], memory[i]);
      });
      const seen = variable.dataSync();
      assertClose(
        [...seen],
        orig.map((p, i) => p * mask[i]),
        { absolute: 2e-6 },
        `weights after step ${n}`,
      );
    };
    for (let n = 0; n < 3; n++) step(n);
    parts.sparsifier.prune(0.5);
    mask = [...parts.sparsifier.weightMasks!().get('only/kernel')!];
    assert.equal(mask.filter((kept) => kept === 0).length, 2);
    for (let n = 3; n < 6; n++) step(n);

    const again = partsOf(network());
    again.model.setWeights(parts.model.getWeights());
    again.optimizer.restore(parts.optimizer.state());
    again.sparsifier.restore(parts.sparsifier.state());
    parts = again;
    for (let n = 6; n < 9; n++) step(n);

    parts.sparsifier.unfreeze();
    orig.forEach((p, i) => (orig[i] = p * mask[i]));
    mask = [1, 1, 1, 1];
    for (let n = 9; n < 12; n++) step(n);
  });
}

test('no method of the sparsifier leaves a tensor behind', () => {
  const model = smallNet({ gates: false });
  const before = tf.memory().numTensors;
  const magnitude = magnitudeSparsifier(model, { restore: true });
  const sparsifier = combineSparsifiers(magnitude, freezeSparsifier(model, { first: 0.5 }));
  for (let i = 0; i < 3; i++) {
    magnitude.prune(0.2);
    const kernel = model.trainableWeights[0].read() as tf.Variable;
    const gradients = { [kernel.name]: tf.onesLike(kernel) };
    sparsifier.onGradients!(gradients, i > 0);
    tf.dispose(gradients);
    sparsifier.afterStep!(0.1, 1);
    sparsifier.penalty!().dispose();
    sparsifier.restore(sparsifier.state());
  }
  magnitude.unfreeze();
  assert.equal(tf.memory().numTensors, before);
});

test('impossible options are refused in a sentence', () => {
  const model = smallNet({ gates: false });
  const refused = (action: () => void, message: RegExp): void => assert.throws(action, { name: 'UserError', message });
  refused(
    () => magnitudeSparsifier(model).prune(1.5),
    /a share of at least 0 and below 1, or a whole number; received 1.5/,
  );
  refused(() => magnitudeSparsifier(model).prune('0.3' as never), /or a whole number; received '0.3'/);
  refused(() => oneShot(1.5), /amount must be a share of at least 0 and below 1, or a whole number; received 1.5/);
  for (const [options, message] of [
    [{ plan: [{ epoch: 0.5, amount: 0.3 }] }, /plan: epoch must be a whole number of at least 0; received 0.5/],
    [{ plan: [{ epoch: 9, amount: -1 }] }, /plan: amount must be a share .* received -1/],
    [{ plan: [{ epoch: 9, amount: { sparsity: 1 } }] }, /plan: amount: sparsity must be a number .* received 1/],
    [{ unfreezeBefore: NaN }, /unfreezeBefore must be a whole number of at least 0; received NaN/],
  ] as const) {
    refused(() => magnitudeSparsifier(model, options), message);
  }
  refused(() => magnitudeSparsifier(model).prune(1e6), /at most the 844 values that are left; received 1000000/);
  refused(
    () => magnitudeSparsifier(model, { unit: 'filters' as never }),
    /unit must be one of weights, channels; received/,
  );
  refused(
    () => magnitudeSparsifier(model, { scope: 'all' as never }),
    /scope must be one of global, perLayer; received/,
  );
  refused(() => magnitudeSparsifier(model, { where: ['stem'] }), /must go with unit: 'channels'/);
  refused(() => magnitudeSparsifier(model, { rankedBy: resnet18({ widthMultiplier: 0.05 }) }), /resnet18 has others/);
  refused(
    () => magnitudeSparsifier(model, { unit: 'channels', where: ['logits'] }),
    /must be convolutions of smallNet; received logits\. There are: first, second/,
  );
  refused(
    () => magnitudeSparsifier(model).restore({}),
    /must have masks and old weights, as magnitude pruning saves them/,
  );
  refused(() => polynomial(1, { end: 3 }), /at least 0 and below 1; received 1/);
  refused(() => polynomial(0.5, { begin: 3, end: 3 }), /end must be a whole number above 3; received 3/);
  refused(() => freezeSparsifier(model, { first: '0.5' as never }), /a number of smallNet's 3 kernels; received 0.5/);
  refused(
    () => magnitudeSparsifier(model, { unit: 'channels', where: 'first' as never }),
    /where must be a list, each a layer's name; received 'first'/,
  );
  refused(() => freezeSparsifier(model, { first: 7 }), /a number of smallNet's 3 kernels; received 7/);
  refused(
    () => combineSparsifiers(magnitudeSparsifier(model), magnitudeSparsifier(model)),
    /Methods to combine must differ/,
  );
});
