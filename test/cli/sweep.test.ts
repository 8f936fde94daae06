// Sweeps as a user runs them: nothing is trained twice, nothing is lost, and errors are reported.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { sparsebook, type Ended } from '../sparsebook.ts';
import { tinyGraph, tinyNetwork, tinyRun, trainedWeights } from '../sweeps.ts';

const folder = mkdtempSync(join(tmpdir(), 'sparsebook-sweep-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const graph = join(folder, 'graph.yaml');
writeFileSync(graph, tinyGraph);

const sweepIn = (data: string, ...words: string[]): ReturnType<typeof sparsebook> =>
  sparsebook(['sweep', ...words], { SPARSEBOOK_DATA: join(folder, data) });
const done = (data: string, ...words: string[]): Promise<Ended> => sweepIn(data, ...words).ended;

/** The children of a process. */
function childrenOf(pid: number): number[] {
  try {
    return execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)])
      .toString()
      .trim()
      .split(/\s+/)
      .map(Number);
  } catch {
    return []; // The process has no children, or is gone.
  }
}

test('runs that start from each other end with the same bits as undisturbed ones although their processes are killed', async () => {
  const alone = await done('alone', graph, 'jobs=1', 'threads=2');
  assert.equal(alone.code, 0, alone.stderr + alone.stdout);
  const expected = await trainedWeights(join(folder, 'alone'));
  assert.equal(expected.size, 6);
  assert.match(alone.stdout, /^6 runs, of which 0 are finished$/m);
  assert.match(alone.stdout, /^done {5}tune lr=0\.003 seed=2: test .* %, sparsity 0 %/m);
  assert.match(alone.stdout, /\nall 6 runs are done; table: sparsebook sweep table graph\n$/);

  // Each time one process of the sweep, or the process that hands out its work, dies without a message.
  for (let kills = 0; kills < 2; kills++) {
    const { child, ended } = sweepIn('killed', graph, 'jobs=2', 'threads=1');
    await Promise.race([ended, pause(1200 + 700 * kills)]);
    const children = childrenOf(child.pid!);
    const victim = kills === 0 ? children.at(-1) : child.pid;
    if (victim !== undefined && child.exitCode === null) process.kill(victim, 'SIGKILL');
    if (victim === child.pid) await ended;
    else await done('killed', 'cancel', 'graph').then(() => ended);
  }
  const last = await done('killed', graph, 'jobs=2', 'threads=1');
  assert.equal(last.code, 0, last.stderr + last.stdout);
  assert.deepEqual(await trainedWeights(join(folder, 'killed')), expected);
});

test('the same sweep again trains nothing, and a sweep with other values trains only the missing runs', async () => {
  const again = await done('alone', graph);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /^6 runs, of which 6 are finished$/m);
  assert.doesNotMatch(again.stdout, /^done/m);
  const more = await done('alone', graph, 'seed=2..3', 'jobs=2', 'threads=1');
  assert.equal(more.code, 0, more.stderr);
  assert.match(more.stdout, /^no longer asked for: 3 of its points from before; their runs stay$/m);
  assert.match(more.stdout, /^6 runs, of which 3 are finished$/m);
  assert.equal((await trainedWeights(join(folder, 'alone'))).size, 9);
  // A run that the train command has trained counts too: it is the same run.
  const { code, stderr } = await sparsebook(['train', ...tinyRun, 'lr=0.02', 'seed=5'], {
    SPARSEBOOK_DATA: join(folder, 'alone'),
  }).ended;
  assert.equal(code, 0, stderr);
  const dry = await done('alone', ...tinyRun, 'lr=0.02', 'seed=5..6', 'jobs=2', 'threads=1', '--dry-run');
  assert.match(dry.stdout, /^there {4}c3-seed seed=5\nmissing {2}c3-seed seed=6\n/, dry.stderr);
  assert.match(dry.stdout, /2 runs, of which 1 are finished and 1 are not\nabout \d+\.\d s, \d+ at once with/);
  assert.ok(!existsSync(join(folder, 'alone', 'sweeps', 'c3-seed')), 'a dry run writes no sweep');
});

test('the table shows means, intervals, n and missing runs, and so do the figure, the file and the other formats', async () => {
  const text = await done('alone', 'table', 'graph');
  assert.match(text.stdout, /^run +n +validation, % +test, % +95 % interval over seeds +/);
  assert.match(text.stdout, /\ntune lr=0\.003 +2 +[\d.]+ +[\d.]+ +-?[\d.]+ to [\d.]+ +0 +41,378 /);
  const rows = JSON.parse((await done('alone', 'table', 'graph', '--json')).stdout) as Record<string, unknown>[];
  assert.deepEqual(rows.map(({ run, n, runs }) => [run, n, runs])[0], ['base', 2, 2]);
  assert.equal(rows[1]['test.accuracy.interval'], 'seeds');
  const csv = (await done('alone', 'table', 'graph', '--csv')).stdout.trim().split('\n');
  assert.match(csv[0], /^run,lr,n,runs,missing,test\.accuracy\.low,/);
  assert.equal(csv.length, 4);
  const page = join(folder, 'graph.html');
  assert.equal((await done('alone', 'plot', 'graph', '-o', page)).code, 0);
  assert.match(readFileSync(page, 'utf8'), /<title>Sweep graph<\/title>/);
  const file = join(folder, 'graph.json');
  assert.equal((await done('alone', 'save', 'graph', file, '--latency')).code, 0);
  const saved = JSON.parse(readFileSync(file, 'utf8')) as {
    about: { runsPerSetting: number; timed: string };
    records: { name: string; latency_ms: Record<string, number> }[];
    groups: { entry: string; group: string; runs: number }[];
  };
  assert.match(saved.about.timed, /threads?.*Node/);
  for (const { latency_ms } of saved.records) assert.ok(latency_ms[128] > latency_ms[1] && latency_ms[1] > 0);
  assert.deepEqual(
    saved.groups.map(({ entry, group, runs }) => [entry, group, runs]),
    [
      ['base', 'base', 2],
      ['tune', 'tune lr=0.01', 2],
      ['tune', 'tune lr=0.003', 2],
    ],
  );
  assert.deepEqual([saved.about.runsPerSetting, saved.records.length, saved.records[0].name], [2, 6, 'base']);
});

test('a point that fails stops no other point, blocks those that start from it, and shows in the exit code', async () => {
  const file = join(folder, 'failing.yaml');
  writeFileSync(
    file,
    tinyGraph
      .replace('grid: { seed: 1..2 }', '')
      .replace('- name: base', '- name: base\n    grid: { lr: [1e30, 0.01] }')
      .replace('grid: { lr: [0.01, 0.003] }', 'grid: { lr: [1e30, 0.01] }'),
  );
  const { code, stdout } = await done('failing', file, 'jobs=2', 'threads=1');
  assert.equal(code, 1);
  assert.match(stdout, /^failed {3}base lr=1e\+30: The loss is .* at step/m);
  assert.match(stdout, /^blocked {2}tune lr=1e\+30: it starts from base lr=1e\+30, which failed/m);
  assert.match(stdout, /^done {5}tune lr=0\.01: test/m);
  assert.match(stdout, /\n2 of 4 done, 1 failed, 1 blocked; the same command tries again what is missing\n$/);
  const table = await done('failing', 'table', 'failing');
  assert.match(table.stdout, /95 % interval over images.*not there\n/);
  assert.match(table.stdout, /\nbase lr=1e\+30 +0 .*failed\n/);
  assert.match(table.stdout, /\ntune lr=1e\+30 +0 .*not run\n/);
  const status = await done('failing', 'status', 'failing');
  assert.equal(status.code, 1);
  assert.match(status.stdout, /^blocked {2}tune/m);
});

test('Ctrl-C and cancel save running points, and the same command continues', async () => {
  const words = [...tinyNetwork, 'epochs=1000', 'name=long', 'seed=1..2'];
  const options = ['jobs=2', 'threads=1'];
  const runs = join(folder, 'stopped', 'runs');
  /** Counts the epochs in the logs of all runs: asking for the status takes a process longer than an epoch does. */
  const epochs = (): number =>
    (existsSync(runs) ? readdirSync(runs) : [])
      .map((run) => join(runs, run, 'metrics.jsonl'))
      .filter((log) => existsSync(log))
      .reduce((sum, log) => sum + readFileSync(log, 'utf8').split('"type":"epoch"').length - 1, 0);
  const isRunning = async (): Promise<void> => {
    const before = epochs();
    for (let i = 0; i < 1200 && epochs() === before; i++) await pause(50);
    assert.match((await done('stopped', 'status', 'long')).stdout, /^running .*epoch \d+/m);
  };
  const first = sweepIn('stopped', ...words, ...options);
  await isRunning();
  const second = await done('stopped', ...words, ...options);
  assert.equal(second.code, 1);
  assert.match(
    second.stderr,
    /^error: The sweep long is already running: Process \d+ .*sparsebook sweep status long\n$/,
  );
  first.child.kill('SIGINT');
  const stopped = await first.ended;
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stdout, /stopped and saved; the same command continues\n$/);
  const saved = readdirSync(runs).filter((run) => existsSync(join(runs, run, 'checkpoints')));
  assert.ok(saved.length > 0, 'what ran was saved');
  const third = sweepIn('stopped', ...words, ...options);
  await isRunning();
  assert.match((await done('stopped', 'cancel', 'long')).stdout, /is cancelled/);
  const cancelled = await third.ended;
  assert.equal(cancelled.code, 1);
  assert.match(cancelled.stdout, /cancelled: what ran is saved; the same command continues\n$/);
});

for (const [what, words, message] of [
  [
    'a wrong setting in one point',
    [...tinyRun, 'lr=0.1,-1'],
    /The point 'lr=-1' of the sweep cannot be run: lr must be/,
  ],
  ['an unknown engine', [...tinyRun, 'engine=cloud'], /engine must be one of local, slurm, bullmq/],
  ['missing images', ['network=c3', 'data=nowhere', 'seed=1..2'], /nowhere/],
  ['a missing file', ['nowhere.yaml'], /The sweep file nowhere\.yaml cannot be read/],
  [
    'two files',
    ['a.yaml', '--config', 'b.yaml'],
    /A sweep must be read from one file; received a\.yaml and --config b\.yaml/,
  ],
  [
    '--detach with the local engine',
    [...tinyRun, 'seed=1..2', '--detach'],
    /--detach must be used with engine=slurm or engine=bullmq.*received engine=local/,
  ],
  ['a missing sweep', ['status', 'nowhere'], /There is no sweep 'nowhere'\. There are: none/],
  ['a name that leads elsewhere', [...tinyRun, 'name=../elsewhere'], /The name of a sweep must be/],
] as const) {
  test(`refused at once, and nothing is written: ${what}`, async () => {
    const { code, stdout, stderr } = await done('unwritten', ...words);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^error: [^\n]*\n$/);
    assert.match(stderr, message);
    assert.ok(!existsSync(join(folder, 'unwritten', 'sweeps')) && !existsSync(join(folder, 'unwritten', 'runs')));
  });
}

test('a folder that cannot be written is reported in a sentence', async () => {
  mkdirSync(join(folder, 'full'));
  writeFileSync(join(folder, 'full', 'sweeps'), 'in the way');
  const { code, stderr } = await done('full', ...tinyRun, 'seed=1,2');
  assert.equal(code, 1);
  assert.match(stderr, /^error: The folder of the sweep cannot be made: .*\n$/);
});

test('a full disk is reported as the reason for each point that it stopped, and nothing is half-written', async (t) => {
  // No checkpoint fits on this disk (a checkpoint takes 500k): if one fitted, a run could finish completely before
  // another run needed the space.
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    return t.skip('no small disk can be made here');
  }
  try {
    const { code, stdout } = await done('disk', ...tinyRun, 'seed=1..2', 'jobs=2', 'threads=1');
    assert.equal(code, 1);
    const failed = stdout.match(/^failed {3}c3-seed seed=\d: .* cannot be saved: ENOSPC/gm);
    assert.equal(failed?.length, 2, stdout);
    const files = readdirSync(disk, { recursive: true }).map(String);
    assert.ok(!files.some((name) => /\.(new|old)|record\.json$/.test(name)), files.join());
  } finally {
    execFileSync('umount', [disk]);
  }
});
