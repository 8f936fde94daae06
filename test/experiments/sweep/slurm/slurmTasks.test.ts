// The states of a sweep's jobs in words; these tests need no Slurm.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slurmEngine } from 'sparsebook/experiments/sweep/slurm/slurm.js';
import { basesOf, fakeSlurm, graphSweep } from '../../../slurm/fakeSlurm.ts';

const { signal } = new AbortController();

test('the reason why a point will not be trained is given in words, with the log to read', async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t);
  const [point] = sweep.points;
  await slurmEngine({}, {}).run(sweep, [point], signal);
  const cases: [string, string, RegExp | undefined][] = [
    ['PENDING|Priority', '', undefined],
    ['PENDING|BeginTime', '', undefined],
    ['RUNNING|None', '', undefined],
    ['COMPLETING|None', '', undefined],
    ['TIMEOUT|TimeLimit', '', /time limit ended before it had saved: give slurm\.time=/],
    ['OUT_OF_MEMORY|OutOfMemory', '', /more memory than it was given: slurm\.mem=/],
    ['NODE_FAIL|None', '', /its node failed/],
    ['CANCELLED|None', '', /its job was cancelled/],
    ['PENDING|BadConstraints', '', /waits in vain \(BadConstraints\)/],
    ['PENDING|launch failed requeued held', '', /waits in vain \(launch failed requeued held\)/],
    ['FAILED|NonZeroExitCode', 'ExitCode=3:0', /its process on n1 exited with code 3/],
    ['FAILED|NonZeroExitCode', 'ExitCode=0:9', /its process on n1 was ended by signal 9/],
    ['FAILED|NonZeroExitCode', 'ExitCode=66:0', /the sweep's folder on n1 is not the one .* must be shared/],
    ['FAILED|JobLaunchFailure', 'ExitCode=0:53', /n1 could not start it: the folder for its log/],
    // Its result may still be on its way through a file server.
    ['COMPLETED|None', '', undefined],
    ['ODD|None', '', /ended as ODD/],
  ];
  for (const [state, shown, reason] of cases) {
    slurm.says('squeue', `1|0|${state}|n1|\n`);
    slurm.says('scontrol', `JobId=1 JobState=FAILED ${shown} RunTime=0\n`);
    const said = (await slurmEngine({}, {}).failures(sweep)).get(point.id);
    if (reason === undefined) assert.equal(said, undefined, state);
    else
      assert.match(said!, new RegExp(`^Slurm job 1_0: .*${reason.source}.*\\. Log: ${sweep.dir}/log/slurm-1_0\\.log$`));
  }
});

test('a job that ended without a result is reported after a minute', async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t);
  const [point] = sweep.points;
  const engine = slurmEngine({}, {});
  await engine.run(sweep, [point], signal);
  slurm.says('squeue', '1|0|COMPLETED|None|n1|\n');
  assert.equal((await engine.failures(sweep)).size, 0);
  const later = performance.now() + 61_000;
  t.mock.method(performance, 'now', () => later);
  assert.match((await engine.failures(sweep)).get(point.id)!, /ended without a result/);
});

test('jobs that Slurm has forgotten are looked up in its accounts, once', async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t);
  const [first, second] = basesOf(sweep);
  await slurmEngine({}, {}).run(sweep, [first, second], signal);
  slurm.says('sacct', '1_0|CANCELLED by 1000|0:0|n1\n');
  const engine = slurmEngine({}, {});
  const reasons = await engine.failures(sweep);
  assert.match(reasons.get(first.id)!, /1_0: its job was cancelled/);
  assert.match(reasons.get(second.id)!, /1_1: Slurm no longer knows its job/);
  t.mock.method(performance, 'now', () => 1e9);
  assert.equal((await engine.failures(sweep)).size, 2);
  assert.equal(slurm.calls('squeue').length, 2);
  assert.equal(slurm.calls('sacct').length, 1);
});

test('a point that starts from a failed one is reported as such', async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t);
  await slurmEngine({}, {}).run(sweep, sweep.points, signal);
  slurm.says(
    'squeue',
    '1|0|OUT_OF_MEMORY|OutOfMemory|n1|\n1|1|COMPLETED|None|n1|\n2|0|CANCELLED|DependencyNeverSatisfied||\n' +
      '2|1|PENDING|DependencyNeverSatisfied||\n3|0|RUNNING|None|n1|\n3|1|TIMEOUT|TimeLimit|n1|\n',
  );
  const reasons = await slurmEngine({}, {}).failures(sweep);
  const blocked = sweep.points.filter(({ id }) => reasons.get(id) === 'what it starts from was not finished');
  assert.deepEqual(
    blocked.map(({ start }) => start),
    [sweep.points[0].id, sweep.points[0].id],
  );
});

test('Slurm is asked every five seconds, and its last answer holds while it does not reply', async (t) => {
  const slurm = fakeSlurm(t);
  const sweep = await graphSweep(t);
  const engine = slurmEngine({}, {});
  await engine.run(sweep, sweep.points, signal);
  slurm.says('squeue', '1|0|TIMEOUT|TimeLimit|n1|\n1|1|RUNNING|None|n1|\n2|0|RUNNING|None|n1|\n');
  const before = slurm.calls('squeue').length;
  const first = await engine.failures(sweep);
  for (let i = 0; i < 3; i++) assert.equal(await engine.failures(sweep), first);
  assert.equal(slurm.calls('squeue').length, before + 1);
  slurm.says('squeue', 'Unable to contact slurm controller', true);
  const later = performance.now() + 5001;
  t.mock.method(performance, 'now', () => later);
  assert.equal(await engine.failures(sweep), first);
  assert.equal(slurm.calls('squeue').length, before + 2);
});
