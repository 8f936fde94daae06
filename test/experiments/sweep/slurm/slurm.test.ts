// Sweeps on a real Slurm, on this machine only.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Sweep, type PointState } from 'sparsebook/experiments/sweep/sweep.js';
import { noCluster, startCluster, type Cluster } from '../../../slurm/cluster.ts';
import { sparsebook, type Ended } from '../../../sparsebook.ts';

const why = noCluster();
const skip = why === undefined ? false : why;

let root = '';
let cluster: Cluster | undefined;

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'sparsebook-slurm-'));
  if (skip) return;
  mkdirSync(join(root, 'cluster'));
  cluster = await startCluster(join(root, 'cluster'));
});
after(async () => {
  await cluster?.stop();
  rmSync(root, { recursive: true, force: true });
});

/** Settings for runs of about a second, or of the given number of epochs. */
const tiny = (epochs = 2): string =>
  `{ network: c3, width: 0.125, data: synthetic, sizes.train: 64, sizes.validation: 16, sizes.test: 16, epochs: ${epochs}, batch_size: 16, backend: simd }`;

/** Writes the file of a sweep, and returns its path. */
function sweepFile(name: string, settings: string, points: string): string {
  const path = join(root, `${name}.yaml`);
  writeFileSync(path, `settings: ${settings}\npoints:\n${points}`);
  return path;
}

const env = (data: string): Record<string, string> => ({ ...cluster!.env, SPARSEBOOK_DATA: join(root, data) });
const run = (data: string, ...words: string[]): Promise<Ended> => sparsebook(words, env(data)).ended;

/** The final weights of each run in a data folder, as a hash, by the run's identity. */
function weightsIn(data: string): Record<string, string> {
  const runs = join(root, data, 'runs');
  const hashOf = (id: string): string => {
    const checkpoints = join(runs, id, 'checkpoints');
    const last = readdirSync(checkpoints).sort().at(-1)!;
    return createHash('sha256')
      .update(readFileSync(join(checkpoints, last, 'weights.safetensors')))
      .digest('hex');
  };
  return Object.fromEntries(readdirSync(runs).map((id) => [id, hashOf(id)]));
}

const statesOf = async (data: string, name: string): Promise<PointState[]> =>
  (await Sweep.open(name, join(root, data, 'sweeps'))).states();

/** Waits until the states of a sweep's points meet a condition. */
async function until(data: string, name: string, wanted: (states: PointState[]) => boolean): Promise<void> {
  while (!wanted(await statesOf(data, name))) await pause(100);
}

const graph = `
  - { name: base, grid: { seed: [1, 2] } }
  - { name: after, start: { from: base }, grid: { lr: [0.01, 0.003], seed: [1, 2] } }
`;

test('points, and points that start from them, get the same weights as on one machine', { skip }, async () => {
  const file = sweepFile('graph', tiny(), graph);
  const [slurm, local] = await Promise.all([
    run('slurm', 'sweep', file, 'engine=slurm', 'slurm.partition=main', 'jobs=2'),
    run('local', 'sweep', file, 'jobs=1', 'threads=1'),
  ]);
  assert.equal(slurm.code, 0, slurm.stdout + slurm.stderr);
  assert.match(slurm.stdout, /all 6 runs are done/);
  assert.equal(local.code, 0, local.stdout + local.stderr);
  assert.equal(Object.keys(weightsIn('slurm')).length, 6);
  assert.deepEqual(weightsIn('slurm'), weightsIn('local'));
});

test('options that Slurm would refuse are refused before a folder is created', { skip }, async () => {
  const cases: [string[], RegExp][] = [
    [['slurm.partition=nix'], /Slurm has no partition 'nix'.*there are main, short/],
    [['slurm.nonsense=1'], /Slurm's sbatch failed: .*nonsense/],
    [['threads=9'], /Slurm's sbatch failed: .*not available/],
  ];
  const file = sweepFile('refused', tiny(), graph);
  for (const [words, message] of cases) {
    const { code, stderr } = await run('refused', 'sweep', file, 'engine=slurm', ...words);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
  assert.ok(!existsSync(join(root, 'refused')));
});

test('a point that fails stops those that start from it, and no other', { skip }, async () => {
  const points = `
  - { name: good, settings: { lr: 0.01 } }
  - { name: bad, settings: { lr: 1.0e+30 } }
  - { name: after good, start: { from: good } }
  - { name: after bad, start: { from: bad } }
`;
  const { code, stdout } = await run('fails', 'sweep', sweepFile('fails', tiny(), points), 'engine=slurm');
  assert.equal(code, 1, stdout);
  assert.match(stdout, /^failed +bad: The loss is NaN/m);
  assert.match(stdout, /^blocked +after bad: it starts from bad, which failed/m);
  assert.match(stdout, /^done +after good: /m);
});

test('before its time limit a run is saved and requeued, and ends with the same weights', { skip }, async () => {
  const file = sweepFile('limit', tiny(50), '  - { name: long, grid: { seed: [1] } }\n');
  const handed = await run('limit', 'sweep', file, 'engine=slurm', '--detach');
  assert.equal(handed.code, 0, handed.stderr);
  await until('limit', 'limit', ([{ progress }]) => progress !== undefined);
  const [job] = cluster!.run('squeue', '-h', '-r', '-o', '%i').trim().split('\n');
  // What Slurm itself does before a time limit.
  cluster!.run('scancel', '--signal=TERM', '--batch', job);
  await until('limit', 'limit', ([{ state }]) => state === 'stopped');
  while (!cluster!.run('squeue', '-h', '-j', job, '-o', '%T').startsWith('PENDING')) await pause(100);
  // Submitting the sweep again does not submit the job twice.
  const [again, local] = await Promise.all([
    run('limit', 'sweep', file, 'engine=slurm', '--detach'),
    run('limit-local', 'sweep', file, 'threads=1'),
  ]);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(local.code, 0, local.stdout);
  // Slurm holds a requeued job back for two minutes, which may be over by now.
  if (cluster!.run('squeue', '-h', '-j', job, '-o', '%T').startsWith('PENDING'))
    cluster!.run('scontrol', 'update', `JobId=${job}`, 'StartTime=now');
  await until('limit', 'limit', ([{ state }]) => state === 'finished');
  assert.deepEqual(weightsIn('limit'), weightsIn('limit-local'));
  assert.equal(readdirSync(join(root, 'limit', 'sweeps', 'limit', 'log')).length, 1);
  assert.match(cluster!.run('scontrol', 'show', 'job', job), /Restarts=1/);
});

test('cancelling a sweep saves running points and removes waiting ones from the queue', { skip }, async () => {
  const file = sweepFile('cancel', tiny(500), '  - { name: long, grid: { seed: [1, 2, 3] } }\n');
  const handed = await run('cancel', 'sweep', file, 'engine=slurm', 'jobs=1', '--detach');
  assert.equal(handed.code, 0, handed.stderr);
  await until('cancel', 'cancel', (states) => states.some(({ progress }) => progress !== undefined));
  assert.equal((await run('cancel', 'sweep', 'cancel', 'cancel')).code, 0);
  await until('cancel', 'cancel', (states) => states.every(({ state }) => state !== 'running'));
  const states = (await statesOf('cancel', 'cancel')).map(({ state }) => state);
  assert.deepEqual(states.sort(), ['stopped', 'waiting', 'waiting']);
  while (cluster!.run('squeue', '-h') !== '') await pause(100);
});
