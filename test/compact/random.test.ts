import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { compact } from 'sparsebook/compact';
import { maxAbs } from '../goldens.js';
import { applyMasks, networkPlan, randomNetwork } from './randomNetwork.js';

await tf.setBackend('cpu');
const numRuns = Number(process.env.SPARSEBOOK_FUZZ ?? 60);

test(`${numRuns} random networks: what is left computes what the masked network computes`, () => {
  fc.assert(
    fc.property(networkPlan, (plan) => {
      tf.engine().startScope();
      const { model, masks } = randomNetwork(plan);
      const small = compact(model, masks);
      applyMasks(model, masks);
      const images = tf.randomNormal([3, plan.image, plan.image, 2], 0, 1, 'float32', plan.seed);
      const [wanted, got] = [model, small].map((m) => (m.predict(images) as tf.Tensor).dataSync());
      const difference = maxAbs(wanted.map((value, i) => value - got[i]));
      tf.engine().endScope();
      model.dispose();
      small.dispose();
      assert.ok(difference <= 1e-5 * maxAbs(wanted), `differs by ${difference} of ${maxAbs(wanted)}`);
    }),
    { numRuns, seed: 1 },
  );
});
