import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { Random } from 'sparsebook/backend/random.js';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { c3 } from 'sparsebook/models/c3.js';
import { cnn4 } from 'sparsebook/models/cnn4.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { cosinesByLayer, filterOverlap, orthogonalityScores, rankFilters } from 'sparsebook/sparsity/orthogonality.js';
import { filterRows } from 'sparsebook/sparsity/filters.js';
import { nullSpace, refillFilters } from 'sparsebook/sparsity/nullSpace.js';
import { reprSparsifier, type ReprOptions } from 'sparsebook/sparsity/repr.js';
import { AdamW } from 'sparsebook/training/adam.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train, type TrainingOptions } from 'sparsebook/training/train.js';
import type { Optimizer } from 'sparsebook/training/slots.js';
import { colours, smallNet, weightsOf } from '../training/small.ts';

await useBackend({ backend: 'simd', threads: 1 });

const data = { train: colours(48, 1), validation: colours(12, 2) };
const cycle = { S1: 1, S2: 2, prune_ratio: 0.3, seed: 4 };

async function trainAll(
  options: Partial<TrainingOptions> & Pick<TrainingOptions, 'model'>,
  afterStep: () => void = () => undefined,
): Promise<void> {
  for await (const { type } of train({ data, epochs: 1, batchSize: 16, ...options })) {
    if (type === 'step') afterStep();
  }
}

/** The output of a layer, given by name, that reads a convolution's channels one by one. */
function outputOf(model: tf.LayersModel, layer: string, training: boolean): tf.Tensor {
  const part = tf.model({ inputs: model.inputs, outputs: model.getLayer(layer).output });
  const images = tf.randomUniform([2, 32, 32, 3], -1, 1, 'float32', 3);
  return part.apply(images, { training }) as tf.Tensor;
}

/** The largest |output| of the channels that are off. */
function mostOfOff(output: tf.Tensor, mask: Float32Array): number {
  return tf.tidy(
    () =>
      output
        .abs()
        .mul(tf.sub(1, tf.tensor1d(mask)))
        .max()
        .dataSync()[0],
  );
}

const networks: [string, () => tf.LayersModel, string, string][] = [
  ['C3', () => c3({ widthMultiplier: 0.25, classes: 3 }), 'block2_conv', 'block2_relu'],
  ['GoogleNet', () => googleNet({ widthMultiplier: 0.1, classes: 3 }), 'block1_3x3_conv', 'block1_3x3_bn'],
  [
    'ResNet-20',
    () => resnet20({ widthMultiplier: 0.25, classes: 3 }),
    'stage1_block1_second_conv',
    'stage1_block1_second_bn',
  ],
  [
    'ResNet-18',
    () => resnet18({ widthMultiplier: 0.1, classes: 3 }),
    'stage1_block1_first_conv',
    'stage1_block1_first_bn',
  ],
  ['CNN-4', () => cnn4({ widthMultiplier: 0.05, classes: 3 }), 'block2_conv', 'block2_bn'],
];

for (const [name, build, conv, behind] of networks) {
  test(`${name}: a filter that is off gives exactly 0 through S2, and moves again after it`, async () => {
    const model = build();
    const optimizer = new AdamW({ lr: 0.01 });
    const sparsifier = reprSparsifier(model, { ...cycle, ranking: 'perLayer' });
    await trainAll({ model, optimizer, sparsifier, epochs: 1 });
    assert.equal(sparsifier.summary!().closed, 0);
    let steps = 0;
    await trainAll({ model, optimizer, sparsifier, epochs: 3, startStep: 3 }, () => {
      const mask = sparsifier.channelMasks().get(conv)!;
      assert.equal(mostOfOff(outputOf(model, behind, false), mask), 0, `after step ${++steps} of S2`);
    });
    assert.equal(steps, 6);
    const mask = sparsifier.channelMasks().get(conv)!;
    assert.ok(mask.includes(0) && mask.includes(1));
    assert.equal(mostOfOff(outputOf(model, behind, true), mask), 0);
    await trainAll({ model, optimizer, sparsifier, epochs: 4, startStep: 9 });
    assert.equal(sparsifier.summary!().closed, 0);
    assert.ok(mostOfOff(outputOf(model, behind, true), mask) > 0);
    optimizer.dispose();
  });
}

test('with biasTrains a filter that is off gives relu(bias), which trains', async () => {
  const model = c3({ widthMultiplier: 0.25, classes: 3 });
  const sparsifier = reprSparsifier(model, { ...cycle, biasTrains: true, ranking: 'perLayer' });
  sparsifier.beforeEpoch!(1);
  const bias = (): Float32Array => weightsOf(model)['block2_conv/bias'];
  const before = bias();
  await trainAll({ model, optimizer: new Sgd({ lr: 0.1 }), sparsifier, epochs: 3, startStep: 6 });
  const mask = sparsifier.channelMasks().get('block2_conv')!;
  const pictures = outputOf(model, 'block2_relu', false).reshape([-1, 8]).arraySync() as number[][];
  const off = [...mask.keys()].filter((f) => mask[f] === 0);
  assert.ok(off.length > 0 && off.some((f) => bias()[f] !== before[f]));
  for (const f of off) for (const row of pictures) assert.equal(row[f], Math.max(0, bias()[f]));
});

test('new filters are orthogonal to their old values and to the kept filters, before they are clipped', () => {
  const integer = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(integer, integer, fc.integer({ min: 2, max: 20 }), fc.nat(), (dropped, kept, fanIn, seed) => {
      const random = new Random(seed);
      const rows = Array.from({ length: dropped + kept }, () =>
        Float64Array.from({ length: fanIn }, () => random.normal()),
      );
      // Linearly dependent rows leave more room, whose dimension must still be found.
      if (kept > 1) rows[dropped + 1] = rows[dropped].map((value) => 2 * value);
      const { basis, rank } = nullSpace(rows, fanIn);
      assert.equal(basis.length, fanIn - rank);
      for (const vector of basis) {
        for (const row of rows) assert.ok(Math.abs(vector.reduce((sum, value, i) => sum + value * row[i], 0)) < 1e-5);
      }
      const refill = refillFilters(rows.slice(0, dropped), rows.slice(dropped), { scaling: 'rescale', random });
      assert.equal(refill.fromNullSpace, Math.min(dropped, basis.length));
      refill.rows.slice(0, refill.fromNullSpace).forEach((row, i) => {
        const norm = Math.hypot(...row);
        assert.ok(
          row.every((value, entry) => Math.abs(value / norm - basis[i][entry]) < 1e-9),
          'only rescaled',
        );
      });
      const limit = 1 / Math.sqrt(fanIn) + 1e-12;
      assert.ok(refill.rows.every((row) => row.every((value) => Math.abs(value) <= limit)));
    }),
    { seed: 2, numRuns: 100 },
  );
});

test("after S2 a network's new filters are orthogonal to the kept ones, if there is room", () => {
  const model = c3({ widthMultiplier: 0.25, classes: 3 });
  const kernel = model.getLayer('block2_conv').weights[0];
  const before = filterRows(kernel);
  const sparsifier = reprSparsifier(model, { ...cycle, scaling: 'rescale', nextLayer: 'keep', ranking: 'perLayer' });
  sparsifier.beforeEpoch!(1);
  const mask = sparsifier.channelMasks().get('block2_conv')!;
  sparsifier.beforeEpoch!(3);
  const after = filterRows(kernel);
  let compared = 0;
  for (const [f, row] of after.entries()) {
    if (mask[f] === 1) continue;
    for (const [g, other] of [...before, ...after.filter((_, g) => g !== f)].entries()) {
      const cosine =
        row.reduce((sum, value, i) => sum + value * other[i], 0) / Math.hypot(...row) / Math.hypot(...other);
      assert.ok(Math.abs(cosine) < 1e-5, `filter ${f} against ${g}: ${cosine}`);
      compared++;
    }
  }
  assert.ok(compared > 0);
});

test('weights that read a returning filter are 0, random or unchanged, also through concatenation and flattening', () => {
  const kernelOf = (model: tf.LayersModel, layer: string): number[][] => {
    const kernel = model.getLayer(layer).weights[0].read();
    const [inputs, outputs] = kernel.shape.slice(-2);
    return kernel
      .transpose(kernel.rank === 4 ? [2, 0, 1, 3] : [0, 1])
      .reshape([inputs, -1, outputs])
      .reshape([inputs, -1])
      .arraySync() as number[][];
  };
  const cases: [() => tf.LayersModel, string, string, (channel: number) => number[]][] = [
    [() => googleNet({ widthMultiplier: 0.1, classes: 3 }), 'block1_3x3_conv', 'block2_1x1_conv', (c) => [2 + c]],
    [
      () => c3({ widthMultiplier: 0.125, classes: 3 }),
      'block3_conv',
      'logits',
      (c) => Array.from({ length: 1024 }, (_, position) => position * 4 + c),
    ],
  ];
  for (const [build, layer, reader, inputsOf] of cases) {
    for (const nextLayer of ['zero', 'random', 'keep'] as const) {
      const model = build();
      const old = kernelOf(model, reader);
      const sparsifier = reprSparsifier(model, { ...cycle, nextLayer, ranking: 'perLayer' });
      sparsifier.beforeEpoch!(1);
      const masks = sparsifier.channelMasks();
      // The reader's own new filters are not checked here.
      const ownOff = masks.get(reader) ?? new Float32Array();
      sparsifier.beforeEpoch!(3);
      const now = kernelOf(model, reader);
      const off = [...masks.get(layer)!.keys()].filter((c) => masks.get(layer)![c] === 0);
      assert.ok(off.length > 0);
      for (const input of off.flatMap(inputsOf)) {
        now[input].forEach((value, at) => {
          const own = ownOff.length > 0 && ownOff[at % ownOff.length] === 0;
          if (nextLayer === 'zero') assert.equal(value, 0);
          else if (nextLayer === 'random') assert.ok(value !== old[input][at] && Math.abs(value) <= 1);
          else if (!own) assert.equal(value, old[input][at]);
        });
      }
    }
  }
});

test('overlap is the mean score of the filters that are on', () => {
  const input = tf.input({ shape: [4, 4, 2] });
  const conv = new Conv2d({ name: 'conv', filters: 3, kernelSize: 1, useBias: false });
  const model = tf.model({ inputs: input, outputs: conv.apply(input) as tf.SymbolicTensor });
  // Two filters along the first input, one along the second.
  conv.setWeights([tf.tensor4d([1, 2, 0, 0, 0, -3], [1, 1, 2, 3])]);
  const overlap = (mask?: number[]): number | undefined =>
    filterOverlap(model, mask && new Map([['conv', Float32Array.from(mask)]])).get('conv');
  assert.equal(overlap(), (1 / 3 + 1 / 3) / 3);
  assert.equal(overlap([1, 1, 0]), 1 / 2);
  assert.equal(overlap([0, 1, 1]), 0);
  assert.deepEqual(cosinesByLayer(model).get('conv'), [
    [1, 1, 0],
    [1, 1, 0],
    [0, 0, 1],
  ]);
});

test('rankings and reverse select the right filters', () => {
  const scores = (values: number[], fanIn: number) => ({ scores: values, fanIn });
  const layers = [scores([0.5, 0.4, 0.3, 0.2], 9), scores([0.25, 0.12, 0.11, 0.1], 900)];
  const chosen = (options: Omit<Parameters<typeof rankFilters>[1], 'prune_ratio'>) =>
    rankFilters(layers, { prune_ratio: 0.25, ...options }).map((flags) => flags.indexOf(true));
  assert.deepEqual(chosen({}), [0, -1]);
  assert.deepEqual(chosen({ ranking: 'perLayer' }), [0, 0]);
  assert.deepEqual(chosen({ ranking: 'depthNormalised' }), [-1, 0]);
  assert.deepEqual(chosen({ reverse: true }), [-1, 2]);
});

test('depthNormalised puts random filters of any length on one scale', () => {
  const random = new Random(3);
  const mean = (fanIn: number): number => {
    const filters = Array.from({ length: 40 }, () => Float64Array.from({ length: fanIn }, () => random.normal()));
    return orthogonalityScores(filters).reduce((sum, score) => sum + score / 40, 0);
  };
  for (const fanIn of [27, 288, 900]) {
    assert.ok(Math.abs(mean(fanIn) / ((39 / 40) * Math.sqrt(2 / (Math.PI * fanIn))) - 1) < 0.06);
  }
});

test('a run that resumes inside S2 gives the same bits as one that does not stop', async () => {
  const begin = (): { model: tf.LayersModel; optimizer: Optimizer; options: ReprOptions } => ({
    model: smallNet({ gates: false }),
    optimizer: new Sgd({ lr: 0.05, momentum: 0.9, weight_decay: 1e-3 }),
    options: { ...cycle, nextLayer: 'random', ranking: 'perLayer' },
  });
  const through = begin();
  await trainAll({ ...through, sparsifier: reprSparsifier(through.model, through.options), epochs: 5 });

  const stopped = begin();
  const first = reprSparsifier(stopped.model, stopped.options);
  await trainAll({ ...stopped, sparsifier: first, epochs: 5, maxSteps: 5 });
  assert.ok(first.summary!().closed > 0, 'stopped inside S2');
  const resumed = begin();
  resumed.model.setWeights(stopped.model.getWeights());
  resumed.optimizer.restore(stopped.optimizer.state());
  const second = reprSparsifier(resumed.model, resumed.options);
  second.restore(first.state());
  await trainAll({ ...resumed, sparsifier: second, epochs: 5, startStep: 5 });
  assert.deepEqual(weightsOf(resumed.model), weightsOf(through.model));
});

test('the number of tensors stays the same from cycle to cycle', () => {
  const model = resnet20({ widthMultiplier: 0.25 });
  const sparsifier = reprSparsifier(model, cycle);
  const before = tf.memory().numTensors;
  for (let epoch = 0; epoch < 9; epoch++) {
    sparsifier.beforeEpoch!(epoch);
    sparsifier.afterStep!(0.1, 1);
    sparsifier.channelMasks();
    sparsifier.state();
  }
  assert.ok(tf.memory().numTensors > before, 'the masks of the last epoch are held');
  sparsifier.dispose!();
  assert.equal(tf.memory().numTensors, before);
});

test('impossible options are refused in a sentence', () => {
  const model = smallNet({ gates: false });
  const wrong: [Partial<ReprOptions>, RegExp][] = [
    [{ S1: 0 }, /S1 must be a whole number of at least 1; received 0/],
    [{ S2: 1.5 }, /S2 must be a whole number of at least 1; received 1.5/],
    [{ prune_ratio: 1 }, /prune_ratio must be a number of at least 0 and below 1; received 1/],
    [{ ranking: 'depth' as 'global' }, /ranking must be one of global, perLayer, depthNormalised; received 'depth'/],
    [{ seed: NaN }, /seed must be a whole number; received NaN/],
    [{ nextLayer: 'one' as 'zero' }, /nextLayer must be one of zero, random, keep; received 'one'/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => reprSparsifier(model, { ...cycle, ...options }), { name: 'UserError', message });
  }
  const input = tf.input({ shape: [4] });
  const flat = tf.model({ inputs: input, outputs: new BatchNorm().apply(input) as tf.SymbolicTensor, name: 'flat' });
  assert.throws(() => reprSparsifier(flat, cycle), {
    name: 'UserError',
    message: /flat must have convolutions .* for RePr/,
  });
  const sparsifier = reprSparsifier(model, cycle);
  assert.throws(() => sparsifier.restore({ off: { other: {} } }), { name: 'UserError', message: /no other/ });
});
