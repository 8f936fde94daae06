// A run has an identity: it is trained once, whoever requests it, and ends with the same bits however often it was
// stopped.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { saveTfjs } from 'sparsebook/compact/export/tfjs.js';
import { dataFromArrays } from 'sparsebook/data/dataSplits.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { experiment, type ExperimentSpec, type ProtocolSpec } from 'sparsebook/experiments/experiment.js';
import type { Run } from 'sparsebook/experiments/run/run.js';
import type { RunEvent } from 'sparsebook/experiments/run/acquireRun.js';
import { readRecord } from 'sparsebook/experiments/run/record.js';

await useBackend({ backend: 'simd', threads: 1 });
const root = mkdtempSync(join(tmpdir(), 'sparsebook-runs-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
const data = await loadData('synthetic', { sizes: { train: 48, validation: 16, test: 16 } });
let folders = 0;
const folder = (): string => join(root, String(folders++));

const c3 = {
  network: { name: 'c3', width: 0.125 },
  data,
  recipe: { epochs: 4, batch_size: 16, optimizer: 'sgd', lr: 0.05, weight_decay: 0 },
} as const;
const specs: Record<string, ExperimentSpec | ProtocolSpec> = {
  'no method': { ...c3, recipe: { ...c3.recipe, momentum: 0.9, nesterov: true, schedule: 'one-cycle' } },
  'L0 at a fixed lambda': { ...c3, methods: { name: 'l0', lambda: 5, lr_gates: 0.3 } },
  'L0 towards a target': {
    ...c3,
    methods: { name: 'l0', target_sparsity: 0.4, lr_gates: 0.5 },
    recipe: { ...c3.recipe, optimizer: 'adamw' },
  },
  'ISTA with averages': {
    protocol: 'ista-resnet20',
    data,
    checkpoint_version: 0,
    width: 0.125,
    max_steps: 12,
    batch_size: 16,
    l1_penalty: 3,
    bn_momentum: 0.1,
    ema_decay: 0.5,
    log_frequency: 3,
  },
  RePr: { ...c3, methods: { name: 'repr', S1: 1, S2: 1, next_layer: 'random' } },
  'weights by magnitude, let free': {
    ...c3,
    methods: [
      { name: 'magnitude', prune: 0.6, schedule: 'iterative', times: 2, unfreeze_epoch: 3, restore: true },
      { name: 'freeze', first: 1 },
    ],
    recipe: { ...c3.recipe, optimizer: 'adam', select: 'best' },
  },
  'channels by magnitude': {
    ...c3,
    methods: { name: 'magnitude', unit: 'channels', prune: 0.5 },
    recipe: { ...c3.recipe, momentum: 0.9 },
  },
  'channels whose filters overlap': {
    ...c3,
    methods: { name: 'magnitude', unit: 'channels', criterion: 'orthogonality', where: ['block2_conv'], prune: 0.4 },
  },
};

/** The result of a run, without when and how fast. */
async function outcome(run: Run): Promise<object> {
  const { date: _, seconds: __, run: ___, ...record } = run.record;
  const hash = createHash('sha256').update(readFileSync(join(await run.checkpoint(), 'weights.safetensors')));
  const notes = run.history.filter(({ type }) => type === 'note');
  const scrubbed = JSON.stringify(notes, (key, value: unknown) =>
    /PerSecond|secondsPer|time/.test(key) ? undefined : value,
  );
  return {
    record,
    weights: hash.digest('hex'),
    notes: scrubbed,
    epochs: run.history.filter(({ type }) => type === 'epoch').length,
  };
}

/** Reads a run's events until the given number of steps, and stops the run there. */
async function stopAfter(run: Run, steps: number): Promise<RunEvent[]> {
  const stop = new AbortController();
  const seen: RunEvent[] = [];
  for await (const event of run.events(stop.signal)) {
    seen.push(event);
    if (event.type === 'step' && event.step >= steps) stop.abort();
  }
  return seen;
}

for (const [name, spec] of Object.entries(specs)) {
  test(`${name}: a run that is stopped at any step and requested again ends with the same bits as one that was not stopped`, async () => {
    const whole = await experiment({ ...spec, root: folder() }).finish();
    const expected = await outcome(whole);
    assert.deepEqual(await readRecord(whole.dir!), whole.record, 'record.json is valid by its schema, and the record');
    const at = folder();
    for (const steps of [1, 5, 9]) {
      const run = experiment({ ...spec, root: at });
      const seen = await stopAfter(run, steps);
      assert.equal(seen.at(-1)?.type, 'end');
      assert.ok(!run.isFinished);
    }
    const last = await experiment({ ...spec, root: at }).finish();
    assert.deepEqual(await outcome(last), expected);
    assert.equal(readdirSync(at).length, 1, 'one folder');
    whole.dispose();
    last.dispose();
  });
}

test('a finished run is returned without training: its events, its record and its network', async () => {
  const at = folder();
  const first = await experiment({ ...specs['L0 at a fixed lambda'], root: at }).finish();
  const events: RunEvent[] = [];
  const second = experiment({ ...specs['L0 at a fixed lambda'], root: at });
  for await (const event of second.events()) events.push(event);
  assert.equal(events[0].type, 'loaded');
  assert.match(
    (events[0] as { message: string }).message,
    /^loaded: trained on \d{4}-\d\d-\d\d \d\d:\d\d UTC; again=true/,
  );
  assert.deepEqual(second.record, first.record);
  assert.deepEqual(second.snapshots, first.snapshots);
  assert.equal(second.snapshots.length, 5);
  assert.deepEqual(await second.evaluate('test'), await first.evaluate('test'));
  assert.equal((await first.evaluate('test')).accuracy, first.record.test.accuracy);
  assert.deepEqual((await second.network()).channelMasks(), (await first.network()).channelMasks());
  for (const run of [first, second]) run.dispose();
});

test('a run without its weights is returned, and so is a run that starts from it; the weights are trained again if needed', async () => {
  const at = folder();
  const recipe = { ...c3.recipe, epochs: 1 };
  const first = await experiment({ ...c3, recipe, root: at }).finish();
  const from = (start: Run, seed = 1) => experiment({ ...c3, recipe, seed, root: at, start });
  const second = await from(first).finish();
  const [weights, scores] = [await outcome(first), await first.evaluate('test')];
  rmSync(join(await first.checkpoint(), 'weights.safetensors'));

  const loaded = await experiment({ ...c3, recipe, root: at }).finish();
  const next = await from(loaded).finish();
  assert.deepEqual([loaded.dir, next.dir], [first.dir, second.dir]);
  assert.deepEqual(next.record, second.record);
  await from(loaded, 2).finish();
  assert.notEqual(loaded.dir, first.dir, 'what starts from it is trained');
  assert.deepEqual(await outcome(loaded), weights);
  assert.deepEqual(await loaded.evaluate('test'), scores);
  for (const run of [first, second, loaded, next]) run.dispose();
});

test('settings that do not affect learning make no other run; settings that do, make one', async () => {
  const at = folder();
  const base = { ...c3, root: at, recipe: { ...c3.recipe, epochs: 1 } };
  await experiment(base).finish();
  for (const same of [{ name: 'other name' }, { tags: ['a'] }]) await experiment({ ...base, ...same }).finish();
  assert.equal(readdirSync(at).length, 1);
  const less = await loadData('synthetic', { sizes: { train: 47, validation: 16, test: 16 } });
  const others = [{ seed: 1 }, { data: less }, { recipe: { ...base.recipe, lr: 0.06 } }];
  for (const other of others) await experiment({ ...base, ...other }).finish();
  assert.equal(readdirSync(at).length, 4);
  await experiment({ ...base, again: true }).finish();
  assert.equal(readdirSync(at).filter((name) => name.endsWith('-2')).length, 1, 'again=true keeps the earlier run');
});

test('a run that starts from another run trains that first, and differs if the other run differs', async () => {
  const at = folder();
  const small = {
    protocol: 'l0-googlenet',
    data,
    width: 0.1,
    batch_size: 16,
    epochs: 1,
    milestones: [],
    root: at,
  } as const;
  const plain = experiment({ ...small, without_using_gate: true });
  const tuned = await experiment({ ...small, lambda_l0: 3, droprate_init: 0.05, start: plain }).finish();
  assert.ok(plain.isFinished);
  assert.match(
    tuned.history.flatMap((event) => (event.type === 'warning' ? event.message : [])).join(),
    /layers start anew/,
  );
  const again = await experiment({
    ...small,
    lambda_l0: 3,
    droprate_init: 0.05,
    start: await plain.checkpoint(),
  }).finish();
  assert.equal(again.dir, tuned.dir);
  const other = experiment({ ...small, without_using_gate: true, seed: 5 });
  assert.notEqual(
    (await experiment({ ...small, lambda_l0: 3, droprate_init: 0.05, start: other }).finish()).dir,
    tuned.dir,
  );
});

test("a reader's own network and images of another size are trained, and the network itself is left unchanged", async () => {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ name: 'a', filters: 6, kernelSize: 3, activation: 'relu', inputShape: [12, 10, 1] }),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({ name: 'o', units: 3 }),
    ],
  });
  const images = Uint8Array.from({ length: 60 * 120 }, (_, i) => (i * 7919) % 256);
  const labels = Array.from({ length: 60 }, (_, i) => i % 3);
  const own = dataFromArrays({ images, labels, shape: [12, 10, 1] });
  const before = model.getWeights().map((weight) => weight.dataSync().slice());
  const at = folder();
  const spec = {
    network: model,
    data: own,
    methods: [{ name: 'magnitude', unit: 'channels', prune: 0.5 }],
    recipe: { epochs: 2, batch_size: 8 },
    root: at,
  } as const;
  const run = await experiment(spec).finish();
  assert.deepEqual(
    model.getWeights().map((weight) => weight.dataSync().slice()),
    before,
  );
  assert.deepEqual(run.record.channels, { all: 6, closed: 3 });
  const { model: trained } = await run.network();
  assert.notDeepEqual(trained.getWeights()[0].dataSync(), before[0]);
  assert.equal((await experiment(spec).finish()).dir, run.dir, 'the same network asked for again');
  const saved = join(root, 'own');
  await saveTfjs(model, saved);
  const fromFile = await experiment({ ...spec, network: { name: 'own', model: saved } }).finish();
  assert.deepEqual(fromFile.record.test, run.record.test, 'the same network from its folder');
  const named = { name: 'own', model: join(saved, 'model.json') } as const;
  assert.equal((await experiment({ ...spec, network: named }).finish()).dir, fromFile.dir, 'and from its model.json');
  const gated = await experiment({ ...spec, methods: { name: 'l0', lambda: 1, where: ['a'] } }).finish();
  assert.equal(gated.record.channels.all, 6);
  assert.throws(() => experiment({ ...spec, methods: { name: 'l0', lamda: 1 } as never }), /did you mean 'l0.lambda'/);
});

test('a network that scales images itself gets them unscaled, or a warning', async () => {
  const { layers: l } = tf;
  const conv = (inputShape?: number[]): tf.layers.Layer =>
    l.conv2d({
      filters: 4,
      kernelSize: 5,
      strides: 4,
      inputShape,
      kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
    });
  const end = (): tf.layers.Layer[] => [
    l.globalAveragePooling2d({}),
    l.dense({ units: 10, kernelInitializer: tf.initializers.glorotUniform({ seed: 2 }) }),
  ];
  const scale = l.rescaling({ name: 'scale', scale: 1 / 127.5, offset: -1, inputShape: [32, 32, 3] });
  const scaling = tf.sequential({ name: 'scaling', layers: [scale, conv(), ...end()] });
  const plain = tf.sequential({ layers: [conv([32, 32, 3]), ...end()] });
  const loss = async (network: tf.LayersModel, normalise: 'none' | 'signed' | 'data', warnings: RegExp[]) => {
    const run = await experiment({ network, data, recipe: { epochs: 1, normalise }, root: folder() }).finish();
    const said = run.history.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    assert.equal(said.length, warnings.length, said.join());
    warnings.forEach((message, i) => assert.match(said[i], message));
    return run.record.test.loss;
  };
  const itself = await loss(scaling, 'none', []);
  assert.ok(Math.abs(itself - (await loss(plain, 'signed', []))) < 1e-4);
  await loss(scaling, 'data', [/^scaling scales images itself \(scale\), after normalise=data has done so/]);
});

test('a network that TensorFlow.js cannot train is refused by the name of its layer before a run begins', async () => {
  const { layers: l } = tf;
  const wide = l.conv2d({ name: 'wide', filters: 4, kernelSize: 3, dilationRate: 2, inputShape: [32, 32, 3] });
  const network = tf.sequential({ layers: [wide, l.globalAveragePooling2d({}), l.dense({ units: 10 })] });
  const at = folder();
  await assert.rejects(
    experiment({ network, data, recipe: { epochs: 1 }, root: at }).finish(),
    /The layer wide \(Conv2D\) must have a dilationRate of 1 to be trained: .* received \[2,2\]/,
  );
  assert.equal(existsSync(at) ? readdirSync(at).length : 0, 0);
});

test('a network whose channels cannot be counted is refused by the name of its layer before a run begins', async () => {
  const { layers: l } = tf;
  const at = folder();
  const refused = (middle: tf.layers.Layer, message: RegExp) => {
    const first = l.conv2d({ filters: 4, kernelSize: 3, inputShape: [32, 32, 3] });
    const network = tf.sequential({ layers: [first, middle, l.globalAveragePooling2d({}), l.dense({ units: 10 })] });
    return assert.rejects(experiment({ network, data, recipe: { epochs: 1 }, root: at }).finish(), message);
  };
  await refused(
    l.permute({ name: 'turned', dims: [2, 1, 3] }),
    /The layer turned \(Permute\) is not one whose channels/,
  );
  await refused(
    l.batchNormalization({ name: 'rows', axis: 1 }),
    /The layer rows .* must have its channels on the last/,
  );
  assert.equal(existsSync(at) ? readdirSync(at).length : 0, 0);
});

const script = (spec: string, at: string): string => `
  import { useBackend } from 'sparsebook';
  import { experiment } from 'sparsebook';
  await useBackend({ backend: 'simd', threads: 1 });
  const run = experiment({ ...${spec}, root: ${JSON.stringify(at)} });
  let kind = 'trained';
  for await (const event of run.events()) {
    if (event.type === 'followed' || event.type === 'loaded') kind = event.type;
    if (event.type === 'step') process.stderr.write('step\\n');
  }
  console.log(JSON.stringify({ kind, accuracy: run.record.test.accuracy }));
`;
const plain = `{ network: { name: 'c3', width: 0.125 }, data: 'synthetic', sizes: { train: 320, validation: 16, test: 16 }, recipe: { epochs: 3, batch_size: 16 } }`;

const child = (at: string): string[] => ['--input-type=module', '-e', script(plain, at)];

test('two processes that request the same run at the same time train it once', async () => {
  const at = folder();
  const ask = () => promisify(execFile)(process.execPath, child(at), { cwd: process.cwd(), env: process.env });
  const answers = (await Promise.all([ask(), ask()])).map(
    ({ stdout }) => JSON.parse(stdout) as { kind: string; accuracy: number },
  );
  assert.equal(answers.filter(({ kind }) => kind === 'trained').length, 1, JSON.stringify(answers));
  assert.equal(answers[0].accuracy, answers[1].accuracy);
  assert.equal(readdirSync(at).length, 1);
});

test('a run whose process was killed is resumed by the next process that requests it', async () => {
  const at = folder();
  const process1 = spawn(process.execPath, child(at), { stdio: ['ignore', 'ignore', 'pipe'] });
  let steps = 0;
  await new Promise<void>((resolve) => {
    process1.stderr.on('data', (text: Buffer) => {
      steps += String(text).split('step').length - 1;
      if (steps > 25) process1.kill('SIGKILL');
    });
    process1.on('exit', () => resolve());
  });
  const [dir] = readdirSync(at);
  assert.ok(existsSync(join(at, dir, 'run.lock')), 'the lock of a killed process stays behind');
  const { stdout } = await promisify(execFile)(process.execPath, child(at));
  const whole = await promisify(execFile)(process.execPath, child(folder()));
  assert.equal(stdout, whole.stdout);
  assert.equal(readdirSync(at).length, 1);
});
