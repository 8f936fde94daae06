import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { Adam, AdamW } from 'sparsebook/training/adam.js';
import { checkpointed } from 'sparsebook/training/checkpoint/checkpointed.js';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';
import { restoreWeights, resumeFrom, takeState } from 'sparsebook/training/checkpoint/trainedState.js';
import { train } from 'sparsebook/training/train.js';
import { WeightAverages } from 'sparsebook/training/weightAverages.js';
import type { Checkpoint } from 'sparsebook/training/checkpoint/checkpoint.js';
import { smallNet, weightsOf } from '../small.ts';
import { leg, resumesExactly, setups, shared, steps } from './resumed.ts';
import { temporaryFolder } from './sample.ts';

for (const [name, build] of Object.entries(setups)) {
  test(`stopping at 20 random steps and resuming each time gives the same bits: ${name}`, (t) =>
    resumesExactly(build, temporaryFolder(t), name.length, 20));
}

test('a run resumed within an epoch warns that its means cover only the rest', async () => {
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

test("a checkpoint for another network, optimizer or method is refused, with the tensor's name", async (t) => {
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

test('a checkpoint does not resume with other images', async () => {
  const build = setups['SGD with momentum, no gates, one cycle'];
  const images = { name: 'synthetic', splitHash: 'aa', hash: 'bb' };
  const state = await takeState(build());
  const provenance = { version: '1', engine: 'Node 20', backend: 'cpu', date: '', data: images };
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
