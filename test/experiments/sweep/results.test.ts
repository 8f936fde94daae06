// The results of a sweep: means and intervals, and an entry for points that were not run.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { sweepNumbers, sweepResults, sweepTable } from 'sparsebook/experiments/sweep/results.js';
import { Sweep } from 'sparsebook/experiments/sweep/sweep.js';
import { wilsonInterval } from 'sparsebook/experiments/results/tables.js';
import { loadSweep } from 'sparsebook/notebook/display/follow.js';
import { sweepFigure } from 'sparsebook/plots/sweep.js';
import { madeUpSweep } from '../../sweeps.ts';

const data = mkdtempSync(join(tmpdir(), 'sparsebook-results-'));
process.env.SPARSEBOOK_DATA = data;
after(() => rmSync(data, { recursive: true }));

test("Wilson's interval has the values of the published examples", () => {
  // Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
  for (const [right, n, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ]) {
    const [from, to] = wilsonInterval(right / n, n);
    assert.ok(Math.abs(from - low) < 5e-5 && Math.abs(to - high) < 5e-5, `${right} of ${n}: ${from} ${to}`);
  }
});

test('several seeds give a mean with its interval, a single run the interval of its images, and no run an entry', async () => {
  const { sweep, finish } = await madeUpSweep(data, 'made-up');
  const none = sweepTable(sweepResults(await sweep.states()));
  assert.deepEqual(
    none.map((row) => [row.run, row.n, row['test, %'], row['not there']]),
    [
      ['l0.lambda=1', 0, null, '2 not run'],
      ['l0.lambda=2', 0, null, '2 not run'],
    ],
  );
  await finish(0.9, 0.1);
  await finish(0.8, 0.3);
  await finish(0.88, 0.2);
  const results = sweepResults(await sweep.states());
  const [one, two] = sweepNumbers(results);
  assert.deepEqual([one.n, one['l0.lambda'], one['test.accuracy.interval'], one.missing], [2, '1', 'seeds', null]);
  assert.ok(Math.abs(Number(one['test.accuracy']) - 0.89) < 1e-12);
  assert.ok(Math.abs(Number(one['sparsity.complete']) - 0.15) < 1e-12);
  // t(1) s / sqrt(2) = 12.706 * 0.01
  assert.ok(Math.abs(0.89 - 0.12706205 - Number(one['test.accuracy.low'])) < 1e-6);
  assert.equal(one['test.accuracy.high'], 1, 'no share is above 1');
  assert.deepEqual([two.n, two.runs, two['test.accuracy.interval'], two.missing], [1, 2, 'images', '1 not run']);
  assert.ok(Math.abs(Number(two['test.accuracy.low']) - wilsonInterval(0.8, 1000)[0]) < 1e-12);
  const rows = sweepTable(results);
  assert.equal(rows[0]['95 % interval'], '76.29 to 100 over seeds');
  assert.match(String(rows[1]['95 % interval']), /^77\.\d+ to 82\.\d+ over images$/);

  const { data: traces, layout } = sweepFigure(results);
  assert.deepEqual(
    (traces[0].x as number[]).map((x) => Number(x.toFixed(9))),
    [15, 30],
  );
  assert.match(layout.meta.alt, /1: 89.0 % right/);
  const bars = traces[0].error_y as { array: number[] };
  assert.ok(Math.abs(bars.array[0] - 11) < 1e-4);

  const frame = await loadSweep('made-up');
  assert.deepEqual(frame.columns.slice(0, 5), ['run', 'l0.lambda', 'n', 'runs', 'missing']);
  assert.deepEqual(frame.column('test.accuracy').values, [0.89, 0.8]);
});

test('a run that was extended since is no result of the sweep', async () => {
  const { sweep, finish } = await madeUpSweep(data, 'further');
  await finish(0.9, 0.1);
  const path = join((await sweep.runOf(sweep.points[0].id))!, 'record.json');
  const record = JSON.parse(readFileSync(path, 'utf8')) as { settings: { epochs: number } };
  assert.equal((await (await Sweep.open('further')).states())[0].state, 'finished');
  record.settings.epochs++;
  writeFileSync(path, JSON.stringify(record));
  assert.equal((await (await Sweep.open('further')).states())[0].state, 'waiting');
  rmSync(sweep.dir, { recursive: true });
});

test('a missing or damaged sweep is reported in a sentence', async () => {
  await assert.rejects(loadSweep('nowhere'), /There is no sweep 'nowhere'\. There are: made-up \(in /);
  assert.equal((await Sweep.open(join(data, 'sweeps', 'made-up'))).name, 'made-up');
  cpSync(join(data, 'sweeps', 'made-up'), join(data, 'sweeps', 'copy'), { recursive: true });
  assert.equal((await Sweep.open('copy', join(data, 'sweeps'))).name, 'copy', 'a copy is a sweep of its own');
  rmSync(join(data, 'sweeps', 'copy'), { recursive: true });

  const { sweep, finish } = await madeUpSweep(data, 'damaged');
  await finish(0.9, 0.1);
  await finish(0.9, 0.1);
  await finish(0.9, 0.1);
  const [first, second] = await Promise.all(sweep.points.map(({ id }) => sweep.runOf(id)));
  rmSync(first!, { recursive: true });
  writeFileSync(join(second!, 'record.json'), '{');
  const states = await (await Sweep.open(relative('.', sweep.dir))).states();
  assert.deepEqual(
    states.map(({ state }) => state),
    ['waiting', 'failed', 'finished', 'waiting'],
  );
  assert.match(states[1].reason!, /record\.json is not JSON: .*Delete it/);
  writeFileSync(join(sweep.dir, 'points', `${sweep.points[2].id}.json`), '{"state":"finished","run":7}');
  assert.equal((await Sweep.at(sweep.dir, sweep.points).states())[2].state, 'waiting');
  for (const points of ['[1,null]', '[{"id":"x"}]', '7']) {
    writeFileSync(join(sweep.dir, 'manifest.json'), `{"format":"sparsebook sweep","version":1,"points":${points}}`);
    await assert.rejects(Sweep.open('damaged'), /manifest\.json is not the description of a sweep of version 1/);
  }
});
