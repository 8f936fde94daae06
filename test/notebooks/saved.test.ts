// The files beside the notebooks: networks to start from, and the runs on CIFAR-10 that they show.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { experiment } from 'sparsebook/experiments/experiment.js';
import { measure } from 'sparsebook/experiments/run/measure.js';
import { Run } from 'sparsebook/experiments/run/run.js';
import { trainedNetwork } from 'sparsebook/experiments/run/saved.js';
import type { SavedIsta, SavedPruning, SavedSweep } from 'sparsebook/experiments/results/runHistory.js';
import { safetensorsMetadata } from 'sparsebook/formats/safetensors.js';
import { reprEpoch } from 'sparsebook/sparsity/schedules.js';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';

const outputs = join('notebooks', 'outputs');
const read = <T>(...path: string[]): T => JSON.parse(readFileSync(join(outputs, ...path), 'utf8')) as T;

await useBackend({ backend: 'simd', threads: 1 });
const data = await loadData('synthetic', { seed: 77, sizes: { train: 16, validation: 40, test: 40 } });

for (const [name, trainedOn, leastEpochs] of [
  ['pretrained-synthetic', /^synthetic collages$/, 6],
  ['pretrained-cifar10', /^CIFAR-10/, 30],
] as const) {
  test(`01: ${name} is complete, names its training data, contains its network, and cannot be resumed`, async () => {
    const path = join(outputs, '01-l0-googlenet', name);
    const { settings, provenance, epoch, optimizer } = await loadCheckpoint(path);
    assert.match(provenance!.data!.name, trainedOn);
    assert.ok(epoch >= leastEpochs);
    assert.equal(optimizer.name, 'no optimizer');
    assert.doesNotMatch(JSON.stringify(settings), /work|home/);
    const network = await trainedNetwork(path);
    assert.deepEqual([network.settings.width, network.settings.methods], [1, []]);
    const { accuracy } = (await measure(network, data)).test;
    if (name === 'pretrained-synthetic') assert.ok(accuracy > 0.75, `${accuracy}`);
    network.dispose();
    if (name === 'pretrained-cifar10') return; // its images are not here
    const resumed = await Run.resume(path, []);
    await assert.rejects(resumed.events().next(), /of training with no optimizer, and cannot go on with (AdamW|Muon)/);
  });
}

for (const file of ['sweep-synthetic.json', 'sweep-cifar10.json', 'full-cifar10.json']) {
  test(`01: ${file}: the higher lambda, the higher the sparsity; a target is met; the budget is recorded`, () => {
    const { about, records } = read<SavedSweep>('01-l0-googlenet', file);
    assert.ok(about.runsPerSetting! >= 1);
    assert.ok(about.machine.length > 5 && about.sizes.train > 0);
    const of = (run: string) => records.find(({ name }) => name === run)?.sparsity?.complete;
    const tuned = [10, 20, 30, 50].flatMap((lambda) => of(`tune ${lambda}`) ?? []);
    assert.ok(tuned.length >= 3, tuned.join());
    for (let i = 1; i < tuned.length; i++) assert.ok(tuned[i] > tuned[i - 1], tuned.join());
    for (const { name, sparsity } of records) {
      const [, asked] = /^target (.*)$/.exec(name ?? '') ?? [];
      const aimed = sparsity!.complete;
      assert.ok(asked === undefined || Math.abs(aimed - Number(asked)) <= 0.03, `${name}: ${aimed}`);
    }
  });
}

test('02: the saved protocol is consistent: closed channels are those that compaction removed, and the accuracies fit together', () => {
  const { about, records, compaction, compacted, change, compactions } = read<SavedIsta>(
    '02-ista-resnet20',
    'protocol-cifar10.json',
  );
  assert.match(about.data, /^CIFAR-10/);
  assert.equal(records.length, 3);
  for (const [layer, gammas] of Object.entries(records[1].history.log.at(-1)!.gammas)) {
    const { before, after } = compaction.widths.find((width) => width.layer === layer)!;
    assert.deepEqual([before, after], [gammas.length, gammas.filter((gamma) => gamma !== 0).length], layer);
  }
  const { parameters, difference } = compaction.report;
  assert.deepEqual([parameters.dense, parameters.compact], [279716, records[2].parameters!.left]);
  assert.ok(difference.relative < 1e-5);
  const accuracies = records.map(({ test }) => test!.accuracy);
  assert.ok(Math.abs(compacted.test - accuracies[1]) < 0.002);
  assert.ok(Math.abs(compacted.test + change.change - accuracies[2]) < 1e-4);
  assert.equal(compactions[0].parameters, parameters.compact);
  assert.ok(Number(compactions[0]['difference of logits']) < 1e-5);
});

test('03: every saved run has its settings, and its filters were switched off on schedule', () => {
  const { about, records } = read<SavedSweep>('03-repr-c3', 'runs-cifar10.json');
  assert.match(about.data, /^CIFAR-10/);
  assert.match(about.machine, /^simd: .*Node/);
  assert.ok(about.sizes.train >= 1000 && about.sizes.test === 10_000);
  assert.equal(new Set(records.map(({ name, seed }) => `${name}, ${seed}`)).size, records.length);
  for (const { history, settings, validation, test: scores, last } of records) {
    const { standard, prune_ratio, S1, S2, epochs } = settings as Record<string, number>;
    assert.equal(history.epochs.length, epochs);
    const best = Math.max(...history.epochs.map((epoch) => epoch.validation));
    assert.equal(validation!.accuracy.toFixed(3), best.toFixed(3));
    const due = history.epochs.filter(({ epoch }) => !standard && reprEpoch(epoch - 1, { S1, S2 }).prunes);
    assert.deepEqual(
      history.prunings.map(({ epoch }) => epoch),
      due.map(({ epoch }) => epoch),
    );
    for (const { filters } of history.prunings) {
      const all = Object.values(filters).join('');
      const off = [...all].filter((on) => on === '0').length / all.length;
      assert.ok(Math.abs(off - prune_ratio) < 0.05, `${off}`);
    }
    assert.ok(scores!.accuracy > 0.3 && last!.test > 0.1);
  }
});

test('04: the saved tasks hold the mask, and release it where they say so', () => {
  const { about, records } = read<SavedPruning>('04-freeze-prune-resnet18', 'sweep-cifar10.json');
  assert.ok(about.machine.length > 5 && about.sizes.train > 0);
  for (const { name, history, sparsity, zeros } of records) {
    const task = name!;
    const shares = history.epochs.map((epoch) => epoch.zeros);
    const [first, end] = [shares[0], shares.at(-1)!];
    assert.equal(Object.keys(zeros!).length, 22, task);
    if (/^(prune|ticket)/.test(task)) assert.ok(shares.every((each) => each === first) && first > 0, task);
    else if (task.startsWith('unfreeze')) assert.ok(end < first && sparsity!.zeros < first, task);
    else if (task.startsWith('gradually')) assert.ok(end > first, task);
    else assert.equal(end, 0, task);
  }
});

for (const [name, trainedOn, least] of [
  ['synthetic', /^synthetic collages$/, 0.6],
  ['cifar10', /^CIFAR-10/, 0.5],
] as const) {
  test(`04: the stored network of ${name} names its training data, and is the body of a narrow ResNet-18`, async () => {
    const weights = join(outputs, '04-freeze-prune-resnet18', `pretrained-${name}.safetensors`);
    const about = safetensorsMetadata(readFileSync(weights), weights);
    assert.match(about.data, trainedOn);
    assert.ok(Number(about.validation) > least && Number(about.epochs) > 0 && about.machine.length > 5);
    const wide = experiment({ protocol: 'freeze-prune-resnet18', data, width: 0.25, weights });
    await assert.rejects(wide.finish(), /has the shape \[8, 3, 7, 7\], not \[16,/);
  });
}
