import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import type { Sparsifier } from 'sparsebook/sparsity/sparsifier.js';
import { AdamW } from 'sparsebook/training/adam.js';
import { crossEntropy } from 'sparsebook/training/loss.js';
import { evaluate } from 'sparsebook/training/evaluate.js';
import { multiStep, oneCycle } from 'sparsebook/training/schedules.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train, type TrainingOptions } from 'sparsebook/training/train.js';
import type { EndEvent, EpochEvent, StartEvent, StepEvent, TrainingEvent } from 'sparsebook/training/events.js';
import { colours, smallNet, weightsOf } from './small.ts';

await useBackend({ backend: 'simd', threads: 1 });
const data = { train: colours(72, 1), validation: colours(40, 2) };

async function run(options: Partial<TrainingOptions> & Pick<TrainingOptions, 'model'>): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of train({ data, epochs: 1, batchSize: 16, ...options })) events.push(event);
  return events;
}
const steps = (events: TrainingEvent[]): StepEvent[] => events.filter((event) => event.type === 'step');
const epochs = (events: TrainingEvent[]): EpochEvent[] => events.filter((event) => event.type === 'epoch');
const end = (events: TrainingEvent[]): EndEvent => events.at(-1) as EndEvent;

test('a run learns, and its events come in order', async () => {
  const model = smallNet();
  const sparsifier = l0Sparsifier(model, { lambda_l0: 0.1 });
  const events = await run({ model, sparsifier, epochs: 8, optimizer: new AdamW({ lr: 0.02 }) });
  assert.deepEqual(
    events.slice(0, 8).map(({ type }) => type),
    ['start', 'step', 'step', 'step', 'step', 'step', 'epoch', 'step'],
  );
  assert.equal(events.length, 1 + 8 * 6 + 1);
  const { type, reason, step } = end(events);
  assert.deepEqual([type, reason, step], ['end', 'finished', 40]);
  const last = epochs(events).at(-1)!;
  assert.ok(last.validation!.accuracy > 0.9, `validation accuracy ${last.validation!.accuracy}`);
  assert.ok(last.train.loss < 0.6 * epochs(events)[0].train.loss);
  assert.deepEqual(Object.keys(last.sparsity!), ['channels', 'closed', 'fullyOpen', 'expectedOpen']);
  steps(events).forEach((event, i) => {
    assert.equal(event.step, i + 1);
    assert.equal(event.epoch, Math.floor(i / 5));
    assert.ok(Math.abs(event.loss - event.crossEntropy - event.penalty) < 1e-5);
    assert.ok(event.penalty > 0.05 && event.imagesPerSecond > 0);
  });
  assert.deepEqual(await evaluate(model, data.validation, { batchSize: 16 }), last.validation);
});

test('the start event describes what will be trained', async () => {
  const model = smallNet();
  const [start] = await run({ model, sparsifier: l0Sparsifier(model, { lambda_l0: 1 }), epochs: 0 });
  assert.deepEqual(start, {
    type: 'start',
    model: 'smallNet',
    optimizer: 'AdamW',
    sparsifier: 'L0',
    parameters: 3 * 64 * 4 + 4 + 8 + 4 + 4 * 4 * 4 + 4 + 4 * 3 + 3,
    trainingImages: 72,
    validationImages: 40,
    batchSize: 16,
    epochs: 0,
    stepsPerEpoch: 5,
    startStep: 0,
  });
});

test('the number of tensors stays the same from step to step, and nothing is left at the end', async () => {
  const model = smallNet();
  const sparsifier = l0Sparsifier(model, { lambda_l0: 1, clampLogAlpha: true });
  const before = tf.memory().numTensors;
  const counts: number[] = [];
  for await (const event of train({ model, data, sparsifier, epochs: 3, batchSize: 16 })) {
    if (event.type === 'step' || event.type === 'epoch') counts.push(tf.memory().numTensors);
  }
  assert.equal(new Set(counts).size, 1, `numbers of tensors: ${[...new Set(counts)].join()}`);
  assert.equal(tf.memory().numTensors, before);
});

test('leaving the loop early disposes the memory of the optimizer too', async () => {
  const model = smallNet();
  const before = tf.memory().numTensors;
  for await (const event of train({ model, data, epochs: 1, batchSize: 16 })) if (event.type === 'step') break;
  assert.equal(tf.memory().numTensors, before);
});

test('a run that stops and resumes gives the same bits as one that does not stop', async () => {
  const settings = (model: tf.LayersModel): TrainingOptions & { sparsifier: Sparsifier; optimizer: AdamW } => ({
    model,
    data,
    epochs: 2,
    batchSize: 16,
    sparsifier: l0Sparsifier(model, { lambda_l0: 1, lr_gates: 0.1 }),
    optimizer: new AdamW({ lr: 0.02 }),
    schedule: multiStep({ milestones: [1] }),
    augment: [(image, random) => image.forEach((_, i) => (image[i] += random.next()))],
  });
  const whole = smallNet();
  const wholeEvents = await run(settings(whole));

  const stopped = smallNet();
  const first = settings(stopped);
  const abort = new AbortController();
  for await (const event of train({ ...first, signal: abort.signal })) {
    if (event.type === 'step' && event.step === 7) abort.abort();
  }
  const saved = structuredClone({ optimizer: first.optimizer.state(), sparsifier: first.sparsifier.state() });

  const resumed = smallNet({ seed: 99 });
  resumed.setWeights(stopped.getWeights());
  const second = settings(resumed);
  (resumed.getLayer('gate') as L0Gate & { seed: number }).seed = (whole.getLayer('gate') as L0Gate).seed;
  second.optimizer.restore(saved.optimizer);
  second.sparsifier.restore(saved.sparsifier);
  const resumedEvents = await run({ ...second, startStep: 7 });

  assert.deepEqual(weightsOf(resumed), weightsOf(whole));
  const losses = (events: TrainingEvent[]): number[] => steps(events).map(({ loss }) => loss);
  assert.deepEqual(losses(resumedEvents), losses(wholeEvents).slice(7));
  assert.deepEqual(epochs(resumedEvents).at(-1)?.validation, epochs(wholeEvents).at(-1)?.validation);
});

test('an aborted run ends at once with an end event', async () => {
  const abort = new AbortController();
  const events: TrainingEvent[] = [];
  for await (const event of train({ model: smallNet(), data, epochs: 9, batchSize: 16, signal: abort.signal })) {
    events.push(event);
    if (event.type === 'step' && event.step === 3) abort.abort();
  }
  assert.equal(steps(events).length, 3);
  assert.equal(end(events).reason, 'aborted');
  assert.match(end(events).message, /3 steps/);
});

test('a run that is stopped during validation still reports the scores of its epoch', async () => {
  const abort = new AbortController();
  const events: TrainingEvent[] = [];
  for await (const event of train({ model: smallNet(), data, epochs: 9, batchSize: 16, signal: abort.signal })) {
    events.push(event);
    if (event.type === 'step' && event.step === 5) setImmediate(() => abort.abort());
  }
  assert.deepEqual(
    epochs(events).map(({ step }) => step),
    [5],
  );
  assert.deepEqual([end(events).reason, end(events).step], ['aborted', 5]);
});

test('other work gets its turn at every step', async () => {
  let turns = 0;
  const tick = (): void => {
    turns++;
    if (turns < 1000) setImmediate(tick);
  };
  setImmediate(tick);
  await run({ model: smallNet() });
  assert.ok(turns >= 5 + 3, `${turns} turns in 5 steps and 3 batches of evaluation`);
  turns = 1000;
});

test('a loss that is not finite ends the run before the update and names the first layer at fault', async () => {
  const model = smallNet();
  const kernel = model.getLayer('second').weights[0];
  kernel.write(kernel.read().mul(Infinity));
  const before = weightsOf(model);
  const events = await run({ model });
  assert.equal(end(events).reason, 'diverged');
  assert.match(end(events).message, /NaN at step 1;.* is the weight second\/kernel. Lower the learning rate/);
  assert.equal(steps(events).length, 0);
  assert.deepEqual(weightsOf(model), before, 'running statistics included');
});

test('after a loss that is not finite the running statistics are restored too', async () => {
  const model = smallNet();
  const sparsifier = l0Sparsifier(model, { lambda_l0: 1 });
  const before = weightsOf(model);
  const events = await run({ model, sparsifier: { ...sparsifier, penalty: () => tf.scalar(Infinity) } });
  assert.match(end(events).message, /not finite is cross-entropy \d\S*, penalty Infinity/);
  assert.deepEqual(weightsOf(model), before);
  assert.equal((model.getLayer('gate') as L0Gate).draws, 0, 'and so is the count of what the gates have drawn');
});

test('a learning rate that is far too high is detected', async () => {
  const events = await run({ model: smallNet({ gates: false }), optimizer: new Sgd({ lr: 1e30 }) });
  const { reason, message } = end(events);
  assert.equal(reason, 'diverged');
  assert.match(message, /the (weight|output of the layer) \S+/);
});

test('a run also ends if the last step of an epoch breaks the weights', async () => {
  const sgd = (step: number): Partial<TrainingOptions> => {
    const optimizer = new Sgd({ lr: 0.1 });
    return { optimizer, schedule: (at) => (at.step + 1 === step ? Infinity : 1), epochs: 2 };
  };
  for (const step of [5, 10]) {
    const events = await run({ model: smallNet({ gates: false }), ...sgd(step) });
    assert.deepEqual([end(events).reason, end(events).step, epochs(events).length], ['diverged', step, step / 5 - 1]);
    assert.match(end(events).message, new RegExp(`^After step ${step} the weight first/kernel is not finite\\. Lower`));
  }
});

test("gates move by their own learning rate, the other weights by the optimizer's", async () => {
  const model = smallNet();
  const before = weightsOf(model);
  const sparsifier = l0Sparsifier(model, { lambda_l0: 100, lr_gates: 0.25 });
  const optimizer = new AdamW({ lr: 1e-3, weight_decay: 0 });
  for await (const event of train({ model, data, sparsifier, optimizer, epochs: 1, batchSize: 16 })) {
    if (event.type === 'step') break;
  }
  const after = weightsOf(model);
  const moved = (name: string): number => Math.max(...after[name].map((v, i) => Math.abs(v - before[name][i])));
  // Adam's first step is one learning rate long, whatever the gradient.
  assert.ok(Math.abs(moved('gate/logAlpha') - 0.25) < 1e-3, `gates moved ${moved('gate/logAlpha')}`);
  assert.ok(Math.abs(moved('first/kernel') - 1e-3) < 1e-5, `weights moved ${moved('first/kernel')}`);
});

test('the schedule sets the learning rate of each epoch', async () => {
  const events = await run({ model: smallNet(), epochs: 3, schedule: multiStep({ milestones: [1, 2], gamma: 0.1 }) });
  const rates = steps(events).map(({ learningRate }) => Number(learningRate.toPrecision(6)));
  assert.deepEqual(rates, [
    ...Array<number>(5).fill(1e-3),
    ...Array<number>(5).fill(1e-4),
    ...Array<number>(5).fill(1e-5),
  ]);
});

test('one cycle ends where the run ends, at max_steps too', async () => {
  for (const [maxSteps, last] of [
    [undefined, 15],
    [7, 7],
    [40, 15],
  ] as const) {
    const options = { optimizer: new Sgd({ lr: 1 }), schedule: oneCycle(), epochs: 3, maxSteps };
    const events = await run({ model: smallNet(), ...options });
    const rates = steps(events).map(({ learningRate }) => learningRate);
    assert.equal(rates.length, last);
    assert.equal((events[0] as StartEvent).maxSteps, maxSteps);
    assert.ok(Math.abs(rates[0] - 1 / 25) < 1e-9 || last === 7, `${rates[0]}`);
    assert.ok(Math.abs(rates.at(-1)! - 4e-6) < 1e-9, `ends at ${rates.at(-1)}`);
  }
});

test('a last batch that is not full can be dropped, and epochs, resuming and max_steps follow', async () => {
  const dropped = { dropLast: true, optimizer: new Sgd({ lr: 0.1 }), epochs: 3 };
  const events = await run({ model: smallNet({ gates: false }), ...dropped });
  assert.equal((events[0] as StartEvent).stepsPerEpoch, 4);
  assert.deepEqual(
    epochs(events).map(({ step }) => step),
    [4, 8, 12],
  );
  const rest = await run({ model: smallNet({ gates: false }), ...dropped, startStep: 6, maxSteps: 9 });
  assert.deepEqual(
    steps(rest).map(({ step, epoch }) => [step, epoch]),
    [
      [7, 1],
      [8, 1],
      [9, 2],
    ],
  );
  await assert.rejects(run({ model: smallNet(), dropLast: true, batchSize: 73 }), {
    name: 'UserError',
    message: /dropLast must leave a batch; the training set colours 1 has 72 images, fewer than a batch of 73/,
  });
});

test("a method's hooks are called in order, and may change gradients", async () => {
  const model = smallNet({ gates: false });
  const before = weightsOf(model);
  const calls: string[] = [];
  const method: Sparsifier = {
    name: 'recorder',
    beforeEpoch: (epoch) => void calls.push(`epoch ${epoch}`),
    penalty: () => (calls.push('penalty'), tf.scalar(2)),
    onGradients: (gradients) => {
      calls.push('gradients');
      for (const [name, gradient] of Object.entries(gradients)) {
        gradients[name] = tf.zerosLike(gradient);
        gradient.dispose();
      }
    },
    afterStep: (learningRate, factor) => void calls.push(`after ${learningRate} ${factor}`),
    afterEpoch: async () => {
      await Promise.resolve();
      calls.push('measured');
    },
    summary: () => (calls.push('summary'), {}),
    channelMasks: () => new Map(),
    state: () => ({}),
    restore: () => undefined,
  };
  const optimizer = new Sgd({ lr: 0.5 });
  const schedule = (): number => 0.25;
  const events = await run({ model, sparsifier: method, optimizer, batchSize: 36, schedule });
  const step = ['penalty', 'gradients', 'after 0.125 0.25'];
  assert.deepEqual(calls, ['epoch 0', ...step, ...step, 'measured', 'summary']);
  assert.equal(steps(events)[0].penalty, 2);
  assert.deepEqual(weightsOf(model)['first/kernel'], before['first/kernel']);
});

test('gates without a penalty cause a warning', async () => {
  const events = await run({ model: smallNet(), epochs: 0 });
  assert.match((events[1] as { message: string }).message, /has L0 gates but no L0 penalty/);
});

test('evaluation counts every image once, even in a last batch that is not full', async () => {
  const model = smallNet({ gates: false });
  const [whole, parts] = [
    await evaluate(model, data.validation, { batchSize: 40 }),
    await evaluate(model, data.validation, { batchSize: 7 }),
  ];
  assert.equal(whole.accuracy, parts.accuracy);
  assert.ok(Math.abs(whole.loss - parts.loss) < 1e-6);
});

test('a step that leaves tensors behind is reported, and again each time their number has doubled', async () => {
  const model = smallNet({ gates: false });
  const leaking: tf.Tensor[] = [];
  let made = 0;
  const sparsifier: Sparsifier = {
    name: 'leaky',
    // Nothing at steps 1 to 7, then two tensors at each.
    afterStep: () => void (++made > 7 && leaking.push(tf.zeros([2]), tf.zeros([3]))),
    channelMasks: () => new Map(),
    state: () => ({}),
    restore: () => undefined,
  };
  const events = await run({ model, sparsifier, epochs: 3 });
  const said = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  const before = tf.memory().numTensors;
  tf.dispose(leaking);
  assert.deepEqual(
    said.map((message) =>
      /^Step (\d+) left 2 tensors behind \(\d+ before it, \d+ after\), (\d+) so far/.exec(message)?.slice(1),
    ),
    [
      ['8', '2'],
      ['9', '4'],
      ['11', '8'],
      ['15', '16'],
    ],
  );
  assert.equal(events[events.findIndex((event) => event.type === 'warning') - 1].type, 'step');
  assert.equal(before - tf.memory().numTensors, 16);
});

test('weights that are trained only later are no leak', async () => {
  const model = smallNet({ gates: false });
  const layer = model.getLayer('second');
  layer.trainable = false;
  const before = weightsOf(model);
  const sparsifier: Sparsifier = {
    name: 'thaw',
    beforeEpoch: (epoch) => void (layer.trainable = epoch >= 1),
    channelMasks: () => new Map(),
    state: () => ({}),
    restore: () => undefined,
  };
  const events = await run({ model, sparsifier, epochs: 2 });
  assert.deepEqual(
    events.filter((event) => event.type === 'warning'),
    [],
  );
  assert.notDeepEqual(weightsOf(model)['second/kernel'], before['second/kernel']);
});

test('the loss can be replaced, and validation stays cross-entropy', async () => {
  const model = smallNet({ gates: false });
  const loss = crossEntropy({ label_smoothing: 0.5 });
  const events = await run({ model, loss, optimizer: new Sgd({ lr: 0 }) });
  const plain = await run({ model, optimizer: new Sgd({ lr: 0 }) });
  assert.ok(steps(events)[0].crossEntropy !== steps(plain)[0].crossEntropy);
  assert.deepEqual(epochs(events)[0].train.accuracy, epochs(plain)[0].train.accuracy);
  const constant = await run({ model, loss: (logits) => logits.sum().mul(0).add(3).asScalar() });
  assert.equal(steps(constant)[0].loss, 3);
});

test('impossible options are refused in a sentence', async () => {
  const model = smallNet({ gates: false });
  const refused = async (options: Partial<TrainingOptions>, message: RegExp): Promise<void> =>
    assert.rejects(run({ model, ...options }), { name: 'UserError', message });
  await refused({ epochs: 1.5 }, /epochs must be a whole number of at least 0; received 1.5/);
  await refused({ startStep: -1 }, /startStep must be a whole number of at least 0; received -1/);
  await refused({ batchSize: 0 }, /batchSize must be a whole number of at least 1/);
  await refused({ data: { train: colours(0) } }, /colours 1 must have images; received none/);
  const other = magnitudeSparsifier(smallNet({ gates: false }));
  await refused({ sparsifier: other }, /magnitude pruning must be made for the network that is trained/);
  const frozen = smallNet({ gates: false });
  frozen.trainable = false;
  await refused({ model: frozen }, /must have weights to train; received one whose weights are all frozen/);
  const optimizer = new AdamW();
  optimizer.restore({ 'first/kernel': { step: 1, m: new Float32Array(3), v: new Float32Array(3) } });
  await assert.rejects(
    run({ model, optimizer }),
    /must have 768 values m for first\/kernel; received 3: .*another network/,
  );
});
