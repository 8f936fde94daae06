import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { methods } from 'sparsebook/experiments/methods/methods.js';
import { protocolSettings } from 'sparsebook/experiments/protocols/protocol.js';
import { protocols } from 'sparsebook/experiments/protocols/protocols.js';
import { givenIn } from 'sparsebook/experiments/settings/settle.js';

await tf.setBackend('cpu');

/** Layers of 8 and 16 channels. */
const network = (): tf.LayersModel =>
  tf.sequential({
    layers: [
      tf.layers.conv2d({ filters: 8, kernelSize: 1, inputShape: [2, 2, 3] }),
      tf.layers.conv2d({ filters: 16, kernelSize: 1 }),
    ],
  });

for (const schedule of ['iterative', 'polynomial']) {
  test(`gradual pruning ends at its share of each layer, however few channels each step takes: ${schedule}`, async () => {
    for (const prune of [0.25, 0.5]) {
      const magnitude = { prune, schedule, times: 10, unit: 'channels', scope: 'perLayer' };
      const given = givenIn({ network: 'own', methods: ['magnitude'], magnitude });
      const settings = protocols.experiment.experiment(protocolSettings(protocols.experiment, given));
      const sparsifier = await methods.magnitude.build(network(), { settings, seed: 0 });
      for (let epoch = 0; epoch <= 10; epoch++) sparsifier.beforeEpoch!(epoch);
      const closed = [...sparsifier.channelMasks().values()].map((mask) => mask.filter((value) => value === 0).length);
      assert.deepEqual(closed, [8 * prune, 16 * prune], `${prune}`);
    }
  });
}
