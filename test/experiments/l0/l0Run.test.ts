import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { measureLatency } from 'sparsebook/compact';
import { loadData } from 'sparsebook/data';
import { copyWeights, l0GoogleNet, l0Result, l0Settings, resultTable } from 'sparsebook/experiments';
import { l0Experiment } from 'sparsebook/experiments/l0/l0Experiment.js';
import { experimentSettings } from 'sparsebook/experiments/experimentSettings.js';
import { readSavedRun, savedForm } from 'sparsebook/experiments/savedRun.js';
import { givenInWords } from 'sparsebook/experiments/settings/givenInWords.js';
import type { WarningEvent } from 'sparsebook/training';

await useBackend({ backend: 'simd', threads: 1 });
const data = await loadData('synthetic', { sizes: { train: 32, validation: 16, test: 16 } });
const small = { width: 0.1, epochs: 1, batch_size: 16 } as const;
const weightsOf = (model: tf.LayersModel, name: string): number[][] =>
  model
    .getLayer(name)
    .getWeights()
    .map((weight) => [...weight.dataSync()]);

async function warnings(run: ReturnType<typeof l0GoogleNet>): Promise<string[]> {
  const events = [];
  for await (const event of run.events()) events.push(event);
  return events.filter((event): event is WarningEvent => event.type === 'warning').map(({ message }) => message);
}

test('the published schedules are the defaults, from scratch and for fine-tuning', () => {
  const settings = (...words: string[]) => experimentSettings(l0Experiment, givenInWords(words));
  const scratch = settings();
  assert.deepEqual([scratch.epochs, scratch.batch_size, scratch.lr, scratch.weight_decay], [180, 128, 1e-3, 1e-4]);
  assert.deepEqual([scratch.milestones, scratch.lr_decay, scratch.data], [[100, 150], 0.1, 'cifar10']);
  const tuned = settings('ckpt_path=x', 'lambda_l0=20', 'droprate_init=0.05');
  assert.deepEqual([tuned.milestones, tuned.lr_decay], [[10, 60, 100, 130, 160], 0.5]);
  assert.deepEqual(settings('ckpt_path=x', 'milestones=3').milestones, [3]);
  assert.equal(settings('lr=0.01').lr_gates, 0.01);
  assert.deepEqual(
    [settings('preset=quick').data, settings('preset=quick', 'data=cifar10').data],
    ['synthetic', 'cifar10'],
  );
});

test('what notebooks give is checked as on the command line', () => {
  assert.equal(l0Settings({ lr: 0.5 }).lr_gates, 0.5);
  assert.equal(l0Settings({ gates: { sampling: 'batch' } }).gates.weighting, 'sum');
  const wrong: [object, RegExp][] = [
    [{ lamda_l0: 1 }, /did you mean 'lambda_l0'/],
    [{ epochs: 0 }, /epochs must be a whole number of at least 1; received 0/],
    [{ gates: { sampling: 'row' } }, /gates\.sampling must be one of image, batch; received "row"/],
    [{ without_using_gate: true, droprate_init: 0.1 }, /without_using_gate=true builds a network that has no gates/],
  ];
  for (const [given, message] of wrong) assert.throws(() => l0GoogleNet(data, given), { name: 'UserError', message });
});

test('a run starts from the weights of another, and its gates always anew', async () => {
  const dense = l0GoogleNet(data, { ...small, without_using_gate: true });
  const gated = l0GoogleNet(data, { ...small, seed: 1, droprate_init: 0.05 }, dense.model);
  assert.deepEqual(weightsOf(gated.model, 'stem_conv'), weightsOf(dense.model, 'stem_conv'));
  const again = l0GoogleNet(data, { ...small, seed: 2, droprate_init: 0.5 }, gated.model);
  assert.deepEqual(weightsOf(again.model, 'block3_5x5_bn'), weightsOf(dense.model, 'block3_5x5_bn'));
  const [[logAlpha]] = weightsOf(again.model, 'block1_1x1_gate');
  assert.ok(Math.abs(logAlpha) < 0.1, `ln(1 - 0.5) - ln 0.5 is 0, not ${logAlpha}`);
  assert.equal(copyWeights(dense.model, gated.model).length, 32);

  assert.match((await warnings(gated)).join('\n'), /^32 layers start anew .*_gate, \.\.\.$/);
  assert.match((await warnings(again)).join('\n'), /start anew.*\n.*droprate_init=0\.5 disturb a trained network/);
  const ungated = l0GoogleNet(data, { ...small, without_using_gate: true }, gated.model);
  assert.match((await warnings(ungated)).join('\n'), /^The given network has gates and this one has none/);
  for (const run of [dense, gated, again, ungated]) run.dispose();
});

test('a run leaves no tensors behind', async () => {
  const before = tf.memory().numTensors;
  const run = l0GoogleNet(data, small);
  assert.deepEqual(await warnings(run), []);
  const result = await l0Result('tiny', run);
  assert.equal(result.parameters, 3419);
  assert.deepEqual(
    run.snapshots.map(({ epoch }) => epoch),
    [0, 1],
  );
  assert.equal(resultTable([result])[0]['closed gates'], '0 of 85');
  await measureLatency(run.model, 2, { runs: 2, warmUp: 1 });
  run.dispose();
  assert.equal(tf.memory().numTensors, before);
});

test('saved settings read back, and others are refused by the place they lie in', () => {
  const saved = { experiment: l0Experiment, settings: experimentSettings(l0Experiment, givenInWords(['lambda_l0=3'])) };
  const read = readSavedRun(JSON.parse(JSON.stringify(savedForm(saved))), 'here');
  assert.deepEqual(read.settings, saved.settings);
  assert.equal(read.experiment, l0Experiment);
  const wrong: [unknown, RegExp][] = [
    [null, /^here must be of one of the experiments l0-googlenet, .*; it is of undefined/],
    [{ experiment: 'other' }, /it is of "other"/],
    [{ experiment: 'l0-googlenet', colour: 1 }, /^here: There is no setting 'colour'/],
    [{ experiment: 'l0-googlenet', epochs: -1 }, /^here: epochs must be a whole number of at least 1; received -1/],
  ];
  for (const [form, message] of wrong) assert.throws(() => readSavedRun(form, 'here'), { name: 'UserError', message });
});
