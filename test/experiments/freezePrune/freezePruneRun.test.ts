import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { loadData } from 'sparsebook/data';
import {
  cutPoints,
  epochMeans,
  freezePruneRecord,
  freezePruneResnet18,
  freezePruneResult,
  freezePruneSettings,
  freezePruneTable,
  halfOf,
  keepingBest,
  pruningPoints,
  softmaxInLoss,
  type FreezePruneRecord,
} from 'sparsebook/experiments';
import { crossEntropy, type EpochEvent } from 'sparsebook/training';

await useBackend({ backend: 'simd', threads: 1 });
const data = await loadData('synthetic', { sizes: { train: 32, validation: 16, test: 16 } });
const small = { width: 0.05, epochs: 3, batch_size: 16 } as const;

async function zerosByEpoch(run: Awaited<ReturnType<typeof freezePruneResnet18>>): Promise<number[]> {
  const epochs: EpochEvent[] = [];
  for await (const event of run.events()) if (event.type === 'epoch') epochs.push(event);
  return epochs.map(({ sparsity }) => sparsity!.weightSparsity);
}

test('sparsity stays flat while the mask is held, and falls when zeros may move', async () => {
  const before = tf.memory().numTensors;
  const dense = await freezePruneResnet18(data, { ...small, epochs: 1 });
  await zerosByEpoch(dense);
  const held = await freezePruneResnet18(data, { ...small, prune: 0.3, freeze: 0.1 }, dense.model);
  const [first, ...others] = await zerosByEpoch(held);
  assert.ok(Math.abs(first - 0.3) < 1e-3, `${first}`);
  assert.ok(others.every((share) => share === first));
  const row = await freezePruneResult(held);
  assert.equal(row.run, 'freeze 10 %, prune 30 %');
  assert.ok((row['frozen parameters'] as number) > 0);
  const freed = await freezePruneResnet18(data, { ...small, prune: 0.3, unfreeze_epoch: 2 }, dense.model);
  const shares = await zerosByEpoch(freed);
  // Stage 4 sees images of one pixel: all but the middle of its kernels has no gradient, and stays at 0.
  assert.ok(shares[2] < 0.8 * shares[1], shares.join());
  for (const run of [dense, held, freed]) run.dispose();
  assert.equal(tf.memory().numTensors, before);
});

test('schedules end at the share that was asked for, and a lottery ticket starts from new weights', async () => {
  for (const schedule of ['iterative', 'polynomial'] as const) {
    const run = await freezePruneResnet18(data, { ...small, prune: 0.6, pruning: { schedule, times: 2 } });
    for (const epoch of [0, 1, 2]) run.sparsifier!.beforeEpoch!(epoch);
    assert.ok(Math.abs(run.sparsifier!.summary!().weightSparsity - 0.6) < 1e-2, schedule);
    run.dispose();
  }
  const trained = await freezePruneResnet18(data, { ...small, seed: 5 });
  const ticket = await freezePruneResnet18(data, { ...small, prune: 0.5, pruning: { rewind: true } }, trained.model);
  const start = ticket.model.getWeights()[0].dataSync();
  trained.dispose();
  ticket.sparsifier!.beforeEpoch!(0);
  const left = ticket.model.getWeights()[0].dataSync();
  assert.ok(left.includes(0) && left.every((value, i) => value === 0 || value === start[i]));
  ticket.dispose();
});

test('the halves of the training images have none in common', () => {
  const [first, second] = (['first', 'second'] as const).map((half) => halfOf(data, half).train);
  assert.deepEqual([...first.labels, ...second.labels], [...data.train.labels]);
  assert.deepEqual(Buffer.concat([first.images, second.images]), Buffer.from(data.train.images));
  assert.equal(halfOf(data, 'all'), data);
});

test('softmax inside the loss hides it from the network: gradients nearly vanish, and a factor brings them back', () => {
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
  const [least] = tf.tidy(() =>
    softmaxInLoss(crossEntropy(), 1)(tf.tensor2d([[0, 0, 0, 99, 0, 0, 0, 0, 0, 0]]), labels).dataSync(),
  );
  assert.ok(Math.abs(least - (Math.log(Math.E + 9) - 1)) < 1e-5);
});

test('a new head starts anew on the body of the given network', async () => {
  const trained = await freezePruneResnet18(data, { ...small, seed: 5 });
  const run = await freezePruneResnet18(data, { ...small, new_head: true }, trained.model);
  const fresh = await freezePruneResnet18(data, small);
  const weightsOf = (from: typeof run, layer: string) => from.model.getLayer(layer).getWeights()[0].dataSync();
  for (const layer of ['hidden', 'logits']) assert.deepEqual(weightsOf(run, layer), weightsOf(fresh, layer));
  assert.deepEqual(weightsOf(run, 'stage4_block2_second_conv'), weightsOf(trained, 'stage4_block2_second_conv'));
  assert.notDeepEqual(weightsOf(run, 'stem_conv'), weightsOf(fresh, 'stem_conv'));
  for (const each of [trained, run, fresh]) each.dispose();
});

test('a record holds every epoch and the scores of the one that was picked', async () => {
  const run = await freezePruneResnet18(data, { ...small, prune: 0.5, unfreeze_epoch: 1, seed: 2 });
  const options = { task: 'unfreeze 50 %', start: 'new weights', from: 1 } as const;
  await assert.rejects(freezePruneRecord(run, options), /unfreeze 50 %: the run has not been trained as far/);
  for await (const _ of keepingBest(run, options)) void _;
  const record = await freezePruneRecord(run, options);
  assert.deepEqual(
    record.epochs.map(({ epoch }) => epoch),
    [1, 2, 3],
  );
  assert.equal(record.epochs[0].sparsity.toFixed(2), '0.50');
  assert.ok(record.best > 1 && record.validation === Math.max(...record.epochs.slice(1).map((e) => e.validation)));
  const { accuracy } = await run.evaluate('validation');
  assert.ok(Math.abs(accuracy - record.validation) < 1e-5);
  assert.equal(record.seed, 2);
  assert.equal(Object.keys(record.zeros).length, 22);
  run.dispose();
});

/** Two seeds of one task, and one of another. */
const records = [
  [1, 'prune 50 %', 0.5, 0.8],
  [2, 'prune 50 %', 0.50001, 0.7],
  [1, 'prune 90 %', 0.9, 0.4],
].map(([seed, task, sparsity, test]): FreezePruneRecord => {
  const scores = { validation: 0.9, sparsity: Number(sparsity) };
  const epochs = [1, 2].map((epoch) => ({ epoch, training: 0, ...scores, validation: Number(test) * epoch }));
  const fixed = { start: 'fine-tuned', best: 2, zeros: {}, seconds: 1 } as const;
  return { ...fixed, ...scores, task: String(task), seed: Number(seed), test: Number(test), epochs };
});

test('runs that differ only in their seed are one row, one curve and one point', () => {
  const [first, second] = freezePruneTable(records);
  assert.deepEqual([first['test, %'], first['lowest to highest test, %'], first.runs], [75, '70 to 80', 2]);
  assert.deepEqual([second.task, second['zero weights, %'], second.runs], ['prune 90 %', 90, 1]);
  assert.ok(!('lowest to highest test, %' in freezePruneTable(records.slice(1))[0]));
  assert.deepEqual(epochMeans('both', records.slice(0, 2), 'validation'), {
    name: 'both',
    epochs: [1, 2],
    shares: [0.75, 1.5],
  });
  assert.deepEqual(pruningPoints(records), [
    { pruned: 0.5, accuracies: [0.8, 0.7] },
    { pruned: 0.9, accuracies: [0.4] },
  ]);
  assert.deepEqual(cutPoints([0.9, 0].map((prune) => ({ seed: 1, prune, validation: 1 - prune }))), [
    { pruned: 0, accuracies: [1] },
    { pruned: 0.9, accuracies: [1 - 0.9] },
  ]);
});

test('what cannot work is refused in a sentence', async () => {
  const refused = (given: Parameters<typeof freezePruneSettings>[0], message: RegExp): void =>
    assert.throws(() => freezePruneSettings(given), { name: 'UserError', message });
  refused({ unfreeze_epoch: 2 }, /nothing is pruned/);
  refused({ softmax_scale: 2 }, /softmax_in_loss=false has no such factor/);
  refused({ prune: 0.5, new_head: true, pruning: { rewind: true } }, /pruning.rewind=true starts all layers anew/);
  refused({ prune: 0.5, pruning: { schedule: 'polynomial', rewind: true } }, /only schedule=one-shot can rewind/);
  await assert.rejects(freezePruneResnet18(data, { ...small, weights: '/none.safetensors' }), {
    name: 'UserError',
    message: /The weights \/none\.safetensors cannot be read/,
  });
});
