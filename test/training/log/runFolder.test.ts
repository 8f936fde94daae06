import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadData } from 'sparsebook/data';
import {
  createRun,
  listRuns,
  logged,
  provenance,
  readRun,
  reopenRun,
  type Run,
  type TrainingEvent,
} from 'sparsebook/training';
import { fuzzRuns } from '../../fuzz.ts';
import { temporaryFolder } from '../checkpoint/sample.ts';
import { end, epoch, start, step, stream, wholeRun } from './events.ts';

const settings = { lambda_l0: 0.5 };

async function logAll(run: Run, events: TrainingEvent[]): Promise<TrainingEvent[]> {
  const passed: TrainingEvent[] = [];
  for await (const event of logged(stream(events), run)) passed.push(event);
  return passed;
}
const withoutTime = (events: { time: number }[]): object[] => events.map(({ time: _, ...event }) => event);
const metricsOf = (run: Run): string => join(run.dir, 'metrics.jsonl');

test('a run is read as it was logged, and its events pass through unchanged', async (t) => {
  const root = join(temporaryFolder(t), 'data', 'runs');
  const facts = {
    settings,
    provenance: { version: '0.1.0', node: '20.20.0', backend: 'cpu', date: '2026-01-31T12:00:00.000Z' },
  };
  const before = Date.now();
  const run = await createRun(root, 'l0-googlenet', facts);
  assert.match(run.id, /^\d{4}-\d\d-\d\d-\d{6}-l0-googlenet$/);
  assert.equal(run.dir, join(root, run.id));
  assert.deepEqual(await logAll(run, wholeRun), wholeRun);
  const read = await readRun(run.dir);
  assert.deepEqual([read.id, read.settings, read.provenance], [run.id, settings, facts.provenance]);
  assert.deepEqual(withoutTime(read.events), wholeRun);
  for (const { time } of read.events) assert.ok(time >= before && time <= Date.now());
  assert.equal(readFileSync(metricsOf(run), 'utf8').split('\n').length, wholeRun.length + 1);
});

test('an event is in the file before it is passed on', async (t) => {
  const run = await createRun(temporaryFolder(t), 'l0', { settings });
  let count = 0;
  for await (const _ of logged(stream(wholeRun), run)) {
    assert.equal(readFileSync(metricsOf(run), 'utf8').split('\n').length, ++count + 1);
  }
  assert.equal(count, wholeRun.length);
});

test('runs of the same second have ids of their own', async (t) => {
  const root = temporaryFolder(t);
  const runs = await Promise.all(Array.from({ length: 5 }, () => createRun(root, 'l0', { settings })));
  assert.equal(new Set(runs.map(({ id }) => id)).size, 5);
  assert.equal(readdirSync(root).length, 5);
  await Promise.all(runs.map((run) => run.close()));
});

test('numbers that JSON does not have come back as they were', async (t) => {
  const run = await createRun(temporaryFolder(t), 'l0', { settings });
  const odd: TrainingEvent[] = [{ ...step(1), loss: NaN, penalty: Infinity, crossEntropy: -Infinity }];
  await logAll(run, odd);
  assert.deepEqual(withoutTime((await readRun(run.dir)).events), odd);
});

test('wherever a killed run cut the last line, the lines before it are read', async (t) => {
  const run = await createRun(temporaryFolder(t), 'l0', { settings });
  await logAll(run, wholeRun);
  const bytes = readFileSync(metricsOf(run));
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: bytes.length }), async (length) => {
      writeFileSync(metricsOf(run), bytes.subarray(0, length));
      const whole = bytes.subarray(0, length).toString().split('\n').length - 1;
      assert.deepEqual(withoutTime((await readRun(run.dir)).events), wholeRun.slice(0, whole));
    }),
    { numRuns: 60 },
  );
});

test('a run that goes on leaves out its half line, and what it makes anew is read once', async (t) => {
  const first = await createRun(temporaryFolder(t), 'l0', { settings });
  await logAll(first, [start(), step(1), step(2), epoch(0), step(3), step(4)]);
  truncateSync(metricsOf(first), readFileSync(metricsOf(first)).length - 10);
  const second = await reopenRun(first.dir);
  assert.equal(second.dir, first.dir);
  await logAll(second, [start(2), step(3), step(4), epoch(1), end(4)]);
  assert.deepEqual(withoutTime((await readRun(first.dir)).events), [
    ...[start(), step(1), step(2), epoch(0)],
    ...[start(2), step(3), step(4), epoch(1), end(4)],
  ]);
});

test('a damaged line within the log is named', async (t) => {
  const run = await createRun(temporaryFolder(t), 'l0', { settings });
  await logAll(run, wholeRun);
  for (const line of ['{"type":', '[]', '{"type":"step"}', 'null']) {
    const lines = wholeRun.map((event) => JSON.stringify({ ...event, time: 1 }));
    lines[2] = line;
    writeFileSync(metricsOf(run), `${lines.join('\n')}\n`);
    await assert.rejects(readRun(run.dir), (error: Error) => {
      assert.equal(error.name, 'UserError');
      assert.ok(error.message.includes(`Line 3 of ${metricsOf(run)} is not an event: ${line}`), error.message);
      return true;
    });
  }
});

test('no bytes at all make the reader fail in another way', async (t) => {
  const run = await createRun(temporaryFolder(t), 'l0', { settings });
  await run.close();
  const line = fc.oneof(fc.json(), fc.constantFrom(...wholeRun.map((event) => JSON.stringify({ ...event, time: 1 }))));
  const file = fc.oneof(
    fc.array(line).map((lines) => Buffer.from(lines.map((text) => `${text}\n`).join(''))),
    fc.uint8Array({ maxLength: 200 }),
  );
  const name = fc.constantFrom('metrics.jsonl', 'metrics.jsonl', 'settings.json', 'provenance.json');
  await fc.assert(
    fc.asyncProperty(file, name, async (bytes, name) => {
      writeFileSync(join(run.dir, name), bytes);
      await readRun(run.dir).catch((error: Error) => assert.equal(error.name, 'UserError', error.stack));
      const { runs, problems } = await listRuns(dirname(run.dir));
      assert.equal(runs.length + problems.length, 1);
    }),
    { numRuns: fuzzRuns(200) },
  );
});

test('what is not a run is said', async (t) => {
  const root = temporaryFolder(t);
  await assert.rejects(readRun(root), {
    name: 'UserError',
    message: /settings.json cannot be read: ENOENT.* A run is a folder with/,
  });
  await assert.rejects(reopenRun(join(root, 'x')), { name: 'UserError', message: /x\/settings.json/ });
  await assert.rejects(createRun(root, 'a/b', { settings }), { name: 'UserError', message: /received 'a\/b'/ });
  writeFileSync(join(root, 'file'), '');
  await assert.rejects(createRun(join(root, 'file'), 'l0', { settings }), {
    name: 'UserError',
    message: /The run's folder .*file\/.*-l0 cannot be written/,
  });
});

test('runs are listed with how far they came, and how well', async (t) => {
  const root = join(temporaryFolder(t), 'runs');
  assert.deepEqual(await listRuns(root), { runs: [], problems: [] });
  const finished = await createRun(root, 'a', { settings });
  await logAll(finished, [start(), step(1), step(2), epoch(0, 0.7), step(3), step(4), epoch(1, 0.6), end(4)]);
  const killed = await createRun(root, 'b', { settings });
  await logAll(killed, [start(), step(1), step(2), step(3)]);
  appendFileSync(metricsOf(killed), '{"type":"step","st');
  const empty = await createRun(root, 'c', { settings });
  await empty.close();
  const damaged = await createRun(root, 'd', { settings });
  await damaged.close();
  writeFileSync(join(damaged.dir, 'settings.json'), '{');
  mkdirSync(join(root, 'notes'));

  const { runs, problems } = await listRuns(root);
  assert.deepEqual(
    runs.map(({ id, step, epochs, best, end }) => ({ id, step, epochs, best, end })),
    [
      { id: finished.id, step: 4, epochs: 2, best: { loss: 1.25, accuracy: 0.7, epoch: 0 }, end: 'finished' },
      { id: killed.id, step: 3, epochs: 0, best: undefined, end: undefined },
      { id: empty.id, step: 0, epochs: 0, best: undefined, end: undefined },
    ],
  );
  assert.equal(runs[0].last!.epoch, 1);
  assert.deepEqual(runs[0].settings, settings);
  assert.equal(problems.length, 1);
  assert.match(problems[0], /-d\/settings.json is not JSON/);
});

test('reading without steps keeps the last of each stretch', async (t) => {
  const run = await createRun(temporaryFolder(t), 'l0', { settings });
  await logAll(run, wholeRun);
  const { events } = await readRun(run.dir, { steps: false });
  assert.deepEqual(
    withoutTime(events),
    wholeRun.filter((event) => event.type !== 'step' || event.step % 2 === 0),
  );
});

test('a log that cannot be written any more is a warning while training goes on, and an error at the end', async (t) => {
  const run = await createRun(temporaryFolder(t), 'l0', { settings });
  let calls = 0;
  const log = run.log.bind(run);
  run.log = (event, gates) => (++calls === 3 ? Promise.reject(new Error('ENOSPC: no space left')) : log(event, gates));
  const seen: TrainingEvent[] = [];
  await assert.rejects(
    async () => {
      for await (const event of logged(stream(wholeRun), run)) seen.push(event);
    },
    (error: Error) => error.name === 'UserError' && error.message.includes(run.dir) && error.message.includes('ENOSPC'),
  );
  assert.equal(calls, 3);
  assert.match(
    (seen[2] as { message: string }).message,
    /cannot be written any more: ENOSPC.* It ends before this step/,
  );
  assert.deepEqual([...seen.slice(0, 2), ...seen.slice(3)], wholeRun);
  assert.deepEqual(withoutTime((await readRun(run.dir)).events), wholeRun.slice(0, 2));
});

test('a line that a full disk cut is left out when the run goes on', async (t) => {
  const run = await createRun(temporaryFolder(t), 'l0', { settings });
  const log = run.log.bind(run);
  run.log = async (event, gates) => {
    if (event.type !== 'step' || event.step < 3) return log(event, gates);
    appendFileSync(metricsOf(run), '{"type":"step","step":3,"ep');
    throw new Error('ENOSPC: no space left');
  };
  await assert.rejects(logAll(run, wholeRun), { name: 'UserError', message: /ENOSPC/ });
  const before = wholeRun.slice(
    0,
    wholeRun.findIndex((event) => event.type === 'step' && event.step === 3),
  );
  assert.deepEqual(withoutTime((await readRun(run.dir)).events), before);
  await logAll(await reopenRun(run.dir), [start(2), step(3), end(3)]);
  assert.deepEqual(withoutTime((await readRun(run.dir)).events), [...before, start(2), step(3), end(3)]);
});

test('a run whose folder cannot be filled leaves none', async (t) => {
  const root = temporaryFolder(t);
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  await assert.rejects(createRun(root, 'l0', { settings: cyclic }), {
    name: 'UserError',
    message: /cannot be written/,
  });
  assert.deepEqual(readdirSync(root), []);
});

test('leaving the loop early closes the files', async (t) => {
  const run = await createRun(temporaryFolder(t), 'l0', { settings });
  for await (const event of logged(stream(wholeRun), run)) if (event.type === 'step') break;
  await assert.rejects(run.log(step(2)), /closed/);
});

test('provenance names code, machine and data', async () => {
  const data = await loadData('synthetic', { sizes: { train: 20, validation: 10, test: 10 } });
  const backend = { name: 'cpu', description: 'cpu: a plain one', threads: 1 } as const;
  const found = await provenance({ data, backend });
  assert.match(found.version, /^\d+\.\d+\.\d+/);
  assert.equal(found.node, process.versions.node);
  assert.equal(found.backend, 'cpu: a plain one');
  assert.deepEqual([found.data?.name, found.data?.splitHash], [data.name, data.splitHash]);
  assert.match(found.data!.hash, /^[0-9a-f]{16}$/);
  assert.ok(found.gitSha === undefined || /^[0-9a-f]{40}$/.test(found.gitSha));
  assert.equal(found.gitSha === undefined, found.gitChanged === undefined);
  assert.ok(Math.abs(Date.parse(found.date) - Date.now()) < 60_000);
});
