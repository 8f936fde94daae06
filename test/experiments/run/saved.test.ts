// A checkpoint, and a copy of its weights, give the same numbers as the training reported.
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { protocolSettings, type Protocol } from 'sparsebook/experiments/protocols/protocol.js';
import { protocols } from 'sparsebook/experiments/protocols/protocols.js';
import { measure } from 'sparsebook/experiments/run/measure.js';
import type { Measured } from 'sparsebook/experiments/run/record.js';
import { Run } from 'sparsebook/experiments/run/run.js';
import { shipWeights, trainedNetwork } from 'sparsebook/experiments/run/saved.js';
import { givenInWords } from 'sparsebook/experiments/settings/written.js';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';
import { temporaryFolder } from '../../training/checkpoint/sample.ts';

await useBackend({ backend: 'simd', threads: 1 });
const data = await loadData('synthetic', { sizes: { train: 32, validation: 16, test: 16 } });

/** The measurements of a checkpoint's network, and the parameters left in it by the report of `compact`. */
async function measured(path: string): Promise<{ numbers: Measured; masked: number }> {
  const network = await trainedNetwork(path);
  const compaction = compact(network.model, network.channelMasks());
  const { parameters } = await compaction.report({ batchSizes: [] });
  compaction.model.dispose();
  const numbers = await measure(network, data);
  network.dispose();
  return { numbers, masked: parameters.masked };
}

/** The methods, each with settings that make it close something within four steps. */
const cases: [name: string, words: string][] = [
  ['l0-googlenet', 'width=0.1 droprate_init=0.85 lr_gates=0.3 lambda_l0=5 ema_decay=0.5 cut_channels=true'],
  ['l0-googlenet', 'width=0.1 droprate_init=0.85 lr_gates=0.3 gates.unstructured=true'],
  ['ista-resnet20', 'width=0.125 checkpoint_version=0 max_steps=4 l1_penalty=9'],
  ['ista-resnet20', 'width=0.125 checkpoint_version=2 max_steps=2 l1_penalty=9'],
  ['repr-c3', 'width=0.1 S1=1 S2=2 lr=0.1'],
  ['repr-c3', 'width=0.1 S1=1 S2=1 epochs=3'],
  ['freeze-prune-resnet18', 'width=0.05 prune=0.6'],
  ['freeze-prune-resnet18', 'width=0.05 prune=0.6 pruning.unit=channels'],
  ['freeze-prune-resnet18', 'width=0.05 prune=0.6 pruning.unit=channels ema_decay=0.5'],
  ['freeze-prune-resnet18', 'width=0.05 prune=0.6 pruning.unit=channels freeze=0.2 cut_channels=true'],
  ['freeze-prune-resnet18', 'width=0.05 prune=0.6 pruning.unit=channels unfreeze_epoch=1 pruning.restore=true'],
];

for (const [name, words] of cases) {
  test(`a checkpoint, and the copy of its weights, report what their training reported: ${name} ${words}`, async (t) => {
    const protocol = (protocols as unknown as Record<string, Protocol>)[name];
    const epochs = /epochs=|max_steps=/.test(words) ? [] : ['epochs=2'];
    const settingsOf = (...more: string[]): object =>
      protocolSettings(protocol, givenInWords([...words.split(' '), ...epochs, ...more, 'batch_size=16']));
    const root = temporaryFolder(t);
    // Version 2 starts from the compact form of another network.
    const first = words.includes('version=2') && { ...settingsOf(), checkpoint_version: 0 };
    const start = first ? new Run({ protocol, settings: first, images: data, root }) : undefined;
    const run = await new Run({ protocol, settings: settingsOf(), images: data, start, root }).finish();
    const { validation, test: scores, sparsity, parameters, channels } = run.record;
    const last = join(run.dir!, 'checkpoints', run.record.selected.which);
    start?.dispose();
    run.dispose();

    const before = tf.memory().numTensors;
    for (const path of [last, await shipWeights(last, join(root, 'shipped', 'copy'))]) {
      const { numbers, masked } = await measured(path);
      const { validation: v, test: s, sparsity: q, parameters: p, channels: c } = numbers;
      assert.deepEqual([v, s, q, p, c], [validation, scores, sparsity, parameters, channels], path);
      if (!/unstructured|prune=0\.6$/.test(words)) assert.equal(masked, parameters.left);
      assert.equal(tf.memory().numTensors, before);
    }
  });
}

test('shipped weights have no optimizer state, name their images, and do not replace a run that can be resumed', async (t) => {
  const root = temporaryFolder(t);
  const protocol = protocols['l0-googlenet'] as unknown as Protocol;
  const words = 'width=0.1 target_sparsity=0.5 lr_gates=0.1 epochs=1 batch_size=16 ema_decay=0.5'.split(' ');
  const run = await new Run({
    protocol,
    settings: protocolSettings(protocol, givenInWords(words)),
    images: data,
    root,
  }).finish();
  const path = await run.checkpoint();
  const to = await shipWeights(path, join(root, 'shipped', 'small'), 'cifar10');
  const [whole, shipped] = [await loadCheckpoint(path), await loadCheckpoint(to)];
  assert.equal((shipped.settings as { data: string }).data, 'cifar10');
  assert.deepEqual(shipped.sparsifier, whole.sparsifier);
  assert.equal(shipped.averages, undefined);
  const bytes = (folder: string): number =>
    readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  assert.ok(bytes(to) < bytes(path) / 2);
  await assert.rejects(shipWeights(path, path), /is not written: a run can go on from the checkpoint there/);
  assert.deepEqual((await loadCheckpoint(path)).optimizer, whole.optimizer);
  assert.equal(await shipWeights(path, to), to, 'shipped weights may be replaced');
  run.dispose();
});
