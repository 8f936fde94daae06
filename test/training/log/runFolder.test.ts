import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadData } from 'sparsebook/data/loadData.js';
import { listed, runIds, runNamed } from 'sparsebook/training/log/listRuns.js';
import { provenance } from 'sparsebook/training/log/provenance.js';
import { readRun } from 'sparsebook/training/log/readRun.js';
import { reopenRun, RunFolder } from 'sparsebook/training/log/runFolder.js';
import type { TrainingEvent } from 'sparsebook/training/events.js';
import { fuzzRuns } from '../../fuzz.ts';
import { temporaryFolder } from '../checkpoint/sample.ts';
import { begun, end, epoch, logAll, start, step, stream, wholeRun } from './events.ts';

const withoutTime = (events: { time: number }[]): object[] => events.map(({ time: _, ...event }) => event);
const metricsOf = (dir: string): string => join(dir, 'metrics.jsonl');
const linesIn = (dir: string): number => readFileSync(metricsOf(dir), 'utf8').split('\n').length - 1;

/** Resumes a stopped run. */
async function goOn(dir: string, events: TrainingEvent[], settings: object = {}): Promise<void> {
  const run = await reopenRun(dir);
  await run.begin({ settings });
  await logAll(run, events);
}

test('a run is read as it was logged, and each event is in the file before it is passed on', async (t) => {
  const dir = join(temporaryFolder(t), 'data', 'runs', 'one');
  const facts = {
    settings: { lambda_l0: 0.5 },
    provenance: { version: '0.1.0', engine: 'Node 20.20.0', backend: 'cpu', date: '2026-01-31T12:00:00.000Z' },
  };
  const run = await RunFolder.take(dir);
  await run.begin(facts);
  const before = Date.now();
  const passed: TrainingEvent[] = [];
  for await (const event of run.logged(stream(wholeRun))) assert.equal(linesIn(dir), passed.push(event));
  await run.close();
  assert.deepEqual(passed, wholeRun);
  const read = await readRun(dir);
  assert.deepEqual([read.id, read.dir, read.settings, read.provenance], ['one', dir, facts.settings, facts.provenance]);
  assert.deepEqual(withoutTime(read.events), wholeRun);
  for (const { time } of read.events) assert.ok(time >= before && time <= Date.now());
  const { events } = await readRun(dir, { steps: false });
  assert.deepEqual(
    withoutTime(events),
    wholeRun.filter((event) => event.type !== 'step' || event.step % 2 === 0),
    'without steps the last of each stretch is left',
  );
});

test('numbers that JSON does not have are restored', async (t) => {
  const odd: TrainingEvent[] = [{ ...step(1), loss: NaN, penalty: Infinity, crossEntropy: -Infinity }];
  const run = await begun(temporaryFolder(t));
  await logAll(run, odd);
  assert.deepEqual(withoutTime((await readRun(run.dir)).events), odd);
});

test('wherever the last line of a killed run is cut, the lines before it are read', async (t) => {
  const run = await begun(temporaryFolder(t));
  await logAll(run, wholeRun);
  const bytes = readFileSync(metricsOf(run.dir));
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: bytes.length }), async (length) => {
      writeFileSync(metricsOf(run.dir), bytes.subarray(0, length));
      assert.deepEqual(withoutTime((await readRun(run.dir)).events), wholeRun.slice(0, linesIn(run.dir)));
    }),
    { numRuns: 60 },
  );
});

test('a resumed run drops its half-written line, reports repeated steps once, and has its new settings', async (t) => {
  const first = await begun(temporaryFolder(t), { epochs: 2 });
  await logAll(first, [start(), step(1), step(2), epoch(0), step(3), step(4)]);
  truncateSync(metricsOf(first.dir), readFileSync(metricsOf(first.dir)).length - 10);
  const more = [start(2), step(3), step(4), epoch(1), end(4)];
  await goOn(first.dir, more, { epochs: 3 });
  const { events, settings } = await readRun(first.dir);
  assert.deepEqual(withoutTime(events), [start(), step(1), step(2), epoch(0), ...more]);
  assert.deepEqual(settings, { epochs: 3 });
});

test('a damaged line within the log is named', async (t) => {
  const run = await begun(temporaryFolder(t));
  await run.close();
  for (const line of ['{"type":', '[]', '{"type":"step"}', 'null']) {
    const lines = wholeRun.map((event) => JSON.stringify({ ...event, time: 1 }));
    lines[2] = line;
    writeFileSync(metricsOf(run.dir), `${lines.join('\n')}\n`);
    await assert.rejects(readRun(run.dir), (error: Error) => {
      assert.equal(error.name, 'UserError');
      assert.ok(error.message.includes(`Line 3 of ${metricsOf(run.dir)} is not an event: ${line}`), error.message);
      return true;
    });
  }
});

test('whatever the bytes, the reader fails only with a UserError', async (t) => {
  const run = await begun(temporaryFolder(t));
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
      for (const read of [readRun, listed]) {
        await read(run.dir).catch((error: Error) => assert.equal(error.name, 'UserError', error.stack));
      }
    }),
    { numRuns: fuzzRuns(200) },
  );
});

test('a folder that is no run, or cannot be written, is an error; a run that never begins leaves no folder', async (t) => {
  const root = temporaryFolder(t);
  await assert.rejects(readRun(root), {
    name: 'UserError',
    message: /settings.json cannot be read: ENOENT.* A run is a folder with/,
  });
  await assert.rejects(reopenRun(join(root, 'x')), { name: 'UserError', message: /x\/settings.json/ });
  writeFileSync(join(root, 'file'), '');
  const refused = { name: 'UserError', message: /The run's folder .*file\/one cannot be written/ };
  await assert.rejects(RunFolder.take(join(root, 'file', 'one')), refused);
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const run = await RunFolder.take(join(root, 'none'));
  await assert.rejects(run.begin({ settings: cyclic }), { name: 'UserError', message: /cannot be written/ });
  await run.close();
  const idle = await RunFolder.take(join(root, 'idle'));
  await idle.close();
  assert.ok(!existsSync(idle.dir));
});

test('runs are listed with their progress and best score; a name can be abbreviated', async (t) => {
  const root = join(temporaryFolder(t), 'runs');
  assert.deepEqual(await runIds(root), []);
  await logAll(await begun(join(root, 'finished')), [
    start(),
    step(1),
    step(2),
    epoch(0, 0.7),
    step(3),
    step(4),
    epoch(1, 0.6),
    end(4),
  ]);
  await logAll(await begun(join(root, 'killed')), [start(), step(1), step(2), step(3)]);
  appendFileSync(metricsOf(join(root, 'killed')), '{"type":"step","st');
  await (await begun(join(root, 'empty'))).close();
  mkdirSync(join(root, 'notes'));
  const ids = await runIds(root);
  assert.deepEqual([...ids].sort(), ['empty', 'finished', 'killed']);
  const of = async (id: string): Promise<object> => {
    const { step, epochs, best, last, end } = await listed(join(root, id));
    return { step, epochs, best, last: last?.epoch, end };
  };
  const best = { loss: 1.25, accuracy: 0.7, epoch: 0 };
  assert.deepEqual(await of('finished'), { step: 4, epochs: 2, best, last: 1, end: 'finished' });
  const none = { epochs: 0, best: undefined, last: undefined, end: undefined };
  assert.deepEqual(await of('killed'), { step: 3, ...none });
  assert.deepEqual(await of('empty'), { step: 0, ...none });
  const runs = ['a-1', 'a-1-2', 'b'].map((id) => ({ id }));
  assert.deepEqual(
    ['a-1', 'b', 'last', 'a-1-'].map((name) => runNamed(name, runs).id),
    ['a-1', 'b', 'b', 'a-1-2'],
  );
  assert.throws(() => runNamed('a', runs), {
    name: 'UserError',
    message: "Several runs begin with 'a'. There are: a-1, a-1-2.",
  });
});

test('a log that can no longer be written is a warning during training and an error at the end, and can be resumed', async (t) => {
  const run = await begun(temporaryFolder(t));
  const log = run.log.bind(run);
  let calls = 0;
  run.log = async (event, gates) => {
    if (++calls < 3) return log(event, gates);
    // A full disk takes half of the line.
    appendFileSync(metricsOf(run.dir), '{"type":"step","step":2,"ep');
    throw new Error('ENOSPC: no space left');
  };
  const seen: TrainingEvent[] = [];
  await assert.rejects(
    async () => {
      for await (const event of run.logged(stream(wholeRun))) seen.push(event);
    },
    (error: Error) => error.name === 'UserError' && error.message.includes(run.dir) && error.message.includes('ENOSPC'),
  );
  await run.close();
  assert.equal(calls, 3);
  assert.match((seen[2] as { message: string }).message, /cannot be written any more: ENOSPC.* ends before this step/);
  assert.deepEqual([...seen.slice(0, 2), ...seen.slice(3)], wholeRun);
  await goOn(run.dir, [start(1), step(2), end(2)]);
  assert.deepEqual(withoutTime((await readRun(run.dir)).events), [...wholeRun.slice(0, 2), start(1), step(2), end(2)]);
  assert.ok(!readdirSync(run.dir).includes('run.lock'));
});

test('provenance names code, machine and data', async () => {
  const data = await loadData('synthetic', { sizes: { train: 20, validation: 10, test: 10 } });
  const found = await provenance({ data });
  assert.match(found.version, /^\d+\.\d+\.\d+/);
  assert.equal(found.engine, `Node ${process.versions.node}`);
  assert.deepEqual([found.data?.name, found.data?.splitHash], [data.name, data.splitHash]);
  assert.match(found.data!.hash, /^[0-9a-f]{16}$/);
  assert.ok(found.gitSha === undefined || /^[0-9a-f]{40}$/.test(found.gitSha));
  assert.equal(found.gitSha === undefined, found.gitChanged === undefined);
  assert.ok(Math.abs(Date.parse(found.date) - Date.now()) < 60_000);
});
