import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { loadData } from 'sparsebook/data';
import { measuredRow, reprC3, reprRecord, reprSettings } from 'sparsebook/experiments';
import { experimentSettings } from 'sparsebook/experiments/experimentSettings.js';
import { reprExperiment } from 'sparsebook/experiments/repr/reprExperiment.js';
import { givenInWords } from 'sparsebook/experiments/settings/givenInWords.js';
import { filterOverlap, reprEpoch } from 'sparsebook/sparsity';
import type { TrainingEvent } from 'sparsebook/training';

await useBackend({ backend: 'simd', threads: 1 });
const data = await loadData('synthetic', { sizes: { train: 32, validation: 16, test: 16 } });
const small = { width: 0.125, batch_size: 16, S1: 1, S2: 1 } as const;

test("the project's schedule is the default, and the presets keep its shape", () => {
  const settings = (...words: string[]) => experimentSettings(reprExperiment, givenInWords(words));
  const { S1, S2, epochs, prune_ratio, lr, batch_size, repr } = settings();
  assert.deepEqual([S1, S2, epochs, prune_ratio, lr, batch_size], [20, 10, 100, 0.3, 0.01, 128]);
  assert.deepEqual(repr, {
    ranking: 'global',
    reverse: false,
    next_layer: 'zero',
    scaling: 'clip',
    seed_bias: false,
  });
  assert.equal(settings('zero_init=false').repr.next_layer, 'random');
  for (const preset of ['quick', 'short', 'seed']) {
    const chosen = settings(`preset=${preset}`);
    assert.equal(reprEpoch(chosen.epochs - 1, chosen).phase, 'S1', `${preset} does not end pruned`);
  }
  const short = settings('preset=short');
  assert.deepEqual(
    [short.S1, short.S2, short.epochs].map((epochs) => 5 * epochs),
    [S1, S2, epochs],
  );
  const cycles = (chosen: typeof short): number =>
    Array.from({ length: chosen.epochs }, (_, epoch) => reprEpoch(epoch, chosen)).filter((e) => e.reinitialises).length;
  assert.deepEqual([cycles(short), cycles(settings())], [3, 3]);
  assert.throws(() => reprSettings({ standard: true, S1: 3 }), /standard=true trains all filters throughout/);
});

test('filters go off and come back while a run is read, and nothing is left behind', async () => {
  const before = tf.memory().numTensors;
  const run = reprC3(data, { ...small, epochs: 4 });
  const events: TrainingEvent[] = [];
  for await (const event of run.events()) events.push(event);
  assert.match(events[0].type === 'warning' ? events[0].message : '', /^epochs=4 ends within S2/);
  const off = run.snapshots.map(({ masks }) => [...masks.values()].flatMap((mask) => [...mask].filter((m) => m === 0)));
  assert.deepEqual(
    off.map(({ length }) => length > 0),
    [false, false, true, false, true],
  );
  assert.equal((await measuredRow(run))['closed channels'], `${off[4].length} of 12`);
  run.dispose();
  assert.equal(tf.memory().numTensors, before);
});

test('standard training starts from the same weights and closes nothing', async () => {
  const [standard, repr] = [true, false].map((standard) =>
    reprC3(data, standard ? { width: 0.125, standard, epochs: 1 } : { ...small, epochs: 1 }),
  );
  const kernel = (run: typeof standard): Float32Array => run.model.getWeights()[0].dataSync<'float32'>();
  assert.deepEqual(kernel(standard), kernel(repr));
  assert.equal((await measuredRow(standard))['closed channels'], null);
  for (const run of [standard, repr]) run.dispose();
});

test('a record holds each epoch, what was off, and the test accuracy of the epoch picked on validation', async () => {
  const before = tf.memory().numTensors;
  const run = reprC3(data, { ...small, epochs: 5, lr: 0.5 });
  const testAfter: number[] = [];
  for await (const event of run.events()) {
    if (event.type === 'epoch') testAfter.push((await run.evaluate('test')).accuracy);
  }
  const weights = run.model.getWeights().map((weight) => weight.dataSync());
  const record = await reprRecord('RePr', 'a machine', run);
  assert.deepEqual(
    run.model.getWeights().map((weight) => weight.dataSync()),
    weights,
  );
  const validation = record.epochs.map((epoch) => epoch.validation);
  const best = validation.indexOf(Math.max(...validation));
  assert.deepEqual(record.best, { epoch: best + 1, validation: validation[best], test: testAfter[best] });
  assert.deepEqual(record.last, { validation: validation[4], test: testAfter[4] });
  assert.deepEqual(
    record.epochs.map(({ epoch, phase }) => [epoch, phase]),
    [
      [1, 'S1'],
      [2, 'S2'],
      [3, 'S1'],
      [4, 'S2'],
      [5, 'S1'],
    ],
  );
  assert.deepEqual(record.settings, run.settings);
  assert.deepEqual(record.images, { train: 32, validation: 16, test: 16 });
  assert.deepEqual(
    record.prunings.map(({ epoch }) => epoch),
    [2, 4],
  );
  for (const { epoch, filters } of record.prunings) {
    const masks = run.snapshots.find((snapshot) => snapshot.epoch === epoch)!.masks;
    for (const [layer, mask] of masks) assert.deepEqual([...filters[layer]].map(Number), [...mask]);
  }
  for (const [layer, overlap] of filterOverlap(run.model)) {
    assert.ok(Math.abs(record.epochs[4].overlap[layer] - overlap) <= 5e-4 * overlap);
    assert.deepEqual(
      record.cosines[layer].map(({ length }) => length),
      [0, 1, 2, 3],
    );
  }
  assert.deepEqual(JSON.parse(JSON.stringify(record)), record, 'a record survives JSON');
  run.dispose();
  assert.equal(tf.memory().numTensors, before);
});

test('a run notes how its filters lay to each other before and after each turn', async () => {
  const run = reprC3(data, { ...small, epochs: 3, repr: { scaling: 'rescale', next_layer: 'keep' } });
  for await (const _ of run.events());
  assert.deepEqual(
    run.turns.map(({ epoch, turn }) => [epoch, turn]),
    [
      [1, 'prune'],
      [2, 'return'],
    ],
  );
  const [pruned, back] = run.turns;
  const masks = run.snapshots[2].masks;
  let off = 0;
  for (const [layer, mask] of masks) {
    mask.forEach((on, f) => {
      if (on === 1) return;
      off++;
      assert.equal(Math.round(pruned.before.get(layer)![f][f] * 1e6), 1e6);
      assert.deepEqual(new Set(pruned.after.get(layer)![f]), new Set([0]));
      back.after.get(layer)![f].forEach((cosine, g) => assert.ok(Math.abs(cosine - (f === g ? 1 : 0)) < 1e-5));
    });
  }
  assert.ok(off > 0);
  run.dispose();
});
