import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { compact } from 'sparsebook/compact';
import { loadData } from 'sparsebook/data';
import { asEvaluated, type ExperimentRun } from 'sparsebook/experiments';
import type { AnyExperiment } from 'sparsebook/experiments/experiment.js';
import { experiments } from 'sparsebook/experiments/experiments.js';
import { experimentSettings } from 'sparsebook/experiments/experimentSettings.js';
import type { ResultRow } from 'sparsebook/experiments/resultRow.js';
import { savedForm } from 'sparsebook/experiments/savedRun.js';
import { givenInWords } from 'sparsebook/experiments/settings/givenInWords.js';
import { shipWeights } from 'sparsebook/experiments/shipWeights.js';
import { restoredRun } from 'sparsebook/experiments/startRun.js';
import { checkpointed, loadCheckpoint } from 'sparsebook/training';
import { temporaryFolder } from '../training/checkpoint/sample.ts';

await useBackend({ backend: 'simd', threads: 1 });
const data = await loadData('synthetic', { sizes: { train: 32, validation: 16, test: 16 } });

/** What a run comes to, and how many parameters are left of its network by the report of `compact`. */
async function measured(experiment: AnyExperiment, run: ExperimentRun): Promise<{ row: ResultRow; masked: number }> {
  return asEvaluated(run, async () => {
    const compaction = compact(run.model, run.channelMasks());
    const { parameters } = await compaction.report({ batchSizes: [] });
    compaction.model.dispose();
    return { row: await experiment.result(run), masked: parameters.masked };
  });
}

/** The methods, each with settings that make it close something in four steps. */
const cases: [name: string, words: string][] = [
  ['l0-googlenet', 'width=0.1 droprate_init=0.85 lr_gates=0.3 lambda_l0=5 ema_decay=0.5'],
  ['l0-googlenet', 'width=0.1 droprate_init=0.85 lr_gates=0.3 gates.unstructured=true'],
  ['ista-resnet20', 'width=0.125 checkpoint_version=0 max_steps=4 l1_penalty=9'],
  ['ista-resnet20', 'width=0.125 checkpoint_version=2 max_steps=2 l1_penalty=9'],
  ['repr-c3', 'width=0.1 S1=1 S2=2 lr=0.1'],
  ['repr-c3', 'width=0.1 S1=1 S2=1 epochs=3'],
  ['freeze-prune-resnet18', 'width=0.05 prune=0.6'],
  ['freeze-prune-resnet18', 'width=0.05 prune=0.6 pruning.unit=channels'],
  ['freeze-prune-resnet18', 'width=0.05 prune=0.6 pruning.unit=channels ema_decay=0.5'],
  ['freeze-prune-resnet18', 'width=0.05 prune=0.6 pruning.unit=channels freeze=0.2'],
  ['freeze-prune-resnet18', 'width=0.05 prune=0.6 pruning.unit=channels unfreeze_epoch=1 pruning.restore=true'],
];

for (const [name, words] of cases) {
  test(`a checkpoint, and the copy of its weights, say what their training said: ${name} ${words}`, async (t) => {
    const experiment = experiments.find((each) => each.name === name)!;
    const epochs = /epochs=|max_steps=/.test(words) ? [] : ['epochs=2'];
    const settings = experimentSettings(experiment, givenInWords([...words.split(' '), ...epochs, 'batch_size=16']));
    // Version 2 is of what compaction leaves of another network.
    const first = { ...settings, checkpoint_version: 0 };
    const start = words.includes('checkpoint_version=2') ? await experiment.run(data, first) : undefined;
    const run = await experiment.run(data, settings, start?.model);
    start?.dispose();
    const dir = temporaryFolder(t);
    const saved = savedForm({ experiment, settings, topology: run.topology });
    for await (const event of checkpointed(run.events(), { ...run, dir, settings: saved })) {
      assert.ok(event.type !== 'end' || event.reason === 'finished', JSON.stringify(event));
    }
    const trained = await measured(experiment, run);
    run.dispose();

    const before = tf.memory().numTensors;
    for (const path of [`${dir}/last`, await shipWeights(`${dir}/last`, `${dir}-shipped/copy`)]) {
      const restored = await restoredRun(await loadCheckpoint(path), data);
      assert.deepEqual(await measured(experiment, restored), trained, path);
      restored.dispose();
      assert.equal(tf.memory().numTensors, before);
    }
    rmSync(`${dir}-shipped`, { recursive: true });
    if (!words.includes('unstructured')) assert.equal(trained.masked, trained.row.parameters);
  });
}
