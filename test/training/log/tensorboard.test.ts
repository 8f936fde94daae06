import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { reopenRun } from 'sparsebook/training/log/runFolder.js';
import type { TrainingEvent } from 'sparsebook/training/events.js';
import { crc32c, fileHead, fileRecords, record } from 'sparsebook/training/log/tensorboard/eventFile.js';
import { fuzzRuns } from '../../fuzz.ts';
import { temporaryFolder } from '../checkpoint/sample.ts';
import { decodeEventFile, decodeHparams, recordsOf, slowCrc32c, type Shown } from './decode.ts';
import { begun, end, logAll, start, step, wholeRun } from './events.ts';

const settings = {
  lambda_l0: 0.5,
  gates: true,
  milestones: [10, 60],
  data: { name: 'synthetic', none: null },
  off: false,
};
const masks = new Map([['conv', new Float32Array([0, 0, 0.5, 1])]]);

const eventFiles = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => name.startsWith('events.out.tfevents.'))
    .sort();

async function decoded(dir: string, events: TrainingEvent[]): Promise<ReturnType<typeof decodeEventFile>> {
  const run = await begun(dir, settings);
  await logAll(run, events, () => masks);
  const [name] = eventFiles(run.dir);
  return decodeEventFile(readFileSync(join(run.dir, name)));
}
const taggedIn =
  (shown: Shown[]) =>
  (tag: string): Shown[] =>
    shown.filter((value) => value.tag === tag);

test('the checksum is CRC-32C', () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  fc.assert(fc.property(fc.uint8Array(), (bytes) => crc32c(bytes) === slowCrc32c(bytes)));
});

test('a record is length, masked checksum, data, masked checksum', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 4 }), (parts) => {
      const file = Buffer.concat(parts.map(record));
      assert.deepEqual(
        recordsOf(file).map((data) => [...data]),
        parts.map((data) => [...data]),
      );
    }),
  );
  // The checksum of nothing is 0, which leaves the mask itself: a282ead8.
  assert.equal(Buffer.from(record(new Uint8Array())).toString('hex'), '000000000000000029039807d8ea82a2');
});

test('a whole run can be decoded: format, session, curves', async (t) => {
  const before = Date.now() / 1000;
  const { version, sessions, shown } = await decoded(temporaryFolder(t), wholeRun);
  const tagged = taggedIn(shown);
  assert.equal(version, 'brain.Event:2');
  assert.deepEqual(sessions, [1]);
  const points = (tag: string): [number, number | undefined][] => tagged(tag).map(({ step, scalar }) => [step, scalar]);
  assert.deepEqual(points('step/loss'), [
    [1, 2],
    [2, 1],
    [3, Math.fround(2 / 3)],
    [4, 0.5],
  ]);
  assert.deepEqual(points('validation/accuracy'), [
    [2, 0.5],
    [4, Math.fround(0.6)],
  ]);
  assert.deepEqual(points('sparsity/closed'), [
    [2, 3],
    [4, 3],
  ]);
  for (const tag of ['crossEntropy', 'penalty', 'accuracy', 'imagesPerSecond', 'learningRate']) {
    assert.equal(points(`step/${tag}`).length, 4, tag);
  }
  for (const tag of ['train/loss', 'train/accuracy', 'validation/loss', 'epoch/seconds', 'sparsity/channels']) {
    assert.equal(points(tag).length, 2, tag);
  }
  for (const { wallTime } of shown) assert.ok(wallTime >= before && wallTime <= Date.now() / 1000);
});

test('gates are shown as histograms', async (t) => {
  const { shown } = await decoded(temporaryFolder(t), wholeRun);
  const histograms = taggedIn(shown)('gates/conv');
  assert.deepEqual(
    histograms.map(({ step }) => step),
    [2, 4],
  );
  const { limits, counts, ...numbers } = histograms[0].histogram!;
  assert.deepEqual(numbers, { min: 0, max: 1, num: 4, sum: 1.5, sumSquares: 1.25 });
  assert.equal(limits.length, counts.length);
  assert.ok(limits.every((limit, i) => i === 0 || limit > limits[i - 1]));
  assert.equal(
    counts.reduce((a, b) => a + b),
    4,
  );
  assert.equal(counts[0], 2);
  assert.equal(counts.at(-1), 1);
  const middle = counts.findIndex((count, i) => count > 0 && i > 0);
  assert.ok(limits[middle - 1] <= 0.5 && limits[middle] >= 0.5);
});

test('settings are shown as text, and for comparing runs', async (t) => {
  const { shown } = await decoded(temporaryFolder(t), wholeRun);
  const tagged = taggedIn(shown);
  const [text] = tagged('settings');
  assert.equal(text.plugin, 'text');
  assert.deepEqual(JSON.parse(text.text!.replaceAll(/^```json|```$/g, '')), settings);
  const [session] = tagged('_hparams_/session_start_info');
  assert.equal(session.plugin, 'hparams');
  assert.deepEqual(decodeHparams(session.pluginContent!), {
    lambda_l0: 0.5,
    gates: true,
    milestones: '[10,60]',
    'data.name': 'synthetic',
    off: false,
  });
});

test('the outcome of a run is success or failure, and a stopped run has none yet', async (t) => {
  for (const [reason, status] of [
    ['finished', 1],
    ['diverged', 2],
    ['aborted', undefined],
  ] as const) {
    const { shown } = await decoded(temporaryFolder(t), [start(), step(1), end(1, reason)]);
    const [session] = taggedIn(shown)('_hparams_/session_end_info');
    const content = session?.pluginContent;
    // HParamsPluginData.session_end_info (4), then status (1).
    assert.deepEqual(content && [content[0] >> 3, content[2] >> 3, content[3]], status && [4, 1, status], reason);
  }
});

test('a resumed run starts its session after the checkpoint, in its own file', async (t) => {
  const first = await begun(temporaryFolder(t), settings);
  await logAll(first, [start(), step(1), step(2)]);
  const second = await reopenRun(first.dir);
  await second.begin({ settings });
  await logAll(second, [start(1), step(2)]);
  const files = eventFiles(first.dir).map((name) => decodeEventFile(readFileSync(join(first.dir, name))));
  assert.deepEqual(
    files.map(({ sessions }) => sessions),
    [[1], [2]],
  );
  const losses = files.map(({ shown }) => taggedIn(shown)('step/loss').map(({ step }) => step));
  assert.deepEqual(losses, [[1, 2], [2]]);
});

test('the results of a finished run are available to the table of settings, number by number', async (t) => {
  const run = await begun(temporaryFolder(t), settings);
  await run.log(end(4));
  await run.logMetrics({ 'test.accuracy': 0.75, 'sparsity.complete': 0.5 }, 4);
  await run.close();
  const { shown } = decodeEventFile(readFileSync(join(run.dir, eventFiles(run.dir)[0])));
  for (const [tag, value] of [
    ['test.accuracy', 0.75],
    ['sparsity.complete', 0.5],
  ] as const) {
    assert.deepEqual(
      taggedIn(shown)(tag).map(({ step, scalar }) => [step, scalar]),
      [[4, value]],
      tag,
    );
  }
});

const anyNumber = fc.oneof(fc.double(), fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 1e300));
const anyText = fc.string({ unit: 'binary', maxLength: 12 });
const scores = fc.record({ loss: anyNumber, crossEntropy: anyNumber, penalty: anyNumber, accuracy: anyNumber });
const anyStep = fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 });
const anyEvent: fc.Arbitrary<TrainingEvent> = fc.oneof(
  fc.record({ startStep: anyStep }).map(({ startStep }) => start(startStep)),
  fc
    .tuple(anyStep, scores, anyNumber)
    .map(([at, values, learningRate]) => ({ ...step(1), step: at, ...values, learningRate })),
  fc
    .record({ step: anyStep, train: scores, sparsity: fc.dictionary(anyText, anyNumber), seconds: anyNumber })
    .map((epoch) => ({ type: 'epoch' as const, epoch: 0, learningRate: 1, ...epoch })),
  fc.constantFrom(end(3), end(3, 'diverged'), end(3, 'aborted'), { type: 'warning' as const, message: 'x' }),
);
const anyGates = fc
  .array(fc.tuple(anyText, fc.array(anyNumber, { maxLength: 5 })), { maxLength: 3 })
  .map((layers) => new Map(layers.map(([layer, masks]) => [layer, Float32Array.from(masks)])));
const anySettings = fc.anything({ withNullPrototype: true, key: anyText, values: [anyText, anyNumber, fc.boolean()] });

test('whatever the settings and events are, the file can be decoded, and has their numbers', () => {
  fc.assert(
    fc.property(anySettings, fc.array(anyEvent, { maxLength: 4 }), anyGates, (settings, events, gates) => {
      const records = events.map((event) => fileRecords(event, 1e12, gates));
      const { version, sessions, shown } = decodeEventFile(Buffer.concat([fileHead(settings, 1e12), ...records]));
      assert.equal(version, 'brain.Event:2');
      assert.equal(sessions.length, events.filter(({ type }) => type === 'start').length);
      const told = shown.flatMap(({ tag, scalar }) => (/^(step|train)\/(loss|penalty)$/.test(tag) ? [scalar] : []));
      const given = events.flatMap((event) =>
        event.type === 'step'
          ? [event.loss, event.penalty]
          : event.type === 'epoch'
            ? [event.train.loss, event.train.penalty]
            : [],
      );
      assert.deepEqual(told, given.map(Math.fround));
      const histograms = shown.filter(({ histogram }) => histogram).length;
      assert.equal(histograms, gates.size * events.filter(({ type }) => type === 'epoch').length);
    }),
    { numRuns: fuzzRuns(500) },
  );
});
