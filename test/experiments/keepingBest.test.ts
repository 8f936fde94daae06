import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { experimentRun } from 'sparsebook/experiments/experimentRun.js';
import { keepingBest } from 'sparsebook/experiments';
import { bestEpoch, Sgd, type TrainingEvent } from 'sparsebook/training';
import { colours, smallNet, weightsOf } from '../training/small.ts';

await useBackend({ backend: 'cpu' });
const [train, validation] = [colours(48, 1), colours(40, 2)];
const data = { name: 'colours', train, validation, test: validation, splitHash: '' };

/** A run with a rate so large that its accuracy goes up and down. */
function unsteady(ema_decay: number | null = null): ReturnType<typeof experimentRun<object>> {
  const training = { epochs: 6, batchSize: 16 };
  return experimentRun({
    settings: {},
    data,
    model: smallNet({ gates: false }),
    optimizer: new Sgd({ lr: 0.8 }),
    ema_decay,
    training,
  });
}

/** The weights after every epoch of the same run, and its events. */
async function allEpochs(): Promise<{ weights: Record<string, Float32Array>[]; events: TrainingEvent[] }> {
  const run = unsteady();
  const [weights, events]: [Record<string, Float32Array>[], TrainingEvent[]] = [[], []];
  for await (const event of run.events()) {
    events.push(event);
    if (event.type === 'epoch') weights.push(weightsOf(run.model));
  }
  run.dispose();
  return { weights, events };
}
const { weights, events } = await allEpochs();

for (const from of [0, 3]) {
  test(`a finished run has the weights of its best epoch from ${from} on, and says which`, async () => {
    const best = bestEpoch(events, { from })!;
    const accuracies = events.flatMap((event) => (event.type === 'epoch' ? [event.validation!.accuracy] : []));
    assert.equal(best.epoch, accuracies.indexOf(Math.max(...accuracies.slice(from)), from));
    const before = tf.memory().numTensors;
    const run = unsteady();
    let last: TrainingEvent | undefined;
    for await (const event of keepingBest(run, { from })) last = event;
    assert.deepEqual(weightsOf(run.model), weights[best.epoch]);
    assert.match(
      (last as { message: string }).message,
      new RegExp(`; the weights are those after epoch ${best.epoch + 1},`),
    );
    run.dispose();
    assert.equal(tf.memory().numTensors, before);
  });
}

test('the best epoch is not the last one here, so that the tests above say something', () => {
  assert.ok(bestEpoch(events)!.epoch < 5);
  assert.equal(bestEpoch(events.filter(({ type }) => type === 'step')), undefined);
});

test('an interrupted run keeps its weights and goes on', async () => {
  const run = unsteady();
  const stop = new AbortController();
  for await (const event of keepingBest(run, { signal: stop.signal })) if (event.type === 'epoch') stop.abort();
  assert.deepEqual(weightsOf(run.model), weights[0]);
  for await (const _ of run.events()) void _;
  assert.deepEqual(weightsOf(run.model), weights[5]);
  run.dispose();
});

test('a run with averages is refused: they belong to its last step', async () => {
  const run = unsteady(0.9);
  await assert.rejects(keepingBest(run).next(), /keepingBest is for runs without averages/);
  run.dispose();
});
