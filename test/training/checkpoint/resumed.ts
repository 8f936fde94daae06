// Trainings with every method and optimizer, and what must hold when they are stopped and resumed.
import assert from 'node:assert/strict';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { Random } from 'sparsebook/backend/random.js';
import { combineSparsifiers } from 'sparsebook/sparsity/combineSparsifiers.js';
import { freezeSparsifier } from 'sparsebook/sparsity/freeze.js';
import { istaSparsifier } from 'sparsebook/sparsity/ista.js';
import { iterative, polynomial } from 'sparsebook/sparsity/schedules.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import type { SparsityTarget } from 'sparsebook/sparsity/lambdaController.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { reprSparsifier } from 'sparsebook/sparsity/repr.js';
import { Adam, AdamW } from 'sparsebook/training/adam.js';
import { checkpointed } from 'sparsebook/training/checkpoint/checkpointed.js';
import { Cutting } from 'sparsebook/training/cutting.js';
import { crossEntropy } from 'sparsebook/training/loss.js';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';
import { multiStep, oneCycle } from 'sparsebook/training/schedules.js';
import { resumeFrom } from 'sparsebook/training/checkpoint/trainedState.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train, type TrainingOptions } from 'sparsebook/training/train.js';
import { WeightAverages } from 'sparsebook/training/weightAverages.js';
import type { TrainingEvent } from 'sparsebook/training/events.js';
import { colours, smallNet, weightsOf } from '../small.ts';

await useBackend({ backend: 'simd', threads: 1 });
export const data = { train: colours(72, 1), validation: colours(24, 2) };
export const epochs = 5;
export const steps = 5 * epochs;

export type Setup = Omit<TrainingOptions, 'optimizer'> & Required<Pick<TrainingOptions, 'optimizer'>>;
export const shared = { data, epochs, batchSize: 16, seed: 11 };
export const noise: NonNullable<TrainingOptions['augment']> = [
  (image, random) => image.forEach((_, i) => (image[i] += 20 * random.next())),
];

function closedShare(masks: ReadonlyMap<string, Float32Array>): number {
  const all = [...masks.values()].flatMap((mask) => [...mask]);
  return all.filter((value) => value === 0).length / all.length;
}

/** Each call gives a fresh model, optimizer and method, as a new process would build them. */
export const setups: Record<string, () => Setup> = {
  'AdamW, L0 gates with their own rate, augmentation, milestones': () => {
    const model = smallNet();
    return {
      ...shared,
      model,
      sparsifier: l0Sparsifier(model, { lambda_l0: 1, lr_gates: 0.1, clampLogAlpha: true }),
      optimizer: new AdamW({ lr: 0.02 }),
      schedule: multiStep({ milestones: [1, 3] }),
      augment: noise,
    };
  },
  'SGD with momentum, no gates, one cycle': () => ({
    ...shared,
    model: smallNet({ gates: false }),
    optimizer: new Sgd({ lr: 0.05, momentum: 0.9, weight_decay: 1e-3 }),
    schedule: oneCycle(),
    augment: noise,
  }),
  'Adam, smoothed labels, averages of the weights': () => {
    const model = smallNet();
    return {
      ...shared,
      model,
      optimizer: new Adam({ lr: 0.01 }),
      loss: crossEntropy({ label_smoothing: 0.1 }),
      averages: new WeightAverages(model, { decay: 0.7 }),
      augment: noise,
    };
  },
  'SGD, ISTA': () => {
    const model = smallNet({ gates: false });
    const sparsifier = istaSparsifier(model, { l1_penalty: 5 });
    return { ...shared, model, sparsifier, optimizer: new Sgd({ lr: 0.1 }), augment: noise };
  },
  'SGD with momentum, RePr in its second cycle': () => {
    const model = smallNet({ gates: false });
    const sparsifier = reprSparsifier(model, { S1: 1, S2: 1, prune_ratio: 0.5 });
    return { ...shared, model, sparsifier, optimizer: new Sgd({ lr: 0.05, momentum: 0.9 }) };
  },
  'AdamW, L0 gates on the way to a target that is measured after each epoch': () => {
    const model = smallNet();
    const target: SparsityTarget = {
      sparsity: 0.5,
      sparsityOf: (masks, correction = 1) => correction * closedShare(masks),
      correctionFor: (masks) => Promise.resolve(0.9 - 0.5 * closedShare(masks)),
    };
    const sparsifier = l0Sparsifier(model, { target, lr_gates: 0.6 });
    return { ...shared, model, sparsifier, optimizer: new AdamW({ lr: 0.02 }), augment: noise };
  },
  'AdamW, gates that close and are cut out, averages': () => {
    const model = smallNet();
    const sparsifier = l0Sparsifier(model, { lambda_l0: 2, lr_gates: 0.8 });
    const averages = new WeightAverages(model, { decay: 0.7 });
    const cutting = new Cutting({ probability: 0.3 });
    return { ...shared, model, sparsifier, averages, cutting, optimizer: new AdamW({ lr: 0.02 }) };
  },
  'Adam, weights pruned three times, then let go with their old values': () => {
    const model = smallNet({ gates: false });
    const plan = iterative(0.3, { times: 3 });
    const sparsifier = magnitudeSparsifier(model, { plan, unfreezeBefore: 4, restore: true });
    return { ...shared, model, sparsifier, optimizer: new Adam({ lr: 0.01 }) };
  },
  'SGD with momentum, channels pruned step by step and then cut out, the first kernel frozen, averages': () => {
    const model = smallNet({ gates: false });
    const sparsifier = combineSparsifiers(
      magnitudeSparsifier(model, { plan: polynomial(0.5, { end: 3 }), unit: 'channels' }),
      freezeSparsifier(model, { first: 1 }),
    );
    const averages = new WeightAverages(model, { decay: 0.7 });
    const optimizer = new Sgd({ lr: 0.05, momentum: 0.9, weight_decay: 1e-3 });
    return { ...shared, model, sparsifier, averages, optimizer, cutting: new Cutting() };
  },
  'Adam, gates that no penalty closes': () => ({ ...shared, model: smallNet(), optimizer: new Adam({ lr: 0.01 }) }),
};

/** The values that must not depend on stops: the losses of all steps and the validation scores of all epochs. */
function traceOf(events: TrainingEvent[]): unknown[] {
  return events.flatMap((event): unknown[] => {
    if (event.type === 'step') return [[event.step, event.epoch, event.loss, event.accuracy, event.learningRate]];
    return event.type === 'epoch' ? [[event.epoch, event.validation, event.sparsity]] : [];
  });
}

/** Trains until the given step, saves when stopped, and frees everything. */
export async function leg(setup: Setup, dir: string, startStep: number, stop: number): Promise<TrainingEvent[]> {
  const abort = new AbortController();
  const events: TrainingEvent[] = [];
  const run = train({ ...setup, startStep, signal: abort.signal });
  for await (const event of checkpointed(run, { ...setup, dir, everyEpochs: 1000 })) {
    events.push(event);
    if (event.type === 'step' && event.step === stop) abort.abort();
  }
  setup.model.dispose();
  setup.optimizer.dispose();
  setup.averages?.dispose();
  return events;
}

/**
 * Trains once without a stop, and once with a stop at each of `count` random steps, each time saved in `dir` and
 * resumed with a newly built network, optimizer and method: losses, scores, weights and states must be the same to the
 * last bit.
 */
export async function resumesExactly(build: () => Setup, dir: string, seed: number, count: number): Promise<void> {
  const whole = build();
  const wholeEvents: TrainingEvent[] = [];
  for await (const event of train(whole)) wholeEvents.push(event);

  const random = new Random(seed);
  const stops = [...random.permutation(steps - 1).slice(0, count)].map((step) => step + 1).sort((a, b) => a - b);
  const events: TrainingEvent[] = [];
  let startStep = 0;
  for (const stop of stops) {
    const setup = build();
    if (startStep > 0) {
      const checkpoint = await loadCheckpoint(`${dir}/last`);
      assert.equal(resumeFrom(checkpoint, setup), startStep);
    }
    events.push(...(await leg(setup, dir, startStep, stop)));
    assert.equal((events.at(-1) as { reason: string }).reason, 'aborted');
    startStep = stop;
  }
  const last = build();
  resumeFrom(await loadCheckpoint(`${dir}/last`), last);
  for await (const event of train({ ...last, startStep })) events.push(event);

  assert.equal(stops.length, count);
  assert.deepEqual(traceOf(events), traceOf(wholeEvents));
  assert.deepEqual(weightsOf(last.model), weightsOf(whole.model));
  assert.deepEqual(last.optimizer.state(), whole.optimizer.state());
  assert.deepEqual(last.sparsifier?.state(), whole.sparsifier?.state());
  assert.deepEqual(await last.averages?.state(), await whole.averages?.state());
}
