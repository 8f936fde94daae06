import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { loadData } from 'sparsebook/data';
import { measuredRow, reprC3, reprSettings } from 'sparsebook/experiments';
import { experimentSettings } from 'sparsebook/experiments/experimentSettings.js';
import { reprExperiment } from 'sparsebook/experiments/repr/reprExperiment.js';
import { givenInWords } from 'sparsebook/experiments/settings/givenInWords.js';
import { reprEpoch } from 'sparsebook/sparsity';
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
