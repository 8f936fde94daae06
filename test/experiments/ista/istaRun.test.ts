import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { completeCount } from 'sparsebook/compact';
import { loadData } from 'sparsebook/data';
import {
  compareCompactions,
  istaCnn4,
  istaLogLine,
  istaResnet20,
  istaResult,
  nextIstaRun,
} from 'sparsebook/experiments';
import { experimentSettings } from 'sparsebook/experiments/experimentSettings.js';
import { istaResnet20Experiment } from 'sparsebook/experiments/ista/istaExperiment.js';
import { givenInWords } from 'sparsebook/experiments/settings/givenInWords.js';
import type { TrainingEvent } from 'sparsebook/training';
import { sparsebook } from '../command/sparsebook.ts';

await useBackend({ backend: 'simd', threads: 1 });
const data = await loadData('synthetic', { sizes: { train: 40, validation: 16, test: 16 } });
const small = { width: 0.125, batch_size: 16, max_steps: 4, log_frequency: 2 } as const;

async function eventsOf(run: ReturnType<typeof istaResnet20>): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of run.events()) events.push(event);
  return events;
}

test("the project's versions are the defaults", () => {
  const settings = (...words: string[]) => experimentSettings(istaResnet20Experiment, givenInWords(words));
  const stages = istaResnet20Experiment.stages!(settings()).map((own) =>
    settings(`checkpoint_version=${own.checkpoint_version}`),
  );
  assert.deepEqual(
    stages.map(({ l1_penalty, max_steps, learning_rate }) => [l1_penalty, max_steps, learning_rate]),
    [
      [0.001, 30000, 0.1],
      [0.005, 50000, 0.1],
      [0, 50000, 0.01],
    ],
  );
  const { batch_size, weight_decay, ema_decay, bn_momentum, alpha, ista } = stages[0];
  assert.deepEqual([batch_size, weight_decay, ema_decay, bn_momentum, alpha], [125, 5e-4, 0.999, 1e-3, 1]);
  assert.deepEqual(ista, { seed_costs: false, absorb: 'exact' });
  assert.throws(() => settings('l1_penalty=0.1'), /each version has its own; choose one with checkpoint_version/);
  assert.equal(settings('l1_penalty=0.1', 'checkpoint_version=1').l1_penalty, 0.1);
});

test('a compact network is trained on with costs of its own, and computes what it did before', async () => {
  const before = tf.memory().numTensors;
  const first = istaResnet20(data, { ...small, checkpoint_version: 0, l1_penalty: 0.01, alpha: 0.5 });
  await eventsOf(first);
  assert.deepEqual(
    first.log.map(({ step }) => step),
    [2, 4],
  );
  assert.match(
    istaLogLine(first.log[1]),
    /^step 4, loss = \d\.\d\d, group lasso = \d+\.\d\d, fake sparsity = 0\.00, \(\d+\.\d examples\/sec; \d+\.\d{3} sec\/batch\)$/,
  );
  // Half of the gammas of one layer and all of another's are pruned.
  const setGamma = (layer: string, values: number[]): void =>
    tf.tidy(() => {
      const [, ...others] = first.model.getLayer(layer).getWeights();
      first.model.getLayer(layer).setWeights([tf.tensor1d(values), ...others]);
    });
  setGamma('stage1_block1_first_bn', [0, 1]);
  setGamma('stage2_block2_first_bn', [0, 0, 0, 0]);
  const row = await istaResult(first);
  assert.equal(row['closed channels'], '5 of 42');

  const tuned = istaResnet20(data, { ...small, checkpoint_version: 2, alpha: 0.5 }, first.model);
  const logits = (model: tf.LayersModel): Float32Array =>
    tf.tidy(() =>
      (model.predict(tf.randomUniform([2, 32, 32, 3], -1, 1, 'float32', 2)) as tf.Tensor).dataSync<'float32'>(),
    );
  const [full, compact] = [logits(first.model), logits(tuned.model)];
  full.forEach((value, i) => assert.ok(Math.abs(value - compact[i]) < 1e-4, `${value} against ${compact[i]}`));
  assert.ok(tuned.model.countParams() < first.model.countParams());
  assert.ok(tuned.topology);
  const events = await eventsOf(tuned);
  assert.equal(events.at(-1)!.type, 'end');
  assert.equal((await istaResult(tuned))['closed channels'], '0 of 37');
  for (const run of [first, tuned]) run.dispose();
  assert.equal(tf.memory().numTensors, before);
});

test('each version starts from the network before it as that is evaluated, and keeps its settings', async () => {
  const before = tf.memory().numTensors;
  // What is evaluated lags behind the weights, and must be what the next version starts from.
  const first = istaResnet20(data, { ...small, checkpoint_version: 0, l1_penalty: 2, weight_decay: 1e-3, alpha: 0.9 });
  await eventsOf(first);
  const evaluated = await first.evaluate('test');
  const second = await nextIstaRun(first, { max_steps: 4 });
  const { checkpoint_version, l1_penalty, learning_rate, weight_decay, width } = second.settings;
  assert.deepEqual([checkpoint_version, l1_penalty, learning_rate, weight_decay, width], [1, 0.005, 0.1, 1e-3, 0.125]);
  assert.equal((await second.evaluate('test')).loss, evaluated.loss);
  assert.equal(second.report, undefined);
  const pruned = await nextIstaRun(first, { max_steps: 4, l1_penalty: 8 });
  await eventsOf(pruned);
  assert.ok(pruned.sparsifier!.summary!().closed > 0);
  const wanted = await pruned.evaluate('test');
  const third = await nextIstaRun(pruned, { max_steps: 2 }, { batchSizes: [2], runs: 2, warmUp: 0 });
  const got = await third.evaluate('test');
  assert.ok(Math.abs(got.loss - wanted.loss) < 1e-5, `${got.loss} after compaction, ${wanted.loss} before`);
  assert.ok(third.report!.difference.relative <= 1e-5);
  assert.equal(third.report!.parameters.compact, completeCount(third.model).full);
  assert.ok(third.report!.parameters.compact < third.report!.parameters.dense);
  assert.match(third.opening!, /stage1_block1_first_conv: .*\n[^]*\nresnet20\n[^]*Largest difference of logits/);
  const ways = await compareCompactions(pruned, { batchSizes: [2], runs: 2, warmUp: 0 });
  const [exact, fours, eights, interior, none] = ways.map((way) => Number(way['difference of logits']));
  assert.ok(Math.max(exact, fours, eights) < 1e-5 && exact <= interior && interior <= none, JSON.stringify(ways));
  assert.ok(Number(ways[0].parameters) <= Number(ways[1].parameters));
  assert.equal(ways[0]['validation, %'], Number((100 * (await third.evaluate('validation')).accuracy).toFixed(2)));
  for (const run of [first, second, pruned, third]) run.dispose();
  assert.equal(tf.memory().numTensors, before);
});

test('CNN-4 trains without weight decay', () => {
  const run = istaCnn4(data, { ...small, width: 0.05, checkpoint_version: 0 });
  assert.deepEqual([run.model.name, run.settings.weight_decay], ['cnn4', 0]);
  run.dispose();
});

test('a run of no one version, or of a later one from new weights, says so', async () => {
  assert.throws(() => istaResnet20(data, { width: 0.125 }), {
    name: 'UserError',
    message: /set checkpoint_version to 0, 1 or 2/,
  });
  const run = istaResnet20(data, { ...small, checkpoint_version: 1 });
  const [warning] = await eventsOf(run);
  assert.ok(warning.type === 'warning' && /checkpoint_version=1 starts from new weights/.test(warning.message));
  run.dispose();
});

const folder = mkdtempSync(join(tmpdir(), 'sparsebook-ista-'));
after(() => rmSync(folder, { recursive: true }));

const compute = ['backend=simd', 'threads=1'];
const tiny = [
  'sizes.train=48',
  'sizes.validation=16',
  'sizes.test=16',
  'width=0.125',
  'batch_size=16',
  'log_frequency=3',
];
const row = (stdout: string, name: string): string => new RegExp(`^${name} +(.*)$`, 'm').exec(stdout)![1];

test('one command trains all versions, and what it leaves can be tested and resumed', async () => {
  const words = ['preset=quick', 'faster=10000', ...tiny];
  const all = await sparsebook(['train', 'ista-resnet20', ...words, ...compute], folder).ended;
  assert.equal(all.code, 0, all.stderr);
  assert.deepEqual(
    [...all.stdout.matchAll(/^run +(version .*)$/gm)].map(([, run]) => run),
    ['version 0 to 1', 'version 1 to 2', 'version 2 to 3'],
  );
  assert.match(all.stderr, /^step 3, loss = .* group lasso = .* fake sparsity = /m);
  const last = join(folder, 'runs', readdirSync(join(folder, 'runs')).sort().at(-1)!, 'checkpoints', 'last');
  const tested = await sparsebook(['test', `ckpt_path=${last}`, ...compute, 'latency.batches=[]'], folder).ended;
  assert.equal(tested.code, 0, tested.stderr);
  assert.equal(row(tested.stdout, 'parameters'), row(all.stdout.split('version 2 to 3')[1], 'parameters'));
  const more = ['resume_training=true', `ckpt_path=${last}`, 'max_steps=7'];
  const resumed = await sparsebook(['train', 'ista-resnet20', ...more, ...compute], folder).ended;
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.match(resumed.stdout, /trained 7 steps/);
});

test('a command a version: the one that makes the network compact says what that wins, and so does `compact`', async () => {
  const command = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await sparsebook(words, folder).ended;
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const version = (n: number, ...words: string[]): Promise<string> =>
    command('train', 'ista-resnet20', 'data=synthetic', `checkpoint_version=${n}`, ...tiny, ...compute, ...words);
  const saved = (stdout: string): string => `ckpt_path=${row(stdout, 'saved:')}`;
  const first = await version(0, 'l1_penalty=2', 'max_steps=4');
  const second = await version(1, 'l1_penalty=2', 'max_steps=4', saved(first));
  assert.doesNotMatch(second, /channels stay/);
  const third = await version(2, 'l1_penalty=0', 'learning_rate=0.01', 'max_steps=2', saved(second));
  const report = /^parameters +([\d,]+) +([\d,]+) +([\d,]+) +\d/m.exec(third)!.slice(1);
  assert.match(third, /channels stay[^]*Largest difference of logits[^]*trained 2 steps/);
  assert.ok(Number(report[2].replace(',', '')) < Number(report[0].replace(',', '')));
  // The images are not needed to make a network smaller; what is shipped is what is evaluated.
  const shipped = join(folder, 'shipped');
  await command('weights', row(second, 'saved:'), shipped, '--data', '/nowhere');
  const compacted = await command('compact', `ckpt_path=${shipped}`, 'latency.batches=[]', ...compute);
  assert.ok(compacted.includes(`${report[2]} `), compacted);
  const tables = [third, compacted].map((stdout) => /^stem_conv: [^]*\n\nresnet20/m.exec(stdout)![0]);
  assert.equal(tables[0], tables[1]);
});
