// Every method on every network of plain tf.layers: after a few steps like the trainer's, the network made compact by
// the method's masks computes the same as the sparse one: here, in onnxruntime and in TensorFlow.js without this
// package.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { encodeOnnx } from 'sparsebook/compact/export/onnx.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { forward, gatesOf } from 'sparsebook/graph/gates.js';
import { freezeSparsifier } from 'sparsebook/sparsity/freeze.js';
import { istaLayers, istaSparsifier } from 'sparsebook/sparsity/ista.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { oneShot } from 'sparsebook/sparsity/schedules.js';
import { prunableWeights } from 'sparsebook/sparsity/prunableWeights.js';
import { reprSparsifier } from 'sparsebook/sparsity/repr.js';
import { withGates } from 'sparsebook/sparsity/withGates.js';
import type { Sparsifier } from 'sparsebook/sparsity/sparsifier.js';
import { outputsOfOnnx } from '../compact/export/onnxRuntime.ts';
import { assertSame, outputsOf, someInputs } from '../compact/export/outputs.ts';
import { assertRead, readInChromium, readInNode, saveWithInputs, type Saved } from '../compact/export/stockTfjs.ts';
import { skipWithoutChromium } from '../notebook/report/chromium.ts';
import { plainNetworks, randomWeights } from '../plainNetworks.ts';

await useBackend({ backend: 'simd' });

const learningRate = 0.01;
const folder = mkdtempSync(join(tmpdir(), 'sparsebook-compact-'));
after(() => rmSync(folder, { recursive: true }));
/** The outputs of each compact network, by the name of its folder. */
const saved = new Map<string, Saved>();

/**
 * One step of gradient descent on the mean square of all outputs and the method's penalty, with hooks in the trainer's
 * order.
 */
function step(model: tf.LayersModel, sparsifier: Sparsifier, x: tf.Tensor[]): void {
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  tf.tidy(() => {
    const { grads } = tf.variableGrads(() => {
      const outputs = [forward(model, x, { training: true })].flat();
      const terms = outputs.map((output) => output.square().mean());
      return tf.addN([...terms, sparsifier.penalty?.() ?? tf.scalar(0)]).asScalar();
    }, variables);
    sparsifier.onGradients?.(grads, false);
    for (const variable of variables) {
      const gradient = grads[variable.name] as tf.Tensor | undefined;
      if (gradient) variable.assign(variable.sub(gradient.clipByValue(-1, 1).mul(learningRate)));
    }
    sparsifier.afterStep?.(learningRate, 1);
  });
}

interface Method {
  /** Makes the network to train from the given one. */
  network?: (model: tf.LayersModel) => tf.LayersModel;
  sparsifier: (model: tf.LayersModel) => Sparsifier;
  /** Whether channels must be gone at the end. */
  cuts: boolean;
  /** Networks that it refuses, with the message. */
  refuses?: Record<string, RegExp>;
}

const methods: Record<string, Method> = {
  L0: {
    network: (model) => {
      const gated = withGates(model, { seed: 1 });
      const width = ({ logAlpha }: { logAlpha: tf.Variable }): number[] => logAlpha.shape;
      gatesOf(gated).forEach((gate, g) => gate.logAlpha.assign(tf.randomNormal(width(gate), 0, 3, 'float32', g + 1)));
      return gated;
    },
    sparsifier: (model) => l0Sparsifier(model, { lambda_l0: 1, weighting: 'parameters' }),
    cuts: true,
  },
  ISTA: {
    sparsifier: (model) => {
      const most = Math.max(...istaLayers(model).map(({ cost }) => cost));
      return istaSparsifier(model, { l1_penalty: 0.5 / (learningRate * most) });
    },
    cuts: true,
    // These have no batch norm, or only norms whose channels are tied to others.
    refuses: {
      squeezeNet: /squeezeNet has no channels to prune by their gammas/,
      twoInputsTwoHeads: /twoInputsTwoHeads has no channels to prune by their gammas/,
    },
  },
  RePr: { sparsifier: (model) => reprSparsifier(model, { S1: 1, S2: 9, prune_ratio: 0.3 }), cuts: true },
  channels: {
    sparsifier: (model) => magnitudeSparsifier(model, { unit: 'channels', plan: oneShot(0.3, 1) }),
    cuts: true,
  },
  weights: { sparsifier: (model) => magnitudeSparsifier(model, { plan: oneShot(0.5, 1) }), cuts: false },
  freezing: { sparsifier: (model) => freezeSparsifier(model, { first: 0.5 }), cuts: false },
};

for (const [networkName, build] of Object.entries(plainNetworks)) {
  for (const [name, { network, sparsifier: sparsify, cuts, refuses = {} }] of Object.entries(methods)) {
    const message = Object.hasOwn(refuses, networkName) && refuses[networkName];
    test(`${name} on ${networkName}: ${message ? 'refused' : 'trained, compact and exported'}`, async () => {
      const given = randomWeights(build());
      const model = network?.(given) ?? given;
      if (message) {
        assert.throws(() => sparsify(model), { name: 'UserError', message });
        return;
      }
      const sparsifier = sparsify(model);
      const before = prunableWeights(model).map((weight) => weight.read().dataSync<'float32'>().slice());
      const x = someInputs(model);
      for (const epoch of [0, 1]) {
        sparsifier.beforeEpoch?.(epoch);
        step(model, sparsifier, x);
      }
      const { weightSparsity = 0.5, frozen = 0 } = sparsifier.summary!();
      assert.ok(name !== 'weights' || Math.abs(weightSparsity - 0.5) < 0.001, `${weightSparsity} are 0`);
      const same = prunableWeights(model).map((weight, i) => String(weight.read().dataSync()) === String(before[i]));
      if (frozen)
        assert.deepEqual(
          same,
          same.map((_, i) => i < Math.ceil(same.length / 2)),
        );
      const masks = sparsifier.channelMasks();
      const { model: small } = compact(model, masks);
      const { outputs, classes } = await saveWithInputs(small, join(folder, `${name}_${networkName}`), x);
      assertSame(outputs, outputsOf(model, x), 'compact');
      assertSame(await outputsOfOnnx(encodeOnnx(small), x), outputs, 'ONNX');
      assert.deepEqual(classes, [], 'standard layers say the same');
      saved.set(`${name}_${networkName}`, { outputs, classes });
      if (cuts) {
        assert.ok(
          [...masks.values()].some((mask) => mask.includes(0)),
          'no channel is closed',
        );
        assert.ok(small.countParams() < model.countParams());
        assert.equal(small.countParams(), compact(model).model.countParams(), 'the network knows what the masks say');
      }
    });
  }
}

test('a Node process with TensorFlow.js alone reads all compact networks and computes the same', async () => {
  assert.equal(saved.size, 52);
  assertRead(await readInNode(folder, [...saved.keys()]), saved);
});

test(
  'Chromium with TensorFlow.js alone reads all compact networks and computes the same',
  { skip: skipWithoutChromium },
  async () => assertRead(await readInChromium(folder, [...saved.keys()]), saved),
);
