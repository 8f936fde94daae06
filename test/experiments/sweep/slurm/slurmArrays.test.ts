// What is submitted to Slurm; these tests need no Slurm.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { groupsOf } from 'sparsebook/experiments/sweep/slurm/slurmArrays.js';
import { secondsOfLimit } from 'sparsebook/experiments/sweep/slurm/slurmCommand.js';
import { slurmEngine } from 'sparsebook/experiments/sweep/slurm/slurm.js';
import { basesOf, fakeSlurm, graphSweep } from '../../../slurm/fakeSlurm.ts';

const { signal } = new AbortController();
const refused = (work: () => unknown, message: RegExp): Promise<void> =>
  // eslint-disable-next-line @typescript-eslint/require-await -- synchronous throws are refused too
  assert.rejects(async () => work(), { name: 'UserError', message });

test('points are submitted as one array, and points that start from one of them as one array after it', async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t, "50 % of it's");
  const engine = slurmEngine({ jobs: 2, threads: 4 }, { partition: 'long', mem: '4G', exclusive: 'true' });
  await engine.check(sweep);
  assert.deepEqual(readdirSync(sweep.dir), ['graph.yaml']);
  await engine.run(sweep, sweep.points, signal);

  const [tested, ...arrays] = slurm.calls('sbatch');
  assert.deepEqual([tested[0], tested.at(-1)], ['--test-only', '--wrap=true']);
  assert.equal(arrays.length, 3);
  const folder = join(sweep.dir, 'slurm');
  arrays.forEach((words, i) => {
    const script = words.at(-1)!;
    const file = script.replace(/sh$/, 'json');
    assert.deepEqual(words, [
      '--parsable',
      "--job-name=50 % of it's",
      '--array=0-1%2',
      '--cpus-per-task=4',
      '--requeue',
      '--signal=B:TERM@90',
      '--open-mode=append',
      `--output=${sweep.dir.replace('%', '%%')}/log/slurm-%A_%a.log`,
      '--partition=long',
      '--mem=4G',
      '--exclusive',
      `--comment=${file}`,
      // The first call of sbatch was the check.
      ...(i === 0 ? [] : [`--dependency=afterok:2_${i - 1}`, '--kill-on-invalid-dep=yes']),
      script,
    ]);
    const { points, job } = JSON.parse(readFileSync(file, 'utf8')) as { points: string[]; job: string };
    assert.equal(job, String(i + 2));
    const starts = points.map((id) => sweep.point(id).start);
    assert.deepEqual(starts, i === 0 ? [undefined, undefined] : Array(2).fill(basesOf(sweep)[i - 1].id));
  });
  assert.equal(readdirSync(folder).length, 6);
});

test("a job's script runs the point of its folder, whatever the path, and only in that folder", async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t, "it's $HOME");
  await slurmEngine({}, {}).run(sweep, sweep.points.slice(0, 1), signal);
  const script = slurm.calls('sbatch')[0].at(-1)!;
  const run = (): { status: number | null; stderr: string } => spawnSync('sh', [script], { encoding: 'utf8' });
  // The script gets as far as the command, which only jobs may run.
  assert.match(run().stderr, /^error: This command is what the jobs of a sweep run/);
  rmSync(script.replace(/sh$/, 'json'));
  const { status, stderr } = run();
  assert.equal(status, 66);
  assert.match(stderr, /is not the one that the sweep was started in: it must be shared/);
});

test('waiting and running points are not submitted again, and points that start from them wait for them', async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t);
  await slurmEngine({}, {}).run(sweep, basesOf(sweep), signal);
  slurm.says('squeue', '1|0|RUNNING|None|n1|\n1|1|PENDING|BadConstraints|n1|\n');
  await slurmEngine({}, {}).run(sweep, sweep.points, signal);
  const again = slurm.calls('sbatch').slice(1);
  const dependencies = again.map((words) => words.find((word) => word.startsWith('--dependency')));
  assert.deepEqual(dependencies, ['--dependency=afterok:1_0', undefined, '--dependency=afterok:3_0']);
  assert.ok(again[1].includes('--array=0-0'));
  // A task that waits in vain makes room for the new one.
  assert.deepEqual(slurm.calls('scancel'), [['--state=PENDING', '1_1']]);
});

test('a job whose number was not recorded is recognised by its comment', async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t);
  slurm.says('sbatch', 'no answer', true);
  await refused(() => slurmEngine({}, {}).run(sweep, basesOf(sweep), signal), /sbatch failed: no answer/);
  const file = join(
    sweep.dir,
    'slurm',
    readdirSync(join(sweep.dir, 'slurm')).find((name) => name.endsWith('json'))!,
  );
  slurm.says('squeue', `7|0|PENDING|Priority||${file}\n7|1|RUNNING|None|n1|${file}\n`);
  await slurmEngine({}, {}).run(sweep, basesOf(sweep), signal);
  assert.equal(slurm.calls('sbatch').length, 1);
});

test('cancelling removes waiting tasks', async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t);
  const engine = slurmEngine({}, {});
  await engine.run(sweep, sweep.points, signal);
  slurm.says(
    'squeue',
    '1|0|RUNNING|None|n1|\n1|1|PENDING|Priority||\n2|0|PENDING|Dependency||\n9|0|PENDING|None||other\n',
  );
  await engine.cancel(sweep);
  assert.deepEqual(slurm.calls('scancel'), [['--state=PENDING', '1_1', '2_0']]);
});

test('options that the sweep sets itself, and unknown ones, are refused', async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ array: '1-5' }, /slurm\.array is not free in a sweep: each point is a task/],
    // sbatch would read it as --array.
    [{ arr: '1-5' }, /slurm\.arr is not free/],
    [{ 'cpus-per-task': '2' }, /give threads=/],
    [{ signal: 'USR1' }, /slurm\.signal is not free/],
    [{ '-x': '1' }, /must be the long name.*received slurm\.-x/],
    [{ '': '1' }, /must be the long name/],
  ];
  for (const [free, message] of cases) await refused(() => slurmEngine({}, free), message);
});

test('points that will not run are refused before anything is submitted', async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t);
  const check = (free: Record<string, string>) => () => slurmEngine({}, free).check(sweep);
  await refused(check({ partition: 'main,nix' }), /no partition 'nix'.*there are main, short, long/);
  await refused(
    check({ partition: 'short', time: '1:30' }),
    /slurm\.time must be at most what the partition short allows, .*; received 1:30/,
  );
  await refused(check({ time: 'long' }), /slurm\.time must be as in 90 \(minutes\)/);
  await check({ partition: 'short,long', time: '1:30' })();
  slurm.says('sbatch', 'sbatch: error: memory\nallocation failure', true);
  await refused(check({ mem: '1T' }), /Slurm's sbatch failed: sbatch: error: memory allocation failure/);
  process.env.PATH = '';
  await refused(check({}), /needs Slurm's commands, and there is no 'sinfo' here.*apt install slurm-client/);
  assert.deepEqual(readdirSync(sweep.dir), ['graph.yaml']);
});

test('a run gets the signal to save before its time limit, or that of its partition', async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t);
  const cases: [Record<string, string>, number][] = [
    [{}, 90],
    [{ time: '10' }, 90],
    [{ time: '2:00' }, 30],
    [{ partition: 'short' }, 15],
    [{ partition: 'long' }, 90],
  ];
  for (const [free, seconds] of cases) {
    await slurmEngine({}, free).check(sweep);
    assert.ok(slurm.calls('sbatch').at(-1)!.includes(`--signal=B:TERM@${seconds}`), JSON.stringify(free));
  }
});

test('time limits are read as Slurm writes them', () => {
  const cases: [string, number][] = [
    ['90', 5400],
    ['1:30', 90],
    ['2:00:00', 7200],
    ['1-12', 129_600],
    ['1-0:30', 88_200],
    ['7-00:00:00', 604_800],
    ['infinite', Infinity],
    ['UNLIMITED', Infinity],
    ['n/a', NaN],
    ['1h', NaN],
    ['', NaN],
  ];
  for (const [text, seconds] of cases) assert.equal(secondsOfLimit(text), seconds, text);
});

test('an array has no more tasks than Slurm usually allows', async (t) => {
  const { points } = await graphSweep(t);
  const many = Array.from({ length: 2001 }, (_, i) => ({ ...points[0], id: String(i) }));
  assert.deepEqual(
    groupsOf(many).map(({ length }) => length),
    [1000, 1000, 1],
  );
  assert.deepEqual(groupsOf(many).flat(), many);
});
