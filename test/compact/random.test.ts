import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { fuzzRuns } from '../fuzz.ts';
import { checkCompaction } from './checkCompaction.ts';
import { networkPlan, randomNetwork } from './randomNetwork.ts';

await tf.setBackend('cpu');
const numRuns = fuzzRuns(150);

test(`${numRuns} random networks: the compact network computes what the masked network computes, and nothing more is left`, () => {
  fc.assert(
    fc.property(networkPlan, (plan) => {
      const { model, masks } = randomNetwork(plan);
      checkCompaction(model, masks);
    }),
    { numRuns, seed: 1 },
  );
});
