import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { measureLatency } from 'sparsebook/compact';
import { loadData } from 'sparsebook/data';
import {
  besidePublished,
  copyWeights,
  l0GoogleNet,
  l0Result,
  l0Settings,
  resultPoints,
  resultTable,
} from 'sparsebook/experiments';
import { l0Experiment } from 'sparsebook/experiments/l0/l0Experiment.js';
import { experimentSettings } from 'sparsebook/experiments/experimentSettings.js';
import { readSavedRun, savedForm } from 'sparsebook/experiments/savedRun.js';
import { givenInWords } from 'sparsebook/experiments/settings/givenInWords.js';
import { l0Schema } from 'sparsebook/experiments/l0/l0Settings.js';
import { settingWords } from 'sparsebook/experiments/settings/settingWords.js';
import type { L0Gate } from 'sparsebook/layers';
import { gatesOf } from 'sparsebook/graph';
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

test('lambda or a target is given, and gates on weights share their masks over a batch', () => {
  const wrong: [object, RegExp][] = [
    [
      { target_sparsity: 0.5, lambda_l0: 10 },
      /lambda_l0=10 contradicts .*: target_sparsity=0\.5 chooses lambda by itself/,
    ],
    [{ target_sparsity: 1 }, /target_sparsity must be a number of at least 0 and below 1, or null .*; received 1/],
    [{ without_using_gate: true, target_sparsity: 0.5 }, /builds a network that has no gates/],
    [{ gates: { unstructured: true, sampling: 'image' } }, /a batch shares the weights, and so their masks/],
  ];
  for (const [given, message] of wrong) assert.throws(() => l0Settings(given), { name: 'UserError', message });
  assert.equal(l0Settings({ gates: { unstructured: true } }).gates.sampling, 'batch');
  assert.equal(l0Settings({ gates: { sampling: 'batch' } }).gates.sampling, 'batch');
  const saved = l0Settings({ target_sparsity: 0.5 });
  assert.deepEqual(
    settingWords(l0Schema, saved).filter((word) => word.startsWith('lambda_l0')),
    [],
  );
});

const toTarget = { ...small, droprate_init: 0.05, lr: 2e-3, lr_gates: 0.25, batch_size: 8, epochs: 30, augment: false };

test('a run with a target sparsity ends within 0.03 of it, and its result tells the lambda it chose', async () => {
  const run = l0GoogleNet(data, { ...toTarget, target_sparsity: 0.5 });
  await warnings(run);
  const { sparsity, lambda_l0 } = await l0Result('target', run);
  assert.ok(Math.abs(sparsity - 0.5) <= 0.03, `${sparsity}`);
  assert.equal(lambda_l0, run.sparsifier!.summary!().lambda);
  run.dispose();
});

test('gates on weights are counted one by one, for the target too', async () => {
  const run = l0GoogleNet(data, { ...small, target_sparsity: 0.3, gates: { unstructured: true } });
  await warnings(run);
  const gate = gatesOf(run.model)[0];
  gate.logAlpha.assign(tf.fill(gate.logAlpha.shape, -9));
  const { seedSparsity, closedGates, gates, parameters, sparsity } = await l0Result('weights', run);
  assert.equal(seedSparsity, null);
  assert.deepEqual([closedGates, parameters], [gate.logAlpha.size, 3419 - gate.logAlpha.size]);
  assert.ok(gates > 2000 && Math.abs(sparsity - closedGates / 3419) < 1e-12);
  assert.equal(run.snapshots[0].masks.get(`${gate.name}/kernel`)?.length, gate.logAlpha.size);
  run.dispose();
});

test('a run that was stopped goes on where it was, with the steps that one without a stop makes', async () => {
  const settings = { ...toTarget, target_sparsity: 0.5, epochs: 3 };
  const whole = l0GoogleNet(data, settings);
  await warnings(whole);
  const stopped = l0GoogleNet(data, settings);
  const stop = new AbortController();
  for await (const event of stopped.events(stop.signal)) if (event.type === 'step' && event.step === 5) stop.abort();
  for await (const event of stopped.events()) assert.ok(event.type !== 'start' || event.startStep === 5);
  for (const name of ['block8_5x5_gate', 'stem_conv']) {
    assert.deepEqual(weightsOf(stopped.model, name), weightsOf(whole.model, name));
  }
  const steps = stopped.history.flatMap((event) => (event.type === 'step' ? [event.step] : []));
  assert.deepEqual(
    steps,
    Array.from({ length: 12 }, (_, i) => i + 1),
  );
  for (const run of [whole, stopped]) run.dispose();
});

test('options of the gates reach the network: one mask a batch, weighed penalties, gates behind reduce convolutions', () => {
  const gated = (gates: object) => l0GoogleNet(data, { ...small, gates });
  const penaltyOf = ({ sparsifier }: ReturnType<typeof gated>) => tf.tidy(() => sparsifier!.penalty!().dataSync()[0]);
  const [plain, batch, reduce] = [gated({}), gated({ sampling: 'batch' }), gated({ reduce: true })];
  const samplings = (run: typeof plain) => new Set(gatesOf(run.model).map((gate) => (gate as L0Gate).sampling));
  assert.deepEqual([samplings(plain), samplings(batch)], [new Set(['image']), new Set(['batch'])]);
  assert.deepEqual([plain.channelMasks().size, reduce.channelMasks().size], [32, 48]);
  const weighed = (['sum', 'parameters', 'multiplyAdds'] as const).map((weighting) => {
    const run = gated({ weighting });
    run.model.getLayer('block1_1x1_gate').setWeights([tf.fill([2], -9)]);
    return run;
  });
  assert.equal(new Set(weighed.map(penaltyOf)).size, 3);
  for (const run of [plain, batch, reduce, ...weighed]) run.dispose();
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
  const beside = besidePublished([{ ...result, run: 'tune 20', test: 0.5, seedSparsity: 0.25 }]);
  assert.deepEqual(beside.map(({ run }) => run).slice(0, 5), [
    'no gates',
    'scratch 0.25',
    'tune 10',
    'scratch 0.5',
    'tune 20',
  ]);
  const { parameters, ...row } = beside[4];
  assert.deepEqual([parameters, row['test, %'], row['sparsity, published count, %']], [3419, '88.62 / 50', '39 / 25']);
  assert.deepEqual([beside[0].parameters, beside[0]['test, %']], [null, '89.57 / –']);
  await measureLatency(run.model, 2, { runs: 2, warmUp: 1 });
  run.dispose();
  assert.equal(tf.memory().numTensors, before);
});

test('runs become points in groups by how they began; the one without gates stands alone', () => {
  const of = (run: string) => ({ run, sparsity: 0.4, test: 0.9 });
  const [none, scratch, tuned, target] = resultPoints(['no gates', 'scratch 1', 'tune 20, here', 'target 0.5'].map(of));
  assert.deepEqual(none, { label: 'no gates', sparsity: 0.4, accuracy: 0.9, group: undefined });
  assert.match(scratch.group ?? '', /scratch/);
  assert.match(tuned.group ?? '', /fine-tuned/);
  assert.equal(target.group, tuned.group);
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
