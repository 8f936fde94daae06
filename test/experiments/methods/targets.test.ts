import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { completeCount } from 'sparsebook/compact/counts.js';
import type { LayerTimes } from 'sparsebook/compact/time/layerTimes.js';
import { timePredictor } from 'sparsebook/compact/time/predictedTime.js';
import { unitsOf } from 'sparsebook/compact/time/units.js';
import type { ExperimentSettings } from 'sparsebook/experiments/experimentSettings.js';
import { methods } from 'sparsebook/experiments/methods/methods.js';
import { protocolSettings } from 'sparsebook/experiments/protocols/protocol.js';
import { protocols } from 'sparsebook/experiments/protocols/protocols.js';
import { givenIn } from 'sparsebook/experiments/settings/settle.js';
import { channelGraph } from 'sparsebook/graph/channelGraph.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { GatedConv2d } from 'sparsebook/layers/gatedConv2d.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { istaLayers } from 'sparsebook/sparsity/ista.js';
import { closedMasks } from 'sparsebook/sparsity/l0.js';
import type { Sparsifier, State } from 'sparsebook/sparsity/sparsifier.js';

await tf.setBackend('cpu');

/** Two convolutions of 8 channels, each followed by a gate, and logits. */
function network(): tf.LayersModel {
  const input = tf.input({ shape: [4, 4, 3] });
  const conv = (name: string, x: tf.SymbolicTensor): tf.SymbolicTensor => {
    const y = new Conv2d({ name, filters: 8, kernelSize: 3, padding: 1 }).apply(x);
    const normal = new BatchNorm({ name: `${name}_bn`, activation: 'relu' }).apply(y);
    return new L0Gate({ name: `${name}_gate`, droprate_init: 0.05 }).apply(normal) as tf.SymbolicTensor;
  };
  const mean = tf.layers.globalAveragePooling2d({}).apply(conv('b', conv('a', input)));
  const logits = tf.layers.dense({ name: 'logits', units: 4 }).apply(mean) as tf.SymbolicTensor;
  return tf.model({ name: 'two', inputs: input, outputs: logits });
}

/** Times in which each unit takes one millisecond plus one per 100 pairs of channels, and the network two more. */
function timesOf(model: tf.LayersModel): LayerTimes {
  const grid = [1, 8];
  const ms = grid.map((m) => grid.map((n) => 1 + (m * n) / 100));
  const layers = Object.fromEntries(
    unitsOf(channelGraph(model)).map(({ shape }) => [shape, { inputs: grid, outputs: grid, ms }]),
  );
  return {
    machine: 'paper',
    batchSize: 2,
    layers,
    networks: [
      [0, 2],
      [100, 102],
    ],
  };
}

const settingsOf = (methods: string, own: object): ExperimentSettings =>
  protocols.experiment.experiment(
    protocolSettings(protocols.experiment, givenIn({ network: 'own', methods: [methods], [methods]: own })),
  );

const built = (model: tf.LayersModel, own: object, saved?: State): Promise<Sparsifier> =>
  methods.l0.build(model, { settings: settingsOf('l0', { lr_gates: 0.5, ...own }), seed: 0, saved });

const savedTimes = (model: tf.LayersModel): State => ({ times: JSON.stringify(timesOf(model)) });

/** Closes one gate after another, and returns the lambda after each step. */
function lambdas(model: tf.LayersModel, sparsifier: Sparsifier, from: number, to: number): number[] {
  const gates = gatesOf(model);
  return Array.from({ length: to - from }, (_, i) => {
    const step = from + i;
    for (const [g, gate] of gates.entries()) {
      const values = Float32Array.from({ length: 8 }, (_, c) => (8 * g + c < step ? -3 : 2.5 - 0.1 * c));
      tf.tidy(() => gate.logAlpha.assign(tf.tensor1d(values)));
    }
    sparsifier.afterStep!(0.5, 1);
    return sparsifier.summary!().lambda;
  });
}

test('a resumed run with a target time keeps its layer times, and chooses the same lambdas', async () => {
  const model = network();
  const predict = timePredictor(model, timesOf(model));
  const [whole, least] = [predict(new Map()), predict(closedMasks(model))];
  const own = { target_ms: (whole + least) / 2 };
  const saved = savedTimes(model);
  const all = await built(model, own, saved);
  const expected = lambdas(model, all, 0, 12);
  assert.equal(new Set(expected).size, 12);
  const { ms } = all.summary!();
  assert.equal(ms, predict(all.channelMasks()));

  const first = await built(model, own, saved);
  const begun = lambdas(model, first, 0, 7);
  const state = JSON.parse(JSON.stringify(first.state())) as State;
  // As a checkpoint with several methods stores it.
  const second = await built(model, own, { L0: state, frozen: {} });
  second.restore(state);
  assert.deepEqual([...begun, ...lambdas(model, second, 7, 12)], expected);
  assert.equal(second.state().times, savedTimes(model).times);
});

test('after an epoch the remaining network is timed, and the measurement is saved with the run', async () => {
  const model = network();
  const predict = timePredictor(model, timesOf(model));
  const own = { target_ms: (predict(new Map()) + predict(closedMasks(model))) / 2 };
  const sparsifier = await built(model, own, savedTimes(model));
  lambdas(model, sparsifier, 0, 6);
  const { correction } = sparsifier.summary!();
  const before = tf.memory().numTensors;
  await sparsifier.afterEpoch!();
  assert.equal(tf.memory().numTensors, before);
  const after = sparsifier.summary!();
  assert.equal(correction, 1);
  assert.ok(after.correction > 0 && after.correction !== 1, `${after.correction}`);
  assert.equal(after.ms, after.correction * predict(sparsifier.channelMasks()));

  const state = JSON.parse(JSON.stringify(sparsifier.state())) as State;
  const resumed = await built(model, own, state);
  resumed.restore(state);
  assert.deepEqual(resumed.summary!(), after);
  const counted = await built(model, { target_multiply_adds: 5000 });
  assert.ok(!counted.afterEpoch);
});

test('a goal out of reach is refused with what can be reached', async () => {
  const model = network();
  const counted = completeCount(model).multiplyAdds.full;
  for (const [own, message] of [
    [{ target_ms: 99 }, /target_ms must be above 6\.24 ms, .*at most the 7\.28 ms of the whole network; received 99/],
    [{ target_ms: 6.2 }, /target_ms must be above 6\.24 ms.* received 6\.2/],
    [{ target_multiply_adds: counted + 1 }, /target_multiply_adds must be above 0 multiply-adds, .* received/],
    [{ target_sparsity: 0.999 }, /target_sparsity must be at most 0\.995, .* received 0\.999\. Ask for less/],
  ] as const) {
    await assert.rejects(built(model, own, savedTimes(model)), { name: 'UserError', message });
  }
});

test('gates on weights, on channels or on both can target a share of the parameters and a number of multiply-adds', async () => {
  const input = tf.input({ shape: [4, 4, 3] });
  const gated = new GatedConv2d({ name: 'a', filters: 8, kernelSize: 3 }).apply(input);
  const conv = new Conv2d({ name: 'b', filters: 8, kernelSize: 1 }).apply(gated);
  const heads = { weights: conv, both: new L0Gate({ name: 'b_gate' }).apply(conv) };
  for (const head of Object.values(heads)) {
    const mean = tf.layers.globalAveragePooling2d({}).apply(head);
    const outputs = tf.layers.dense({ units: 4 }).apply(mean) as tf.SymbolicTensor;
    const model = tf.model({ inputs: input, outputs, name: 'weights' });
    const full = completeCount(model).multiplyAdds.full;
    for (const own of [{ target_sparsity: 0.5 }, { target_multiply_adds: full / 2 }]) {
      const sparsifier = await built(model, own);
      sparsifier.afterStep!(0.5, 20);
      const { lambda } = sparsifier.summary!();
      assert.ok(lambda > 0, `${JSON.stringify(own)}: ${lambda}`);
    }
    // With all of its 216 gates closed, the first kernel has no weights left.
    const left = full - 4 * 216;
    if (head === heads.weights) await assert.rejects(built(model, { target_multiply_adds: left }), /must be above/);
  }
});

test('a goal sets how channels are weighted, and lambda is 0 once it is reached', async () => {
  const model = network();
  const cases = [
    [{ target_ms: 5 }, 'time'],
    [{ target_multiply_adds: 5000 }, 'multiplyAdds'],
    [{ target_sparsity: 0.5 }, 'sum'],
    [{ target_ms: 5, weighting: 'parameters' }, 'parameters'],
  ] as const;
  for (const [own, weighting] of cases) assert.equal(settingsOf('l0', own).l0.weighting, weighting);
  const { full } = completeCount(model).multiplyAdds;
  const sparsifier = await built(model, { target_multiply_adds: full });
  sparsifier.afterStep!(0.5, 1);
  assert.equal(sparsifier.summary!().lambda, 0);
});

test('ISTA charges channels for their time, in total as much as for their memory', async () => {
  const model = network();
  const settings = settingsOf('ista', { weighting: 'time', l1_penalty: 1 });
  const sparsifier = await methods.ista.build(model, { settings, seed: 0, saved: savedTimes(model) });
  assert.deepEqual(sparsifier.state(), savedTimes(model));
  const byMemory = istaLayers(model).reduce((sum, { cost, gamma }) => sum + cost * gamma.size, 0);
  assert.ok(Math.abs(sparsifier.summary!().groupLasso - byMemory) < 1e-9 * byMemory);
  const channel = new Map([
    ['a', { input: 0, output: 1 }],
    ['b', { input: 2, output: 4 }],
    ['logits', { input: 2, output: 0 }],
  ]);
  const [a, b] = istaLayers(model, { weighting: 'time', times: channel }).map(({ cost }) => cost);
  assert.ok(Math.abs(b / a - 2) < 1e-12, `${a} and ${b}`);
});
