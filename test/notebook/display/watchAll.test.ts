import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { useBackend } from 'sparsebook/backend';
import { experimentRun } from 'sparsebook/experiments/experimentRun.js';
import { watchAll } from 'sparsebook/notebook/display';
import { Sgd, type TrainingEvent } from 'sparsebook/training';
import { colours, smallNet } from '../../training/small.ts';

await useBackend({ backend: 'cpu' });
const [train, validation] = [colours(32, 1), colours(16, 2)];
const data = { name: 'colours', train, validation, test: validation, splitHash: '' };
const newRun = (): ReturnType<typeof experimentRun<object>> =>
  experimentRun({
    settings: {},
    data,
    model: smallNet({ gates: false }),
    optimizer: new Sgd({ lr: 0.1 }),
    training: { epochs: 2, batchSize: 16 },
  });
const stepsOf = ({ history }: { history: readonly TrainingEvent[] }): number[] =>
  history.flatMap((event) => (event.type === 'step' ? [event.step] : []));

test('runs are trained in turn, and one that is finished is left alone', async () => {
  const log = mock.method(console, 'log', () => undefined);
  const runs = { first: newRun(), second: newRun() };
  await watchAll(runs, { signal: new AbortController().signal });
  await watchAll(runs, { signal: new AbortController().signal });
  const [lines] = log.mock.calls.map(({ arguments: [text] }) => String(text).split('\n'));
  log.mock.restore();
  assert.equal(lines.length, 2);
  assert.match(lines[0], /^first: trained 4 steps; the weights are those after epoch [12], the best$/);
  for (const run of Object.values(runs)) {
    assert.deepEqual(stepsOf(run), [1, 2, 3, 4]);
    run.dispose();
  }
});

test('an interrupt ends the run that trains and those behind it; called again, they go on', async () => {
  const log = mock.method(console, 'log', () => undefined);
  const [first, second] = [newRun(), newRun()];
  const stop = new AbortController();
  const stopping = {
    ...first,
    async *events(signal?: AbortSignal) {
      for await (const event of first.events(signal)) {
        if (event.type === 'step') stop.abort();
        yield event;
      }
    },
  };
  await watchAll({ stopping, second }, { signal: stop.signal });
  assert.deepEqual([stepsOf(first), stepsOf(second)], [[1], []]);
  await watchAll({ first, second }, { signal: new AbortController().signal });
  log.mock.restore();
  assert.deepEqual(
    [stepsOf(first), stepsOf(second)],
    [
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ],
  );
  for (const run of [first, second]) run.dispose();
});
