import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { completeCount, layerCosts } from 'sparsebook/compact/counts.js';
import { channelGraph, type ChannelMasks } from 'sparsebook/graph/channelGraph.js';
import { activationOf } from 'sparsebook/graph/layerRole.js';
import { maxAbs } from '../goldens.ts';
import { applyMasks, bruteForce, isKernel, maskedCount, squares } from './bruteForce.ts';

/** A network's outputs, each as flat values. */
function logits(model: tf.LayersModel, images: tf.Tensor[]): number[][] {
  return tf.tidy(() => [model.predict(images)].flat().map((y) => [...y.dataSync()]));
}

/**
 * Compares a network made smaller by masks with the masked network: its outputs, widths and all counts, which brute
 * force finds. Disposes the network.
 */
export function checkCompaction(model: tf.LayersModel, masks: ChannelMasks): void {
  const images = model.inputs.map(({ shape }, i) =>
    tf.randomNormal([3, ...(shape.slice(1) as number[])], 0, 1, 'float32', i + 1),
  );
  const ways = { compact: {}, folded: { foldBatchNorm: true }, rounded: { roundTo: 3 } };
  const [small, folded, rounded] = Object.values(ways).map((options) => compact(model, masks, options).model);
  const counted = completeCount(model, masks);
  const closed = maskedCount(model, masks);
  assert.deepEqual([counted.left, counted.multiplyAdds.left], [closed.parameters, closed.multiplyAdds], 'masked');

  const filters = squares(model);
  applyMasks(model, masks);
  const [wanted, ...got] = [model, small, folded, rounded].map((each) => logits(each, images));
  for (const [i, outputs] of got.entries()) {
    const most = Math.max(...wanted.map(maxAbs));
    const difference = Math.max(...wanted.map((values, o) => maxAbs(values.map((value, k) => value - outputs[o][k]))));
    assert.ok(difference <= 1e-5 * most, `${Object.keys(ways)[i]} differs by ${difference} of ${most}`);
  }

  const expected = bruteForce(model, filters);
  const kernels = small.layers.filter((layer) => isKernel(layer));
  const costs = new Map(layerCosts(small).map((cost) => [cost.layer, cost]));
  assert.deepEqual(Object.fromEntries(kernels.map(({ name }) => [name, costs.get(name)!.outputs])), expected.width);
  const { multiplyAdds, full, runningValues } = completeCount(small);
  assert.equal(multiplyAdds.full, expected.multiplyAdds);
  assert.equal(runningValues.full, 2 * expected.normChannels);
  const gates = small.layers.filter((layer) => layer.getClassName() === 'L0Gate');
  assert.equal(
    full + runningValues.full + gates.reduce((sum, gate) => sum + gate.countParams(), 0),
    small.countParams(),
  );
  const entries = kernels.flatMap(({ weights }) => weights).filter(({ originalName }) => /kernel$/.test(originalName));
  assert.equal(
    entries.reduce((sum, weight) => sum + weight.read().size, 0),
    expected.kernelEntries,
  );
  // A batch norm after a concatenation of which one part is left now follows a kernel, but is not folded.
  const direct = channelGraph(model).nodes.filter(({ inputs }) => inputs.some(({ layer }) => isKernel(layer)));
  const names = new Set(direct.map(({ name }) => name));
  const foldable = channelGraph(folded).nodes.filter(({ name, role, inputs: [source] }) => {
    const alone = source?.readers.length === 1 && !source.output && names.has(name);
    return role === 'norm' && isKernel(source.layer) && alone && activationOf(source.layer) === 'linear';
  });
  assert.deepEqual(
    foldable.map(({ name }) => name),
    [],
  );
  tf.dispose(images);
  for (const network of [model, small, folded, rounded]) network.dispose();
}
