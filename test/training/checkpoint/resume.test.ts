import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { Random } from 'sparsebook/backend/random.js';
import type { L0Gate } from 'sparsebook/layers';
import {
  combineSparsifiers,
  freezeSparsifier,
  istaSparsifier,
  iterative,
  l0Sparsifier,
  magnitudeSparsifier,
  polynomial,
  reprSparsifier,
} from 'sparsebook/sparsity';
import {
  Adam,
  AdamW,
  checkpointed,
  crossEntropy,
  loadCheckpoint,
  multiStep,
  oneCycle,
  restoreWeights,
  resumeFrom,
  Sgd,
  takeState,
  train,
  WeightAverages,
  type Checkpoint,
  type TrainingEvent,
  type TrainingOptions,
} from 'sparsebook/training';
import { colours, smallNet, weightsOf } from '../small.ts';
import { temporaryFolder } from './sample.ts';

await useBackend({ backend: 'simd', threads: 1 });
const data = { train: colours(72, 1), validation: colours(24, 2) };
const epochs = 5;
const steps = 5 * epochs;

type Setup = Omit<TrainingOptions, 'optimizer'> & Required<Pick<TrainingOptions, 'optimizer'>>;
const shared = { data, epochs, batchSize: 16, seed: 11 };
const noise: NonNullable<TrainingOptions['augment']> = [
  (image, random) => image.forEach((_, i) => (image[i] += 20 * random.next())),
];

function closedShare(masks: ReadonlyMap<string, Float32Array>): number {
  const all = [...masks.values()].flatMap((mask) => [...mask]);
  return all.filter((value) => value === 0).length / all.length;
}

/** Each call gives a fresh model, optimizer and method, as a new process would build them. */
const setups: Record<string, () => Setup> = {
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
    schedule: oneCycle({ totalSteps: steps }),
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
  'AdamW, L0 gates on the way to a target sparsity': () => {
    const model = smallNet();
    const target = { sparsity: 0.5, sparsityOf: (masks: ReadonlyMap<string, Float32Array>) => closedShare(masks) };
    const sparsifier = l0Sparsifier(model, { target, lr_gates: 0.6 });
    return { ...shared, model, sparsifier, optimizer: new AdamW({ lr: 0.02 }), augment: noise };
  },
  'Adam, weights pruned three times, then let go with their old values': () => {
    const model = smallNet({ gates: false });
    const plan = iterative(0.3, { times: 3 });
    const sparsifier = magnitudeSparsifier(model, { plan, unfreezeBefore: 4, restore: true });
    return { ...shared, model, sparsifier, optimizer: new Adam({ lr: 0.01 }) };
  },
  'SGD with momentum, channels pruned step by step, the first kernel frozen, averages': () => {
    const model = smallNet({ gates: false });
    const sparsifier = combineSparsifiers(
      magnitudeSparsifier(model, { plan: polynomial(0.5, { end: 3 }), unit: 'channels' }),
      freezeSparsifier(model, { first: 1 }),
    );
    const averages = new WeightAverages(model, { decay: 0.7 });
    const optimizer = new Sgd({ lr: 0.05, momentum: 0.9, weight_decay: 1e-3 });
    return { ...shared, model, sparsifier, averages, optimizer };
  },
  'Adam, gates that no penalty closes': () => ({ ...shared, model: smallNet(), optimizer: new Adam({ lr: 0.01 }) }),
};

/** What must not depend on stops: the losses of all steps and the validation scores of all epochs. */
function traceOf(events: TrainingEvent[]): unknown[] {
  return events.flatMap((event): unknown[] => {
    if (event.type === 'step') return [[event.step, event.epoch, event.loss, event.accuracy, event.learningRate]];
    return event.type === 'epoch' ? [[event.epoch, event.validation, event.sparsity]] : [];
  });
}

/** Trains until the step given, saves as it is stopped, and frees everything. */
async function leg(setup: Setup, dir: string, startStep: number, stop: number): Promise<TrainingEvent[]> {
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

for (const [name, build] of Object.entries(setups)) {
  test(`stopping at 20 random steps and resuming each time gives the same bits: ${name}`, async (t) => {
    const dir = temporaryFolder(t);
    const whole = build();
    const wholeEvents: TrainingEvent[] = [];
    for await (const event of train(whole)) wholeEvents.push(event);

    const random = new Random(name.length);
    const stops = [...random.permutation(steps - 1).slice(0, 20)].map((step) => step + 1).sort((a, b) => a - b);
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

    assert.equal(stops.length, 20);
    // An epoch whose last step was a stop has no scores of its own: nothing but its event is missing.
    const cut = new Set(stops.filter((stop) => stop % 5 === 0).map((stop) => stop / 5 - 1));
    const kept = wholeEvents.filter((event) => event.type !== 'epoch' || !cut.has(event.epoch));
    assert.deepEqual(traceOf(events), traceOf(kept));
    assert.deepEqual(weightsOf(last.model), weightsOf(whole.model));
    assert.deepEqual(last.optimizer.state(), whole.optimizer.state());
    assert.deepEqual(last.sparsifier?.state(), whole.sparsifier?.state());
    assert.deepEqual(last.averages?.state(), whole.averages?.state());
  });
}

test('a run that goes on within an epoch says that its means are of the rest', async () => {
  const { model, optimizer } = setups['Adam, gates that no penalty closes']();
  const warnings = async (startStep: number): Promise<string[]> => {
    const messages: string[] = [];
    for await (const event of train({ ...shared, model, optimizer, startStep, epochs: 2 })) {
      if (event.type === 'warning') messages.push(event.message);
    }
    return messages.filter((message) => message.includes('within an epoch'));
  };
  assert.deepEqual(await warnings(7), ['Going on within an epoch: its means leave out the 2 steps already made.']);
  assert.deepEqual(await warnings(5), []);
});

test('a checkpoint does not fit another network, optimizer or method, and says which tensor', async (t) => {
  const dir = temporaryFolder(t);
  const gated = setups['AdamW, L0 gates with their own rate, augmentation, milestones'];
  await leg(gated(), dir, 0, 2);
  const checkpoint = await loadCheckpoint(`${dir}/last`);
  const plain = smallNet({ gates: false });
  const before = weightsOf(plain);
  const refused = (work: () => unknown, message: RegExp): void =>
    assert.throws(work, { name: 'UserError', message: new RegExp(`step-000002 ${message.source}`) });

  refused(
    () => restoreWeights(checkpoint, plain),
    /is of another network than smallNet: it also has a tensor gate\/logAlpha/,
  );
  assert.deepEqual(weightsOf(plain), before);
  const without = (...names: string[]): Checkpoint => {
    const weights = new Map(checkpoint.weights);
    for (const name of names) weights.delete(name);
    return { ...checkpoint, weights };
  };
  refused(() => restoreWeights(without('first/kernel'), smallNet()), /.*: it has no tensor first\/kernel/);
  refused(() => restoreWeights(without('first/kernel', 'gate/logAlpha'), plain), /.*: it has no tensor first\/kernel/);
  const weights = new Map(checkpoint.weights).set('first/bias', { shape: [2, 2], values: new Float32Array(4) });
  refused(
    () => restoreWeights({ ...checkpoint, weights }, smallNet()),
    /.*: its tensor first\/bias has the shape \[2, 2\], not \[4\]/,
  );
  const { model, sparsifier } = gated();
  refused(
    () => resumeFrom(checkpoint, { model, sparsifier, optimizer: new Adam() }),
    /is of training with AdamW, and cannot go on with Adam/,
  );
  refused(
    () => resumeFrom(checkpoint, { model, optimizer: new AdamW() }),
    /is of training with L0, and cannot go on with none/,
  );
  const averages = new WeightAverages(model);
  refused(
    () => resumeFrom(checkpoint, { model, sparsifier, optimizer: new AdamW(), averages }),
    /does not keep averages of the weights, and this one keeps them/,
  );
  refused(
    () => resumeFrom({ ...checkpoint, averages: {} }, { model, sparsifier, optimizer: new AdamW() }),
    /keeps averages of the weights, and this one does not keep them/,
  );
  refused(
    () => resumeFrom({ ...checkpoint, draws: {} }, { model, sparsifier, optimizer: new AdamW() }),
    /has no draws of gate/,
  );
});

test('a checkpoint does not go on with other images', async () => {
  const build = setups['SGD with momentum, no gates, one cycle'];
  const images = { name: 'synthetic', splitHash: 'aa', hash: 'bb' };
  const state = await takeState(build());
  const provenance = { version: '1', node: '20', backend: 'cpu', date: '', data: images };
  const checkpoint: Checkpoint = { ...state, path: '/here', step: 3, epoch: 0, settings: {}, provenance };
  assert.equal(resumeFrom(checkpoint, build(), images), 3);
  assert.equal(resumeFrom({ ...checkpoint, provenance: undefined }, build(), images), 3);
  assert.throws(() => resumeFrom(checkpoint, build(), { ...images, hash: 'cc' }), {
    name: 'UserError',
    message: /\/here is of training on synthetic \(bb, split aa\), and cannot go on with synthetic \(cc, split aa\)/,
  });
});

test('saving and resuming leave no tensor behind', async (t) => {
  const dir = temporaryFolder(t);
  const build = setups['AdamW, L0 gates with their own rate, augmentation, milestones'];
  await leg(build(), dir, 0, 3);
  const checkpoint = await loadCheckpoint(`${dir}/last`);
  const setup = build();
  const before = tf.memory().numTensors;
  resumeFrom(checkpoint, setup);
  assert.equal(tf.memory().numTensors, before);
  const counts = new Set<number>();
  for await (const event of checkpointed(train({ ...setup, startStep: 3 }), { ...setup, dir, everySteps: 1 })) {
    if (event.type === 'checkpoint') counts.add(tf.memory().numTensors);
  }
  assert.equal(counts.size, 1);
  assert.equal((setup.model.getLayer('gate') as L0Gate).draws, steps);
});
