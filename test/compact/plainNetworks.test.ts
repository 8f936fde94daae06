// Networks of tf.layers only, with channels closed in every way at once.
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { Random } from 'sparsebook/backend/random.js';
import { channelGraph } from 'sparsebook/graph/channelGraph.js';
import { plainNetworks, randomWeights } from '../plainNetworks.ts';
import { checkCompaction } from './checkCompaction.ts';

await useBackend({ backend: 'simd', threads: 1 });

/** Sets a share of the gammas and of the filters to 0. */
function silence(model: tf.LayersModel, share: number, random: Random): void {
  for (const weight of model.weights.filter(({ originalName }) => /gamma$|kernel$/.test(originalName))) {
    const channels = weight.shape.at(-1)!;
    const closed = Array.from({ length: channels }, () => random.next() < share);
    const values = weight
      .read()
      .dataSync()
      .map((value, i) => (closed[i % channels] ? 0 : value));
    tf.tidy(() => void weight.write(tf.tensor(values, weight.shape as number[])));
  }
}

for (const [name, network] of Object.entries(plainNetworks)) {
  for (const share of [0.3, 0.8]) {
    test(`${name} with ${100 * share} % closed computes the same when compact, and is counted correctly`, () => {
      const model = randomWeights(network(), 3);
      const random = new Random(5);
      silence(model, share / 2, random);
      const kernels = channelGraph(model).nodes.filter(
        ({ role, output }) => (role === 'kernel' || role === 'depthwise') && !output,
      );
      const mask = (length: number): Float32Array =>
        Float32Array.from({ length }, () => (random.next() < share ? 0 : 1));
      checkCompaction(model, new Map(kernels.map(({ name, channels }) => [name, mask(channels)])));
    });
  }
}
