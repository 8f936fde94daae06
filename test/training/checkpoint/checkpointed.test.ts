import assert from 'node:assert/strict';
import * as nodeFiles from 'node:fs/promises';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { AdamW } from 'sparsebook/training/adam.js';
import { checkpointed, type CheckpointOptions } from 'sparsebook/training/checkpoint/checkpointed.js';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train, type TrainingOptions } from 'sparsebook/training/train.js';
import type { CheckpointEvent, TrainingEvent } from 'sparsebook/training/events.js';
import type { FileSystem } from 'sparsebook/platform/fileSystem.js';
import { colours, smallNet } from '../small.ts';
import { temporaryFolder } from './sample.ts';

await useBackend({ backend: 'simd', threads: 1 });
const data = { train: colours(40, 1), validation: colours(20, 2) };

async function run(
  dir: string,
  saving: Partial<CheckpointOptions> = {},
  training: Partial<TrainingOptions> = {},
  onEvent?: (event: TrainingEvent) => void,
): Promise<TrainingEvent[]> {
  const model = smallNet();
  const parts = { model, optimizer: new AdamW({ lr: 0.02 }), sparsifier: l0Sparsifier(model, { lambda_l0: 1 }) };
  const events: TrainingEvent[] = [];
  const options = { ...parts, data, epochs: 3, batchSize: 16, ...training };
  for await (const event of checkpointed(train(options), { ...parts, ...options, dir, ...saving })) {
    events.push(event);
    onEvent?.(event);
  }
  return events;
}
const typesOf = (events: TrainingEvent[]): string[] => events.map(({ type }) => type);
const saves = (events: TrainingEvent[]): CheckpointEvent[] => events.filter((event) => event.type === 'checkpoint');

/** Replaces the validation accuracy of each epoch. */
async function* scored(events: AsyncIterable<TrainingEvent>, accuracies: number[]): AsyncGenerator<TrainingEvent> {
  for await (const event of events) {
    yield event.type === 'epoch' ? { ...event, validation: { loss: 1, accuracy: accuracies[event.epoch] } } : event;
  }
}

test('each epoch is saved after its event, and the end needs no additional save', async (t) => {
  const dir = temporaryFolder(t);
  const settings = { lambda_l0: 1 };
  const events = await run(dir, { settings });
  const epoch = ['step', 'step', 'step', 'epoch', 'checkpoint'];
  assert.deepEqual(typesOf(events), ['start', ...epoch, ...epoch, ...epoch, 'end']);
  const [first] = saves(events);
  assert.deepEqual(
    { ...first, seconds: 0 },
    {
      type: 'checkpoint',
      step: 3,
      epoch: 1,
      name: 'step-000003',
      path: join(dir, 'step-000003'),
      best: true,
      seconds: 0,
    },
  );
  const last = await loadCheckpoint(join(dir, 'last'));
  assert.deepEqual([last.step, last.epoch, last.settings], [9, 3, settings]);
  const epochs = events.filter((event) => event.type === 'epoch');
  assert.deepEqual(last.validation, epochs.at(-1)!.validation);
});

test('steps are saved if requested, and the end of a run always', async (t) => {
  const dir = temporaryFolder(t);
  const events = await run(dir, { everySteps: 4, everyEpochs: 100 }, { data: { train: data.train } });
  assert.deepEqual(
    saves(events).map(({ step, epoch }) => [step, epoch]),
    [
      [4, 1],
      [8, 2],
      [9, 3],
    ],
  );
  assert.deepEqual(typesOf(events).slice(-2), ['checkpoint', 'end']);
});

test('the best epoch is saved and kept, whatever comes later', async (t) => {
  const dir = temporaryFolder(t);
  const model = smallNet({ gates: false });
  const parts = { model, optimizer: new Sgd() };
  const events: TrainingEvent[] = [];
  const training = scored(train({ ...parts, data, epochs: 6, batchSize: 40 }), [0.1, 0.7, 0.3, 0.7, 0.2, 0.1]);
  for await (const event of checkpointed(training, { ...parts, dir, everyEpochs: 3, keep: 1 })) events.push(event);
  assert.deepEqual(
    saves(events).map(({ step, best }) => [step, best]),
    [
      [1, true],
      [2, true],
      [3, false],
      [6, false],
    ],
  );
  assert.deepEqual(readdirSync(dir).sort(), ['step-000002', 'step-000006']);
  assert.equal((await loadCheckpoint(join(dir, 'best'))).step, 2);
});

test('a run that resumes from an earlier checkpoint ignores the best one among the steps it repeats', async (t) => {
  const dir = temporaryFolder(t);
  const bests = async (startStep: number, epochs: number, accuracies: number[]): Promise<number[]> => {
    const model = smallNet({ gates: false });
    const parts = { model, optimizer: new Sgd() };
    const training = scored(train({ ...parts, data, epochs, batchSize: 40, startStep }), accuracies);
    const saved = [];
    for await (const event of checkpointed(training, { ...parts, dir, keep: 9 })) saved.push(event);
    return saves(saved).flatMap(({ step, best }) => (best ? [step] : []));
  };
  assert.deepEqual(await bests(0, 4, [0.3, 0.2, 0.8, 0.9]), [1, 3, 4]);
  assert.deepEqual(await bests(2, 3, [0, 0, 0.5]), [3], 'better than all before it');
  assert.equal((await loadCheckpoint(join(dir, 'best'))).step, 3, 'and not the one that was left behind at step 4');
  assert.equal((await loadCheckpoint(join(dir, 'last'))).step, 3);
});

test('with a sparsity method the best is one of the last fifth, and an early one only until then', async (t) => {
  const early = [0.9, 0.8, 0.7, 0.95, 0.6, 0.5, 0.4, 0.3];
  const bestAfter = async (
    dir: string,
    accuracies: number[],
    options: Partial<CheckpointOptions> = {},
  ): Promise<string[]> => {
    const model = smallNet();
    const parts = { model, optimizer: new AdamW(), sparsifier: l0Sparsifier(model, { lambda_l0: 1 }) };
    const training = scored(train({ ...parts, data, epochs: 10, batchSize: 40 }), accuracies);
    const best: string[] = [];
    for await (const event of checkpointed(training, { ...parts, dir, keep: 1, ...options })) {
      if (event.type === 'checkpoint' && event.best) best.push(event.name);
      if (event.type === 'epoch' && event.epoch === accuracies.length) break;
    }
    const { path } = await loadCheckpoint(join(dir, 'best'));
    assert.equal(path, join(dir, best.at(-1)!));
    return best;
  };
  const root = temporaryFolder(t);
  assert.deepEqual(await bestAfter(join(root, 'stopped'), early), ['step-000001', 'step-000004']);
  const all = [...early, 0.2, 0.1];
  assert.deepEqual(await bestAfter(join(root, 'whole'), all), ['step-000001', 'step-000004', 'step-000009']);
  assert.deepEqual(readdirSync(join(root, 'whole')).sort(), ['step-000009', 'step-000010']);
  assert.deepEqual(await bestAfter(join(root, 'all'), all, { bestFrom: 0 }), ['step-000001', 'step-000004']);
  assert.deepEqual(await bestAfter(join(root, 'given'), all, { bestFrom: 5 }), [
    'step-000001',
    'step-000004',
    'step-000006',
  ]);
});

test('an abort saves the step at which it stopped', async (t) => {
  const dir = temporaryFolder(t);
  const abort = new AbortController();
  const events = await run(dir, {}, { signal: abort.signal }, (event) => {
    if (event.type === 'step' && event.step === 5) abort.abort();
  });
  assert.deepEqual(typesOf(events).slice(-2), ['checkpoint', 'end']);
  assert.deepEqual((await loadCheckpoint(join(dir, 'last'))).step, 5);
});

test('a run that diverges keeps its last good checkpoint', async (t) => {
  const dir = temporaryFolder(t);
  let rate = 1;
  const events = await run(dir, { everySteps: 1 }, { schedule: ({ step }) => (step < 4 ? rate : (rate = Infinity)) });
  assert.equal((events.at(-1) as { reason: string }).reason, 'diverged');
  const warning = events.find((event) => event.type === 'warning');
  assert.match(warning!.message, /No checkpoint is saved at step 5: the weight \S+ has values that are not finite/);
  const last = await loadCheckpoint(join(dir, 'last'));
  assert.equal(last.step, 4);
  for (const [name, { values }] of last.weights) assert.ok(values.every(Number.isFinite), name);
});

test('a run that makes no step saves nothing', async (t) => {
  const dir = temporaryFolder(t);
  assert.deepEqual(typesOf(await run(dir, {}, { epochs: 0 })), ['start', 'end']);
  assert.deepEqual(readdirSync(dir), []);
});

test('a full disk is a warning during training, and an error at the end if it stays full', async (t) => {
  const dir = temporaryFolder(t);
  const full = (until: number): { files: FileSystem } => {
    let calls = 0;
    const mkdir = (...args: Parameters<typeof nodeFiles.mkdir>): Promise<string | undefined> => {
      if (String(args[0]).endsWith('.new') && ++calls <= until)
        return Promise.reject(new Error('ENOSPC: no space left'));
      return nodeFiles.mkdir(...args);
    };
    return { files: { ...nodeFiles, mkdir } as FileSystem };
  };
  const warningsOf = (events: TrainingEvent[]): string[] =>
    events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  const recovered = await run(join(dir, 'a'), full(2));
  assert.deepEqual(
    saves(recovered).map(({ step }) => step),
    [9],
  );
  assert.equal(warningsOf(recovered).length, 2);
  assert.match(warningsOf(recovered)[0], /step-000003 cannot be saved: ENOSPC/);

  const seen: TrainingEvent[] = [];
  await assert.rejects(
    run(join(dir, 'b'), full(Infinity), {}, (event) => seen.push(event)),
    { name: 'UserError', message: /step-000009 cannot be saved: ENOSPC: no space left/ },
  );
  assert.equal(seen.at(-1)!.type, 'end');
  assert.equal(warningsOf(seen).length, 4);
});

test('files left behind by a killed run are deleted at the start', async (t) => {
  const dir = temporaryFolder(t);
  mkdirSync(join(dir, '.step-000003.4194305-0123abcd.new'));
  writeFileSync(join(dir, '.step-000003.4194305-0123abcd.new', 'weights.safetensors'), 'half');
  await run(dir, {}, { epochs: 1 });
  assert.deepEqual(readdirSync(dir), ['step-000003']);
});

test('invalid options are refused', async (t) => {
  const dir = temporaryFolder(t);
  for (const [name, value] of [
    ['everySteps', 0],
    ['everyEpochs', 1.5],
    ['keep', -1],
  ] as const) {
    await assert.rejects(run(dir, { [name]: value }), {
      name: 'UserError',
      message: `${name} must be a whole number of at least 1; received ${value}.`,
    });
  }
});
