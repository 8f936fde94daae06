import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { channelGraph, kernelGeometry } from 'sparsebook/graph';
import { compact, completeCount, layerCosts } from 'sparsebook/compact';
import { activationOf } from 'sparsebook/graph/layerRole.js';
import { fuzzRuns } from '../fuzz.ts';
import { maxAbs } from '../goldens.ts';
import { bruteForce, squares } from './bruteForce.ts';
import { applyMasks, networkPlan, randomNetwork } from './randomNetwork.ts';

await tf.setBackend('cpu');
const numRuns = fuzzRuns(500);

test(`${numRuns} random networks: what is left computes what the masked network computes, and nothing more is left`, () => {
  fc.assert(
    fc.property(networkPlan, (plan) => {
      tf.engine().startScope();
      const { model, masks } = randomNetwork(plan);
      const { model: small } = compact(model, masks);
      const { model: folded } = compact(model, masks, { foldBatchNorm: true });
      const filters = squares(model);
      applyMasks(model, masks);
      const images = tf.randomNormal([3, plan.image, plan.image, 2], 0, 1, 'float32', plan.seed);
      const [wanted, ...got] = [model, small, folded].map((m) => (m.predict(images) as tf.Tensor).dataSync());
      const [difference, whenFolded] = got.map((logits) => maxAbs(wanted.map((value, i) => value - logits[i])));
      tf.engine().endScope();
      const expected = bruteForce(model, filters);
      const kernels = small.layers.filter((layer) => kernelGeometry(layer));
      const costs = new Map(layerCosts(small).map((cost) => [cost.layer, cost]));
      assert.deepEqual(Object.fromEntries(kernels.map(({ name }) => [name, costs.get(name)!.outputs])), expected.width);
      const { multiplyAdds, full, runningValues } = completeCount(small);
      assert.equal(multiplyAdds.full, expected.multiplyAdds);
      assert.equal(runningValues.full, 2 * expected.normChannels);
      const gates = small.layers.filter((layer) => layer.getClassName() === 'L0Gate');
      const gateEntries = gates.reduce((sum, gate) => sum + gate.countParams(), 0);
      assert.equal(full + runningValues.full + gateEntries, small.countParams());
      const entries = kernels.reduce((sum, layer) => sum + layer.weights[0].read().size, 0);
      assert.equal(entries, expected.kernelEntries);
      const foldable = channelGraph(folded).nodes.filter(({ role, inputs: [source] }) => {
        const alone = source?.readers.length === 1 && !source.output;
        return role === 'norm' && source.role === 'kernel' && alone && activationOf(source.layer) === 'linear';
      });
      assert.deepEqual(
        foldable.map(({ name }) => name),
        [],
      );
      for (const network of [model, small, folded]) network.dispose();
      assert.ok(difference <= 1e-5 * maxAbs(wanted), `differs by ${difference} of ${maxAbs(wanted)}`);
      assert.ok(whenFolded <= 1e-5 * maxAbs(wanted), `folded, differs by ${whenFolded} of ${maxAbs(wanted)}`);
    }),
    { numRuns, seed: 1 },
  );
});
