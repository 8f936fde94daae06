// Settings that work alone also work together.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { completeCount } from 'sparsebook/compact/counts.js';
import { saveTfjs } from 'sparsebook/compact/export/tfjs.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { experiment, type ExperimentSpec } from 'sparsebook/experiments/experiment.js';
import { protocolSettings, type Protocol } from 'sparsebook/experiments/protocols/protocol.js';
import { protocols } from 'sparsebook/experiments/protocols/protocols.js';
import { Run } from 'sparsebook/experiments/run/run.js';
import { givenInWords } from 'sparsebook/experiments/settings/written.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { namedWeights } from 'sparsebook/graph/names.js';
import { withGates } from 'sparsebook/sparsity/withGates.js';
import { temporaryFolder } from '../../training/checkpoint/sample.ts';

await useBackend({ backend: 'simd', threads: 1 });
const sizes = { train: 32, validation: 16, test: 16 };
const data = await loadData('synthetic', { imageSize: '8x8x3', classes: 3, sizes });

/** Convolutions of 6 and 8 channels, each with tf's batch norm, the second inside a nested network; a dense layer. */
function plain(): tf.LayersModel {
  const { conv2d, batchNormalization, globalAveragePooling2d, dense } = tf.layers;
  const inner = tf.sequential({
    name: 'inner',
    layers: [
      conv2d({ name: 'b', filters: 8, kernelSize: 3, useBias: false, inputShape: [6, 6, 6] }),
      batchNormalization({ name: 'b_bn' }),
    ],
  });
  return tf.sequential({
    name: 'plain',
    layers: [
      conv2d({ name: 'a', filters: 6, kernelSize: 3, useBias: false, inputShape: [8, 8, 3] }),
      batchNormalization({ name: 'a_bn' }),
      inner,
      globalAveragePooling2d({}),
      dense({ name: 'o', units: 3 }),
    ],
  });
}

const trained = (t: TestContext, spec: Partial<ExperimentSpec>): Promise<Run> => {
  const recipe = { epochs: 2, batch_size: 8, ...spec.recipe };
  return experiment({ network: plain(), data, root: temporaryFolder(t), ...spec, recipe }).finish();
};

const closing = { name: 'l0', lambda: 20, lr_gates: 1 } as const;

test('where gates close channels and magnitude prunes weights, both are missing from the parameters', async (t) => {
  const { record } = await trained(t, { methods: [closing, { name: 'magnitude', prune: 0.5 }] });
  assert.deepEqual(record.channels, { all: 14, closed: 14 });
  // Of 9 * 3 * 6 + 9 * 6 * 8 + 8 * 3 weights and three biases, only the biases are left.
  assert.equal(record.parameters.left, 3);
});

for (const [name, method] of Object.entries({
  magnitude: { name: 'magnitude', unit: 'channels', prune: 0.3 },
  ista: { name: 'ista', l1_penalty: 1e-6 },
} as const)) {
  test(`an epoch reports how many channels gates and ${name} have closed, like the record`, async (t) => {
    const run = await trained(t, { methods: [closing, method] });
    const { channels } = run.record;
    const last = run.history.findLast((event) => event.type === 'epoch')!;
    assert.equal(channels.closed, channels.all);
    assert.deepEqual([last.sparsity!.closed, last.sparsity!.channels], [channels.closed, channels.all]);
  });
}

test("frozen_batch_norm keeps the running statistics of tf's batch norms, also in nested and smaller networks", async (t) => {
  const model = temporaryFolder(t);
  const network = plain();
  await saveTfjs(network, model);
  const statistics = ({ nonTrainableWeights }: tf.LayersModel): number[][] =>
    nonTrainableWeights.map((weight) => [...weight.read().dataSync()]);
  assert.equal(statistics(network).length, 4);
  for (const frozen_batch_norm of [true, false]) {
    for (const method of [[], [{ ...closing, droprate_init: 0.9 }]]) {
      const cutting = method.length > 0 ? { cut_channels: true } : {};
      const run = await trained(t, { network: { name: 'own', model, frozen_batch_norm }, methods: method, ...cutting });
      const after = statistics((await run.network()).model);
      if (frozen_batch_norm) assert.deepEqual(after, statistics(network));
      else assert.notDeepEqual(after, statistics(network));
      run.dispose();
    }
  }
});

test('settings for loading images are refused if the images are given', () => {
  for (const given of [{ sizes: { train: 4 } }, { image_size: '6x6x3' }, { classes: 2 }]) {
    assert.throws(() => experiment({ network: 'c3', data, ...given }), {
      name: 'UserError',
      message: /images themselves are given/,
    });
  }
});

test('another seed draws other gates in any network', async (t) => {
  const [first, second] = await Promise.all(
    [0, 1].map(async (seed) => {
      const run = await trained(t, { methods: 'l0', seed });
      return gatesOf((await run.network()).model).map(({ logAlpha }) => [...logAlpha.dataSync()]);
    }),
  );
  assert.notDeepEqual(first, second);
});

/** A run as the command line describes it, optionally started from another run. */
const ofWords = (words: string, root: string, start?: Run): Promise<Run> => {
  const protocol = protocols.experiment as Protocol;
  const given = givenInWords(`epochs=1 batch_size=8 ${words}`.split(' '));
  return new Run({ protocol, settings: protocolSettings(protocol, given), images: data, start, root }).finish();
};

test('a network that was trained on one half of the images gets the same scores later as at the end of its run', async (t) => {
  const model = temporaryFolder(t);
  await saveTfjs(plain(), model);
  const run = await ofWords(`network=own model=${model} half=second lr=0.1`, temporaryFolder(t));
  assert.equal((await run.data()).train.labels.length, 16);
  assert.deepEqual(await run.evaluate('test'), run.record.test);
});

test('a run cannot be shortened to fewer epochs, nor started from a network that has none of its layers', async (t) => {
  const run = await trained(t, {});
  const { dir } = run;
  await assert.rejects(
    Run.resume(join(dir!, 'checkpoints', 'last'), givenInWords(['epochs=1'])),
    /must go on from where it is, which is after 2 epochs and 8 steps in .*; received epochs=1/,
  );
  await assert.rejects(ofWords('network=c3', temporaryFolder(t), run), /plain, must have layers of c3; none of its/);
});

test('a compact network can be trained with gates, and is not counted as the network that its settings name', async (t) => {
  const start = await trained(t, { methods: { name: 'magnitude', unit: 'channels', prune: 0.5 } });
  const root = temporaryFolder(t);
  const gated = await ofWords('network=own start.compact=true methods=l0', root, start);
  assert.ok(gated.record.channels.all > 0 && gated.record.channels.all < 14);
  assert.equal(completeCount((await gated.network()).model).full, gated.record.parameters.dense);
  const named = await ofWords('network=googlenet start.compact=true', root, start);
  assert.equal(named.record.sparsity.published, null);
  const warnings = named.history.flatMap((event) => (event.type === 'warning' ? event.message : []));
  assert.match(warnings.join(), /network=googlenet has no effect: start.compact=true takes plain/);
});

test('frozen layers of a nested network stay frozen through a run and in its checkpoint', async (t) => {
  const network = plain();
  (network.getLayer('inner') as unknown as tf.LayersModel).trainable = false;
  const kernels = (model: tf.LayersModel): number[][] =>
    ['a', 'b'].map((name) => [...namedWeights(model).get(`${name}/kernel`)!.read().dataSync()]);
  const before = kernels(network);
  const run = await trained(t, { network });
  const { model } = await run.network();
  assert.notDeepEqual(kernels(model)[0], before[0]);
  assert.deepEqual(kernels(model)[1], before[1]);
  assert.ok(!model.trainableWeights.some(({ originalName }) => originalName.startsWith('b')));
});

test('existing gates of a network keep their state, and the run warns that settings for new gates are unused', async (t) => {
  const network = withGates(plain(), { droprate_init: 0.05 });
  const run = await trained(t, { network, methods: { name: 'l0', droprate_init: 0.2 } });
  const warnings = run.history.flatMap((event) => (event.type === 'warning' ? event.message : []));
  assert.match(warnings.join(), /plain has gates of its own, .*: l0.droprate_init=0.2, l0.sampling=image and l0.where/);
});

test('gammas have the size set by alpha, wherever a run starts', async (t) => {
  const recipe = { optimizer: 'sgd', lr: 0, weight_decay: 0 } as const;
  const scaled = (start: Run | undefined, alpha: number): Promise<Run> =>
    trained(t, { start, recipe, methods: { name: 'ista', l1_penalty: 0, alpha } });
  const gammas = async (run: Run): Promise<Set<number>> =>
    new Set((await run.network()).model.getLayer('a_bn').getWeights()[0].dataSync());
  const dense = await trained(t, { recipe });
  const half = await scaled(dense, 0.5);
  assert.deepEqual(await gammas(half), new Set([0.5]));
  assert.deepEqual(await gammas(await scaled(half, 0.5)), new Set([0.5]));
  assert.deepEqual(await gammas(await scaled(half, 1)), new Set([1]));
  assert.deepEqual(await gammas(await scaled(undefined, 0.25)), new Set([0.25]));
});
