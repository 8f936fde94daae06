import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { followRun } from 'sparsebook/training/log/followRun.js';
import type { LoggedEvent } from 'sparsebook/training/log/readRun.js';
import { temporaryFolder } from '../checkpoint/sample.ts';
import { begun, end, logAll, start, step, wholeRun } from './events.ts';

const withoutTime = (events: readonly LoggedEvent[]): object[] => events.map(({ time: _, ...event }) => event);
const lines = (events: readonly object[]): string =>
  events.map((event) => `${JSON.stringify({ ...event, time: 1 })}\n`).join('');

/** Follows a log to its end while the pieces are appended to it, one after each look at the file. */
async function followed(metrics: string, pieces: readonly (string | Buffer)[]): Promise<object[]> {
  const events: LoggedEvent[] = [];
  const reading = (async () => {
    for await (const event of followRun(join(metrics, '..'), { interval: 1 })) events.push(event);
  })();
  for (const piece of pieces) {
    appendFileSync(metrics, piece);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await reading;
  return withoutTime(events);
}

async function emptyLog(t: Parameters<typeof temporaryFolder>[0]): Promise<string> {
  const run = await begun(temporaryFolder(t));
  await run.close();
  return join(run.dir, 'metrics.jsonl');
}

test('all events of a finished run are read', async (t) => {
  const run = await begun(temporaryFolder(t));
  await logAll(run, wholeRun);
  const events: LoggedEvent[] = [];
  for await (const event of followRun(run.dir)) events.push(event);
  assert.deepEqual(withoutTime(events), wholeRun);
});

test('each event of a growing log is read once, however its bytes arrive', async (t) => {
  const metrics = await emptyLog(t);
  const bytes = Buffer.from(lines(wholeRun));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: bytes.length }), { maxLength: 4 }), async (cuts) => {
      writeFileSync(metrics, '');
      const ends = [...cuts.sort((a, b) => a - b), bytes.length];
      const pieces = ends.map((to, i) => bytes.subarray(ends[i - 1] ?? 0, to));
      assert.deepEqual(await followed(metrics, pieces), wholeRun);
    }),
    { numRuns: 25 },
  );
});

test('a run that was killed within a line, and resumes, is followed', async (t) => {
  const metrics = await emptyLog(t);
  writeFileSync(metrics, `${lines([start(), step(1)])}{"type":"step","st`);
  const events: LoggedEvent[] = [];
  const reading = (async () => {
    for await (const event of followRun(join(metrics, '..'), { interval: 1 })) events.push(event);
  })();
  while (events.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  const text = readFileSync(metrics, 'utf8');
  truncateSync(metrics, text.lastIndexOf('\n') + 1);
  appendFileSync(metrics, lines([start(1), step(2), end(2)]));
  await reading;
  assert.deepEqual(withoutTime(events), [start(), step(1), start(1), step(2), end(2)]);
});

test('an abort ends the reading, even while nothing comes', async (t) => {
  const metrics = await emptyLog(t);
  writeFileSync(metrics, lines([start(), step(1)]));
  const abort = new AbortController();
  let count = 0;
  for await (const _ of followRun(join(metrics, '..'), { signal: abort.signal, interval: 3_600_000 })) {
    if (++count === 2) setTimeout(() => abort.abort(), 5);
  }
  assert.equal(count, 2);
});

test('a file that is no log is refused with its path', async (t) => {
  const metrics = await emptyLog(t);
  await assert.rejects(followRun(temporaryFolder(t)).next(), {
    name: 'UserError',
    message: /metrics\.jsonl cannot be read: ENOENT.*A run is a folder/,
  });
  writeFileSync(metrics, 'no\n');
  await assert.rejects(followRun(join(metrics, '..')).next(), {
    name: 'UserError',
    message: /A line of .*metrics\.jsonl is not an event: no/,
  });
});
