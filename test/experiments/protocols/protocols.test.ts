// The documents' protocols: their defaults, and the notes of their runs.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { compareCompactions } from 'sparsebook/experiments/results/compactions.js';
import { historyOf, gammaLine } from 'sparsebook/experiments/results/runHistory.js';
import { experiment, type ProtocolSpec } from 'sparsebook/experiments/experiment.js';
import { halfOf, softmaxInLoss } from 'sparsebook/experiments/run/session.js';
import type { GammaNote, OverlapNote, TurnNote } from 'sparsebook/experiments/run/notes.js';
import type { Run } from 'sparsebook/experiments/run/run.js';
import type { Protocol } from 'sparsebook/experiments/protocols/protocol.js';
import { protocols } from 'sparsebook/experiments/protocols/protocols.js';
import { filterOverlap } from 'sparsebook/sparsity/orthogonality.js';
import { prunableWeights } from 'sparsebook/sparsity/prunableWeights.js';
import { reprEpoch } from 'sparsebook/sparsity/schedules.js';
import { crossEntropy } from 'sparsebook/training/loss.js';
import { settingsOf } from '../settingsOf.ts';

await useBackend({ backend: 'simd', threads: 1 });
const data = await loadData('synthetic', { sizes: { train: 40, validation: 16, test: 16 } });
const root = mkdtempSync(join(tmpdir(), 'sparsebook-protocols-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

const finished = (spec: object): Promise<Run> =>
  experiment({ data, root, batch_size: 16, ...spec } as ProtocolSpec).finish();
const warningsOf = (run: Run): string[] =>
  run.history.flatMap((event) => (event.type === 'warning' ? event.message : []));

test("the documents' commands give the documents' settings", () => {
  const cases: [keyof typeof protocols, string, object][] = [
    ['l0-googlenet', '', { epochs: 180, batch_size: 128, lr: 1e-3, weight_decay: 1e-4, data: 'cifar10' }],
    ['l0-googlenet', '', { milestones: [100, 150], lr_decay: 0.1, lambda_l0: 1, droprate_init: 0.5 }],
    ['l0-googlenet', 'lambda_l0=20 droprate_init=0.05 ckpt_path=x', { milestones: [10, 60, 100, 130, 160] }],
    ['l0-googlenet', 'lambda_l0=20 ckpt_path=x', { lr_decay: 0.5, lambda_l0: 20 }],
    ['l0-googlenet', 'ckpt_path=x milestones=3', { milestones: [3] }],
    ['l0-googlenet', 'lr=0.01', { lr_gates: 0.01 }],
    ['l0-googlenet', 'preset=quick data=cifar10', { data: 'cifar10', width: 0.25 }],
    ['ista-resnet20', 'checkpoint_version=0', { l1_penalty: 0.001, max_steps: 30_000, learning_rate: 0.1 }],
    ['ista-resnet20', 'checkpoint_version=1', { l1_penalty: 0.005, max_steps: 50_000, learning_rate: 0.1 }],
    ['ista-resnet20', 'checkpoint_version=2', { l1_penalty: 0, max_steps: 50_000, learning_rate: 0.01 }],
    ['ista-resnet20', '', { batch_size: 125, weight_decay: 5e-4, ema_decay: 0.999, bn_momentum: 1e-3 }],
    ['ista-cnn4', '', { batch_size: 125, weight_decay: 0 }],
    ['repr-c3', '', { S1: 20, S2: 10, epochs: 100, prune_ratio: 0.3, lr: 0.01, batch_size: 128 }],
    ['repr-c3', 'zero_init=false', { repr: { ...settingsOf('repr-c3').repr, next_layer: 'random' } }],
    ['freeze-prune-resnet18', 'freeze=0.1 prune=0.3', { epochs: 10, lr: 1e-3, freeze: 0.1, prune: 0.3 }],
  ];
  for (const [name, words, expected] of cases) {
    const settings = settingsOf(name, ...words.split(' ').filter(Boolean));
    const found = Object.fromEntries(Object.keys(expected).map((key) => [key, settings[key]]));
    assert.deepEqual(found, expected, `${name} ${words}`);
  }
  const optimizers = Object.entries(protocols).map(([name, protocol]) => {
    const { optimizer } = (protocol as unknown as Protocol).experiment(settingsOf(name as 'repr-c3'));
    return [name, optimizer];
  });
  assert.deepEqual(Object.fromEntries(optimizers.slice(0, 5)), {
    'l0-googlenet': 'adamw',
    'ista-resnet20': 'sgd',
    'ista-cnn4': 'sgd',
    'repr-c3': 'sgd',
    'freeze-prune-resnet18': 'adam',
  });
  assert.equal(protocols['ista-resnet20'].stages!(settingsOf('ista-resnet20') as never).length, 3);
});

test("RePr's presets have the project's shape: none ends with filters off, and short has its three cycles", () => {
  const chosen = ['quick', 'short', 'published'].map((preset) => settingsOf('repr-c3', `preset=${preset}`));
  const of = (settings: (typeof chosen)[0]) => settings as unknown as { S1: number; S2: number; epochs: number };
  for (const each of chosen) assert.equal(reprEpoch(of(each).epochs - 1, of(each)).phase, 'S1', String(each.preset));
  const cycles = chosen.map((each) => {
    const epochs = Array.from({ length: of(each).epochs }, (_, epoch) => reprEpoch(epoch, of(each)));
    return epochs.filter(({ reinitialises }) => reinitialises).length;
  });
  assert.deepEqual(cycles, [2, 3, 3]);
});

test('values that contradict each other, or a rule, are refused before anything is built', () => {
  const cases: [ProtocolSpec['protocol'], object, RegExp][] = [
    ['l0-googlenet', { lamda_l0: 1 }, /did you mean 'lambda_l0'/],
    ['l0-googlenet', { epochs: 0 }, /epochs must be a whole number of at least 1.*; received 0/],
    ['l0-googlenet', { gates: { sampling: 'row' } }, /gates\.sampling must be one of image, batch; received "row"/],
    ['l0-googlenet', { without_using_gate: true, droprate_init: 0.1 }, /builds a network that has no gates/],
    ['l0-googlenet', { target_sparsity: 0.5, lambda_l0: 10 }, /target_sparsity=0\.5 chooses lambda by itself/],
    ['l0-googlenet', { target_ms: 2, lambda_l0: 10 }, /lambda_l0=10 .*: target_ms=2 chooses lambda by itself/],
    [
      'l0-googlenet',
      { target_ms: 2, target_multiply_adds: 1e6 },
      /target_multiply_adds=1000000 chooses lambda by itself/,
    ],
    ['l0-googlenet', { target_sparsity: 0.5, target_ms: 2 }, /target_ms=2 chooses lambda by itself/],
    ['l0-googlenet', { target_ms: 0 }, /target_ms must be a number above 0, or null for none; received 0/],
    ['l0-googlenet', { time_images: 8 }, /nothing is timed without target_ms or weighting=time/],
    ['l0-googlenet', { target_ms: 2, gates: { unstructured: true } }, /gates on weights save no time/],
    ['ista-resnet20', { ista: { time_images: 8 } }, /nothing is timed without weighting=time/],
    ['l0-googlenet', { target_sparsity: 1 }, /target_sparsity must be a number of at least 0 and below 1, or null/],
    ['l0-googlenet', { gates: { unstructured: true, sampling: 'image' } }, /a batch shares the weights/],
    ['ista-resnet20', { l1_penalty: 0.1 }, /each version has its own; choose one with checkpoint_version/],
    ['repr-c3', { standard: true, S1: 3 }, /standard=true trains all filters throughout/],
    ['freeze-prune-resnet18', { unfreeze_epoch: 2 }, /nothing is pruned/],
    ['freeze-prune-resnet18', { softmax_scale: 2 }, /softmax_in_loss=false has no such factor/],
    ['freeze-prune-resnet18', { prune: 0.5, new_head: true, pruning: { rewind: true } }, /starts all layers anew/],
    ['freeze-prune-resnet18', { prune: 0.5, pruning: { schedule: 'polynomial', rewind: true } }, /can rewind/],
  ];
  const twice = {
    name: 'UserError',
    message: /methods must be a list, .*, none of them twice; received \["l0","l0"\]/,
  };
  assert.throws(() => experiment({ network: 'c3', methods: ['l0', { name: 'l0', lambda: 3 }] }), twice);
  for (const [protocol, given, message] of cases) {
    assert.throws(() => experiment({ protocol, ...given }), { name: 'UserError', message });
  }
});

test('a run of RePr notes the cosines of its filters at each switch, their overlap, and which filters were off', async () => {
  const run = await finished({
    protocol: 'repr-c3',
    width: 0.125,
    S1: 1,
    S2: 1,
    epochs: 4,
    lr: 0.05,
    select: 'last',
    repr: { scaling: 'rescale', next_layer: 'keep' },
  });
  assert.match(warningsOf(run).join(), /S2=1 is not over when the run of 4 epochs ends/);
  const turns = run.notes<TurnNote>('turn');
  assert.deepEqual(
    turns.map(({ epoch, values }) => [epoch, values.turn]),
    [
      [1, 'prune'],
      [2, 'return'],
      [3, 'prune'],
    ],
  );
  const off = [...run.snapshots[2].masks].flatMap(([layer, mask]) =>
    [...mask].flatMap((on, filter) => (on === 1 ? [] : [[layer, filter] as const])),
  );
  assert.ok(off.length > 0);
  for (const [layer, f] of off) {
    assert.equal(turns[0].values.before[layer][f][f], 1);
    assert.deepEqual(new Set(turns[0].values.after[layer][f]), new Set([0]), 'a filter that is off has no direction');
    assert.deepEqual(
      turns[1].values.after[layer][f].map((cosine) => Math.round(Math.abs(cosine) * 1e2)),
      turns[1].values.after[layer][f].map((_, g) => (g === f ? 100 : 0)),
      'one that comes back is orthogonal to all others',
    );
  }
  const { epochs, prunings } = historyOf(run);
  assert.deepEqual(
    epochs.map(({ epoch, phase }) => [epoch, phase]),
    [
      [1, 'S1'],
      [2, 'S2'],
      [3, 'S1'],
      [4, 'S2'],
    ],
  );
  assert.deepEqual(
    prunings.map(({ epoch }) => epoch),
    [2, 4],
  );
  for (const [layer, filters] of Object.entries(prunings[1].filters)) {
    assert.deepEqual([...filters].map(Number), [...run.snapshots[4].masks.get(layer)!]);
  }
  const network = await run.network();
  const last = run.notes<OverlapNote>('overlap').at(-1)!;
  for (const [layer, overlap] of filterOverlap(network.model, network.channelMasks())) {
    assert.ok(Math.abs(last.values[layer] - overlap) <= 5e-4 * Math.abs(overlap), layer);
  }
  assert.equal(
    run.record.channels.closed,
    [...network.channelMasks().values()].flatMap((m) => [...m].filter((v) => !v)).length,
  );
  run.dispose();
  const standard = await finished({ protocol: 'repr-c3', width: 0.125, standard: true, epochs: 1, select: 'last' });
  assert.equal(standard.record.channels.all, 0);
});

test("ISTA's versions build on each other, each on the previous network as evaluated; version 2 is compact", async () => {
  const small = { protocol: 'ista-resnet20', width: 0.125, log_frequency: 2, alpha: 0.9, bn_momentum: 0.1 };
  const first = await finished({ ...small, checkpoint_version: 0, l1_penalty: 6, max_steps: 4, ema_decay: 0.5 });
  const log = first.notes<GammaNote>('gammas');
  assert.deepEqual(
    log.map(({ step }) => step),
    [2, 4],
  );
  assert.match(
    gammaLine(log[1]),
    /^step 4, loss = \d\.\d\d, group lasso = \d+\.\d\d, fake sparsity = 0\.\d\d, \(\d+\.\d examples\/sec; \d+\.\d{3} sec\/batch\)$/,
  );
  assert.equal(Object.keys(log[1].values.gammas).length, 9);
  assert.ok(first.record.channels.closed > 0, 'something is closed');
  const before = await first.evaluate('test');
  const third = await finished({ ...small, checkpoint_version: 2, max_steps: 1, learning_rate: 0, start: first });
  assert.match((third.history.find(({ type }) => type === 'note') as { kind: string }).kind, /opening/);
  assert.equal(third.record.parameters.dense, third.record.parameters.left);
  assert.ok(third.record.parameters.dense < first.record.parameters.dense);
  assert.ok(Math.abs(third.record.parameters.dense - first.record.parameters.left) <= first.record.parameters.left);
  const ways = await compareCompactions(await first.network(), data, { batchSizes: [2], runs: 2, warmUp: 0 });
  const [exact, fours, eights, interior, none] = ways.map((way) => Number(way['difference of logits']));
  assert.ok(Math.max(exact, fours, eights) < 1e-4 && exact <= interior && interior <= none, JSON.stringify(ways));
  assert.ok(Number.isFinite(before.loss));
  const late = await finished({ ...small, checkpoint_version: 1, max_steps: 1 });
  assert.match(warningsOf(late).join(), /checkpoint_version=1 starts from new weights/);
  for (const run of [first, third, late]) run.dispose();
});

test('sparsity stays constant while the mask is held, and falls when zeros may move; a new head starts from scratch', async () => {
  const small = { protocol: 'freeze-prune-resnet18', width: 0.05, epochs: 3, select: 'last' };
  const dense = await finished({ ...small, epochs: 1 });
  const zeros = (run: Run): number[] => historyOf(run).epochs.map((epoch) => epoch.zeros);
  const held = await finished({ ...small, prune: 0.3, freeze: 0.1, start: dense });
  assert.ok(
    zeros(held).every((share) => Math.abs(share - 0.3) < 1e-3 && share === zeros(held)[0]),
    zeros(held).join(),
  );
  assert.ok(held.record.method.frozen > 0);
  // Stage 4 sees images of one pixel: only the centre of its kernels has a gradient, the rest stays at 0.
  const freed = await finished({ ...small, prune: 0.3, unfreeze_epoch: 2, start: dense });
  assert.ok(zeros(freed)[2] < 0.8 * zeros(freed)[1], zeros(freed).join());
  assert.equal(Object.keys(freed.record.zeros).length, 22);
  const head = await finished({ ...small, epochs: 1, lr: 0, new_head: true, start: dense });
  const kernel = async (run: Run, layer: string): Promise<Float32Array> =>
    (await run.network()).model.getLayer(layer).getWeights()[0].dataSync<'float32'>();
  const body = 'stage4_block2_second_conv';
  assert.deepEqual(await kernel(head, body), await kernel(dense, body));
  assert.notDeepEqual(await kernel(head, 'logits'), await kernel(dense, 'logits'));
  for (const run of [dense, held, freed, head]) run.dispose();
});

test('schedules end at the requested share', async () => {
  for (const schedule of ['one-shot', 'iterative', 'polynomial'] as const) {
    const times = schedule === 'one-shot' ? {} : { times: 2 };
    const run = experiment({
      network: { name: 'c3', width: 0.125 },
      data,
      root,
      methods: { name: 'magnitude', prune: 0.6, schedule, ...times },
      recipe: { epochs: 3, batch_size: 16 },
    });
    const { zeros } = (await run.finish()).record.sparsity;
    assert.ok(Math.abs(zeros - 0.6) < 1e-3, `${schedule}: ${zeros}`);
    run.dispose();
  }
});

test('a lottery ticket has its initial weights where the trained network had large ones, and 0 elsewhere', async () => {
  const small = { protocol: 'freeze-prune-resnet18', width: 0.05, epochs: 1 };
  const still = { ...small, lr: 0 };
  const trained = await finished({ ...small, seed: 5, lr: 0.01 });
  const start = await finished(still);
  const ticket = await finished({ ...still, prune: 0.5, pruning: { rewind: true }, start: trained });
  const kernels = async (run: Run): Promise<Float32Array> => {
    const weights = prunableWeights((await run.network()).model);
    return Float32Array.from(weights.flatMap((weight) => [...weight.read().dataSync()]));
  };
  const [decided, began, left] = await Promise.all([trained, start, ticket].map(kernels));
  const gone = [...left.keys()].filter((i) => left[i] === 0);
  const kept = [...left.keys()].filter((i) => left[i] !== 0);
  assert.ok(Math.abs(gone.length / left.length - 0.5) < 1e-3, `${gone.length} of ${left.length}`);
  assert.ok(kept.every((i) => left[i] === began[i]));
  const most = gone.reduce((largest, i) => Math.max(largest, Math.abs(decided[i])), 0);
  assert.ok(kept.every((i) => Math.abs(decided[i]) >= most));
  for (const run of [trained, start, ticket]) run.dispose();
});

test('a run with a target sparsity ends within 0.03 of it, and its record has the lambda that it chose', async () => {
  const small = await loadData('synthetic', {
    sizes: { train: 40, validation: 16, test: 16 },
    imageSize: '12x12',
  });
  for (const target_sparsity of [0.3, 0.6]) {
    const run = experiment({
      network: 'c3',
      data: small,
      root,
      methods: { name: 'l0', target_sparsity, droprate_init: 0.05, lr_gates: 0.3 },
      recipe: { epochs: 24, batch_size: 8 },
    });
    const { sparsity, method } = (await run.finish()).record;
    assert.ok(Math.abs(sparsity.complete - target_sparsity) <= 0.03, `${target_sparsity}: ${sparsity.complete}`);
    const last = run.history.findLast((event) => event.type === 'epoch');
    assert.equal(method.lambda, last?.sparsity?.lambda);
    run.dispose();
  }
});

test('the two halves of the training images have no image in common', () => {
  const [first, second] = (['first', 'second'] as const).map((half) => halfOf(data, half).train);
  assert.deepEqual([...first.labels, ...second.labels], [...data.train.labels]);
  assert.deepEqual(Buffer.concat([first.images, second.images]), Buffer.from(data.train.images));
  assert.equal(halfOf(data, 'all'), data);
});

test('softmax inside the loss hides it from the network: gradients nearly vanish, and a factor restores them', () => {
  const labels = tf.tensor1d([3], 'int32');
  const logits = tf.tensor2d([0, 2, 9, 1, 0, 0, 0, 0, 0, 0], [1, 10]);
  const norm = (loss: ReturnType<typeof crossEntropy>): number =>
    tf.tidy(
      () =>
        tf
          .grad((x) => loss(x as tf.Tensor2D, labels))(logits)
          .norm()
          .dataSync()[0],
    );
  const [plain, inside, scaled] = [crossEntropy(), softmaxInLoss(crossEntropy(), 1), softmaxInLoss(crossEntropy(), 10)];
  assert.ok(norm(inside) < 0.01 * norm(plain));
  assert.ok(norm(scaled) > 5 * norm(inside));
});

test('settings that do not fit the network or the images are refused before the first step, and leave no run', async () => {
  const at = join(root, 'refused');
  const c3 = { network: { name: 'c3', width: 0.1 }, data, root: at } as const;
  const small = tf.sequential({
    layers: [
      tf.layers.conv2d({ filters: 2, kernelSize: 3, inputShape: [32, 32, 3] }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 4 }),
    ],
  });
  const wide = await experiment({ ...c3, network: { name: 'c3', width: 0.2 }, root, recipe: { epochs: 1 } }).finish();
  const cases: [() => Run, RegExp][] = [
    [() => experiment({ ...c3, network: 'own' }), /network=own must come with a network: model=FOLDER/],
    [() => experiment({ ...c3, network: { name: 'own', model: at } }), /model\.json cannot be read/],
    [
      () => experiment({ ...c3, network: { name: 'c3', model: at } }),
      /model=.* contradicts .*network=c3 is built by its name/,
    ],
    [() => experiment({ ...c3, methods: 'lo' as never }), /methods must be a list, each one of l0, ista, repr/],
    [() => experiment({ ...c3, recipe: { epochs: 0 } }), /epochs must be a whole number of at least 1/],
    [() => experiment({ ...c3, methods: { name: 'l0', where: ['no_layer'] } }), /must name layers of c3.*'no_layer'/],
    [() => experiment({ ...c3, methods: 'ista' }), /c3 has no channels to prune by their gammas/],
    [() => experiment({ ...c3, data: 'synthetic', image_size: 'big' }), /HEIGHTxWIDTH.*received big/],
    [() => experiment({ ...c3, network: small }), /A label must be the number of an output, 0 to 3 for the 4/],
    [() => experiment({ ...c3, start: wide }), /must have the shapes of those to start from/],
  ];
  for (const [build, message] of cases) {
    await assert.rejects(async () => build().finish(), { name: 'UserError', message }, String(message));
  }
  assert.deepEqual(existsSync(at) ? readdirSync(at) : [], []);
});
