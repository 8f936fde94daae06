import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { experiment } from 'sparsebook/experiments/experiment.js';
import type { Run } from 'sparsebook/experiments/run/run.js';
import { watchAll } from 'sparsebook/notebook/display/watch.js';
import { colours, smallNet } from '../../training/small.ts';

await useBackend({ backend: 'cpu' });
const root = mkdtempSync(join(tmpdir(), 'sparsebook-watch-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
const [train, validation] = [colours(32, 1), colours(16, 2)];
const data = { name: 'colours', train, validation, test: validation, splitHash: '' };
const recipe = { optimizer: 'sgd', lr: 0.1, epochs: 2, batch_size: 16, select: 'best' } as const;
const network = smallNet({ gates: false });
const runNamed = (name: string, seed: number): Run => experiment({ network, data, recipe, name, seed, root });
const stepsOf = ({ history }: Run): number[] => history.flatMap((event) => (event.type === 'step' ? [event.step] : []));

test('runs are trained in turn, a finished run is left alone, and a run that was finished before is loaded', async (t) => {
  const log = t.mock.method(console, 'log', () => undefined);
  const runs = [runNamed('first', 1), runNamed('second', 2)];
  await watchAll(runs, { signal: new AbortController().signal });
  await watchAll(runs, { signal: new AbortController().signal });
  await watchAll([runNamed('again', 1)], { signal: new AbortController().signal });
  const [trained, nothing, loaded] = log.mock.calls.map(({ arguments: [text] }) => String(text).split('\n'));
  assert.equal(trained.length, 2);
  assert.match(trained[0], /^first: trained 4 steps$/);
  assert.deepEqual(nothing, ['']);
  assert.match(loaded[0], /^again: trained 4 steps \(loaded: trained on \d{4}-/);
  for (const run of runs) assert.deepEqual(stepsOf(run), [1, 2, 3, 4]);
});

test('an interrupt ends the training run and those after it; when called again, they go on', async (t) => {
  t.mock.method(console, 'log', () => undefined);
  const [first, second] = [runNamed('first', 3), runNamed('second', 4)];
  const stop = new AbortController();
  const events = first.events.bind(first);
  const stopping = mock.method(first, 'events', async function* (signal?: AbortSignal) {
    for await (const event of events(signal)) {
      if (event.type === 'step') stop.abort();
      yield event;
    }
  });
  await watchAll([first, second], { signal: stop.signal });
  assert.deepEqual([stepsOf(first), stepsOf(second)], [[1], []]);
  stopping.mock.restore();
  await watchAll([first, second], { signal: new AbortController().signal });
  for (const run of [first, second]) assert.deepEqual(stepsOf(run), [1, 2, 3, 4]);
});
