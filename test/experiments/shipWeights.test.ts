import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { useBackend } from 'sparsebook/backend';
import { loadData } from 'sparsebook/data';
import { istaResnet20, l0GoogleNet, saveRun } from 'sparsebook/experiments';
import { istaResnet20Experiment } from 'sparsebook/experiments/ista/istaExperiment.js';
import { l0Experiment } from 'sparsebook/experiments/l0/l0Experiment.js';
import { savedForm } from 'sparsebook/experiments/savedRun.js';
import { shipWeights } from 'sparsebook/experiments/shipWeights.js';
import { experimentSettings } from 'sparsebook/experiments/experimentSettings.js';
import { givenInWords } from 'sparsebook/experiments/settings/givenInWords.js';
import { restoredRun } from 'sparsebook/experiments/startRun.js';
import { loadCheckpoint, resumeFrom, saveCheckpoint, takeState } from 'sparsebook/training';

await useBackend({ backend: 'simd', threads: 1 });
const scratch = mkdtempSync(join(tmpdir(), 'sparsebook-ship-'));
process.env.SPARSEBOOK_DATA = scratch;
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const data = await loadData('synthetic', { sizes: { train: 32, validation: 16, test: 16 } });
const small = { width: 0.1, epochs: 1, batch_size: 16, target_sparsity: 0.5, lr_gates: 0.1 } as const;

async function finish(run: ReturnType<typeof l0GoogleNet>, startStep?: number): Promise<void> {
  for await (const event of run.events(undefined, startStep)) assert.notEqual(event.type, 'checkpoint');
}

test('shipped weights are those of the checkpoint, without memories, and say what their images are', async () => {
  const run = l0GoogleNet(data, small);
  await finish(run);
  const settings = experimentSettings(
    l0Experiment,
    givenInWords(['width=0.1', 'target_sparsity=0.5', 'data=/somewhere']),
  );
  const form = savedForm({ experiment: l0Experiment, settings });
  const path = await saveCheckpoint(scratch, 'whole', { ...(await takeState(run)), step: 2, epoch: 1, settings: form });
  const to = await shipWeights(path, join(scratch, 'shipped', 'small'), 'cifar10');
  const [whole, shipped] = [await loadCheckpoint(path), await loadCheckpoint(to)];
  assert.deepEqual(shipped.weights, whole.weights);
  assert.equal((shipped.settings as { data: string }).data, 'cifar10');
  assert.deepEqual(shipped.sparsifier, whole.sparsifier);
  const bytes = (folder: string): number =>
    readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  assert.ok(bytes(to) < bytes(path) / 2);
  await assert.rejects(shipWeights(path, path), /is not written: a run can go on from the checkpoint there/);
  assert.deepEqual((await loadCheckpoint(path)).optimizer, whole.optimizer);
  assert.equal(await shipWeights(path, to), to, 'shipped weights may be replaced');
  run.dispose();
});

test('of a run that keeps averages, those are shipped, with 0 where the weight is 0', async () => {
  const run = istaResnet20(data, { width: 0.125, batch_size: 16, max_steps: 3, l1_penalty: 12, checkpoint_version: 0 });
  for await (const event of run.events()) assert.notEqual(event.type, 'checkpoint');
  assert.ok(run.sparsifier!.summary!().closed > 0);
  const scores = await run.evaluate('test');
  const settings = experimentSettings(istaResnet20Experiment, givenInWords(['width=0.125', 'checkpoint_version=0']));
  const form = savedForm({ experiment: istaResnet20Experiment, settings });
  const path = await saveCheckpoint(scratch, 'ista', { ...(await takeState(run)), step: 3, epoch: 1, settings: form });
  const shipped = await loadCheckpoint(await shipWeights(path, join(scratch, 'shipped', 'ista'), 'synthetic'));
  const copy = await restoredRun(shipped, data);
  assert.equal(shipped.averages, undefined);
  const { loss } = await copy.evaluate('test');
  assert.ok(Math.abs(loss - scores.loss) < 1e-6);
  assert.deepEqual(copy.channelMasks(), run.channelMasks());
  for (const each of [run, copy]) each.dispose();
});

test('a run saved in a notebook goes on as if it had not been, the controller of its lambda included', async () => {
  const whole = l0GoogleNet(data, { ...small, epochs: 2 });
  await finish(whole);
  const first = l0GoogleNet(data, small);
  await finish(first);
  const path = await saveRun(first, 'some-notebook', 'run');
  const resumed = l0GoogleNet(data, { ...small, epochs: 2 });
  const made = resumeFrom(await loadCheckpoint(path), resumed);
  assert.equal(made, 2);
  await finish(resumed, made);
  assert.deepEqual(
    resumed.snapshots.map(({ epoch }) => epoch),
    [1, 2],
  );
  const state = async (run: typeof whole) => takeState(run);
  assert.deepEqual(await state(resumed), await state(whole));
  for (const run of [whole, first, resumed]) run.dispose();
});
