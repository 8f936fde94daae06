// Channels that are closed for good are cut out while training continues.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { Random } from 'sparsebook/backend/random.js';
import { withoutClosed } from 'sparsebook/compact/shrink/withoutClosed.js';
import type { ImageSet } from 'sparsebook/data/imageSet.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { freezeSparsifier } from 'sparsebook/sparsity/freeze.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { reprSparsifier } from 'sparsebook/sparsity/repr.js';
import { combineSparsifiers } from 'sparsebook/sparsity/combineSparsifiers.js';
import type { Sparsifier } from 'sparsebook/sparsity/sparsifier.js';
import { withGates } from 'sparsebook/sparsity/withGates.js';
import { putState, takeState, type TrainedParts } from 'sparsebook/training/checkpoint/trainedState.js';
import type { TrainingEvent } from 'sparsebook/training/events.js';
import { Cutting } from 'sparsebook/training/cutting.js';
import { makeOptimizer, type OptimizerSettings } from 'sparsebook/training/optimizer.js';
import { StateSlices } from 'sparsebook/training/stateSlices.js';
import { train, type TrainingOptions } from 'sparsebook/training/train.js';
import { WeightAverages } from 'sparsebook/training/weightAverages.js';

await useBackend({ backend: 'simd', threads: 1 });

/** Images of 4x4 in three colours; the brightest colour is the class. */
function tinyImages(count: number, seed: number): ImageSet {
  const random = new Random(seed);
  const labels = Uint8Array.from({ length: count }, () => random.integer(3));
  const bright = (i: number): number => (i % 3 === labels[Math.floor(i / 48)] ? 60 : 0);
  const images = Uint8Array.from({ length: count * 48 }, (_, i) => Math.floor(random.next() * 190) + bright(i));
  return { name: `tiny ${seed}`, shape: [4, 4, 3], images, labels, classNames: ['red', 'green', 'blue'] };
}

const data = { train: tinyImages(40, 1), validation: tinyImages(16, 2) };
const shared = { data, batchSize: 8, epochs: 4, seed: 5 };

type Symbolic = tf.SymbolicTensor;
let seed = 0;
const conv = (x: Symbolic, name: string, filters: number, kernelSize = 3): Symbolic => {
  const y = new Conv2d({ name, filters, kernelSize, padding: 'same', useBias: false, seed: seed++ }).apply(x);
  return new BatchNorm({ name: `${name}_bn`, activation: 'relu' }).apply(y) as Symbolic;
};
const normal = (): ReturnType<typeof tf.initializers.randomNormal> =>
  tf.initializers.randomNormal({ stddev: 0.4, seed: seed++ });

/** The layers between a first convolution of 4 channels and the last layers. */
const bodies: Record<string, (x: Symbolic) => Symbolic> = {
  residual: (x) => tf.layers.add().apply([x, conv(conv(x, 'inner', 6), 'outer', 4)]) as Symbolic,
  concatenated: (x) => tf.layers.concatenate().apply([conv(x, 'left', 4, 1), conv(x, 'right', 4)]) as Symbolic,
  depthwise(x) {
    const kernel = { kernelSize: 3, padding: 'same', useBias: false, depthwiseInitializer: normal() } as const;
    const y = tf.layers.depthwiseConv2d({ name: 'depthwise', ...kernel }).apply(conv(x, 'wide', 6, 1));
    return conv(new BatchNorm({ name: 'depthwise_bn', activation: 'relu' }).apply(y) as Symbolic, 'narrow', 4, 1);
  },
};

function network(body: keyof typeof bodies): tf.LayersModel {
  seed = 1;
  const input = tf.input({ shape: [4, 4, 3] });
  const x = conv(bodies[body](conv(input, 'first', 4)), 'last', 5);
  const mean = tf.layers.globalAveragePooling2d({}).apply(x);
  const logits = tf.layers.dense({ name: 'logits', units: 3, kernelInitializer: normal() }).apply(mean);
  return tf.model({ name: body, inputs: input, outputs: logits as Symbolic });
}

/** Records how many values each epoch trains, and what was closed for good before the last epoch. */
class Watched extends Cutting {
  readonly trained: number[] = [];
  closedBefore: ReadonlyMap<string, Float32Array> = new Map();
  override async begin(...given: Parameters<Cutting['begin']>): Promise<TrainedParts> {
    this.closedBefore = given[0].sparsifier!.closedForGood!(given[1], 0.05);
    const parts = await super.begin(...given);
    this.trained.push(parts.model.trainableWeights.reduce((n, weight) => n + weight.read().size, 0));
    return parts;
  }
}

async function eventsOf(options: Pick<TrainingOptions, 'model'> & Partial<TrainingOptions>): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of train({ ...shared, ...options })) events.push(event);
  assert.deepEqual(
    events.filter(({ type }) => type === 'warning'),
    [],
  );
  return events;
}

/** Losses of all steps and scores of all epochs. */
const course = (events: TrainingEvent[]): number[] =>
  events.flatMap((event) => {
    if (event.type === 'step') return [event.loss];
    return event.type === 'epoch' ? [event.train.loss, event.validation!.loss, event.validation!.accuracy] : [];
  });

function logitsOf(model: tf.LayersModel): Float32Array {
  return tf.tidy(() => {
    const x = tf.tensor4d(Float32Array.from(data.validation.images), [16, 4, 4, 3]).div(255);
    return (model.predict(x) as tf.Tensor).dataSync<'float32'>().slice();
  });
}

function assertClose(found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  assert.equal(found.length, wanted.length);
  Array.from(wanted).forEach((value, i) => {
    assert.ok(
      Math.abs(found[i] - value) <= tolerance * Math.max(1, Math.abs(value)),
      `${i}: ${found[i]}, not ${value}`,
    );
  });
}

const optimizers: OptimizerSettings[] = [
  { name: 'adamw', lr: 0.01, weight_decay: 0.01 },
  { name: 'adam', lr: 0.01, weight_decay: 0.01 },
  { name: 'sgd', lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 1e-3 },
];

const pruned = (model: tf.LayersModel): Sparsifier =>
  magnitudeSparsifier(model, { plan: [{ epoch: 1, amount: 0.4 }], unit: 'channels' });

const methods: Record<string, (model: tf.LayersModel) => Sparsifier> = {
  'channels pruned by magnitude': pruned,
  'the same with a frozen kernel': (model) => combineSparsifiers(pruned(model), freezeSparsifier(model, { first: 2 })),
};

Object.keys(bodies).forEach((body, i) => {
  const [optimizer, [name, method]] = [optimizers[i], Object.entries(methods)[i % 2]];
  test(`held masks: training a ${body} network gives the same result with and without cutting (${optimizer.name}, ${name})`, async () => {
    const tensors = tf.memory().numTensors;
    const runs = await Promise.all(
      [undefined, new Watched()].map(async (cutting) => {
        const model = network(body);
        const [made, sparsifier] = [makeOptimizer(optimizer), method(model)];
        const averages = new WeightAverages(model, { decay: 0.6 });
        const parts = { model, optimizer: made, sparsifier, averages };
        const events = await eventsOf({ ...parts, cutting });
        const state = await averages.use(() => takeState({ ...parts, averages: undefined }));
        const logits = await averages.use(() => Promise.resolve(logitsOf(model)));
        const masks = sparsifier.channelMasks();
        for (const part of [made, sparsifier, averages, model]) part.dispose?.();
        return { cutting, events, logits, masks, state };
      }),
    );
    const [plain, cut] = runs;
    const [dense, ...rest] = cut.cutting!.trained;
    assert.ok(
      rest.every((trained) => trained === rest[0] && trained < 0.85 * dense),
      String(cut.cutting!.trained),
    );
    assertClose(course(cut.events), course(plain.events), 1e-4);
    assertClose(cut.logits, plain.logits, 1e-3);
    assert.deepEqual(cut.masks, plain.masks);
    assert.equal(tf.memory().numTensors, tensors);
  });
});

test('the memory of each optimizer is cut with its weight, and put back in its place', async () => {
  for (const settings of [...optimizers, { name: 'muon' } as const]) {
    const model = network('depthwise');
    const sparsifier = magnitudeSparsifier(model, { unit: 'channels' });
    const parts = { model, sparsifier, optimizer: makeOptimizer(settings), averages: new WeightAverages(model) };
    await eventsOf({ ...parts, epochs: 1 });
    sparsifier.prune(0.4);
    const { cut: _, ...state } = await takeState(parts);
    const smaller = withoutClosed(model, sparsifier.closedForGood!(0, 0))!;
    const slices = new StateSlices(model, smaller);
    const small = slices.pick(state);
    // In the whole network the cut parts are unchanged.
    assert.deepEqual(slices.put(state, small), state);

    const own = {
      model: smaller.model,
      optimizer: makeOptimizer(settings),
      sparsifier: sparsifier.inSmaller!(smaller),
    };
    const averages = parts.averages.of(smaller.model);
    putState({ ...small, path: 'here' }, { ...own, averages });
    const names = ['kernels/wide/kernel/momentum', 'wide/kernel/m', 'wide/kernel/velocity'];
    const memory = flat(small.optimizer.state);
    const [name, kept] = names.flatMap((key) => (memory.has(key) ? [[key, memory.get(key)!] as const] : []))[0];
    // [1, 1, 4, 6]. From an output that is 0 the batch norm after the depthwise convolution still computes beta.
    const [before, shape] = [flat(state.optimizer.state).get(name)!, small.weights.get('wide/kernel')!.shape];
    const [first, depthwise] = ['first', 'depthwise'].map((layer) => sparsifier.channelMasks().get(layer)!);
    const wanted = [...before].filter((_, i) => first[Math.floor(i / 6)] * depthwise[i % 6] === 1);
    assert.deepEqual([...kept], wanted, settings.name);
    assert.equal(wanted.length, shape[2] * shape[3]);
    assert.ok(wanted.length < 24 && wanted.some((value) => value !== 0));
    const { numTensors } = tf.memory();
    await eventsOf({ ...own, averages, epochs: 1 });
    await eventsOf({ ...own, averages, epochs: 1 });
    assert.ok(tf.memory().numTensors > numTensors, 'the memory of the smaller network is made at its first step');
    for (const part of [...Object.values(parts), ...Object.values(own), averages]) part.dispose?.();
  }
});

/** All arrays of a state by their paths. */
function flat(state: object, path = ''): Map<string, Float32Array> {
  return new Map(
    Object.entries(state).flatMap(([key, value]: [string, unknown]) => {
      if (value instanceof Float32Array) return [[path + key, value] as const];
      return typeof value === 'object' && value !== null ? [...flat(value, `${path}${key}/`)] : [];
    }),
  );
}

test('gates that close are cut out, and the network keeps its original form', async () => {
  const tensors = tf.memory().numTensors;
  const plain = network('residual');
  const model = withGates(plain, { droprate_init: 0.05, seed: 3 });
  plain.dispose();
  const names = model.weights.map(({ name }) => name);
  const sparsifier = l0Sparsifier(model, { lambda_l0: 3, lr_gates: 0.7 });
  const [cutting, optimizer] = [new Watched({ probability: 0.05 }), makeOptimizer({ name: 'adamw' })];
  const averages = new WeightAverages(model, { decay: 0.9 });
  const parts = { model, optimizer, sparsifier, averages };
  const events = await eventsOf({ ...parts, cutting, epochs: 6 });

  assert.ok(cutting.trained.at(-1)! < 0.9 * cutting.trained[0], String(cutting.trained));
  assert.deepEqual(
    cutting.trained,
    cutting.trained.toSorted((a, b) => b - a),
  );
  assert.deepEqual(
    model.weights.map(({ name }) => name),
    names,
  );
  const closed = events.flatMap((event) => (event.type === 'epoch' ? [event.sparsity!] : []));
  assert.ok(closed.at(-1)!.closed > 0);
  assert.equal(closed.at(-1)!.channels, 6 + 5, 'all gates are counted');
  // In the averaged network, whose gates lag behind, the channels that were cut out are closed too.
  await averages.use(() => {
    const closed = gatesOf(model).flatMap((gate) => {
      const mask = tf.tidy(() => gate.inferenceMask().dataSync());
      return [...mask].filter((_, i) => cutting.closedBefore.get(`${gate.name}/logAlpha`)![i] === 0);
    });
    assert.ok(closed.length > 0 && closed.every((value) => value === 0), String(closed));
    return Promise.resolve();
  });
  for (const part of Object.values(parts)) part.dispose?.();
  assert.equal(tf.memory().numTensors, tensors);
});

test('cutting is refused if nothing is closed for good', () => {
  const model = network('residual');
  const optimizer = makeOptimizer({ name: 'sgd' });
  const check = (sparsifier: Sparsifier | undefined, method: string): void =>
    assert.throws(() => new Cutting().check({ model, optimizer, sparsifier }), {
      name: 'UserError',
      message: new RegExp(`must have a method that closes some for good; received ${method}`),
    });
  check(undefined, 'none');
  check(reprSparsifier(model, { S1: 1, S2: 1, prune_ratio: 0.3 }), 'RePr');
  for (const probability of [-0.1, 0.4, NaN]) {
    assert.throws(() => new Cutting({ probability }), {
      name: 'UserError',
      message: /probability must be a number of at least 0 and at most 0.3; received/,
    });
  }
  assert.equal(magnitudeSparsifier(model, { unit: 'channels', unfreezeBefore: 2 }).closedForGood!(9, 0).size, 0);
  model.dispose();
});
