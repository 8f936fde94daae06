import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { filterLayers, filterRows, maskFilters, someFilterLayers } from '../filterLayers.js';
import type { WeightMasks } from '../weightMasks.js';
import { pruneSmallest } from './pruneSmallest.js';
import type { PruningTarget } from './pruningTarget.js';

/**
 * Whole filters of convolutions, by the mean |w| of their weights in `rankedBy`, which does not depend on how many they
 * have; bias and batch norm go with them. A layer whose filters would all go keeps its largest.
 */
export function channelPruning(model: tf.LayersModel, rankedBy: tf.LayersModel): PruningTarget {
  const layers = someFilterLayers(model, 'pruning of channels');
  const deciding = filterLayers(rankedBy);
  const shapes = (list: typeof layers): string => list.map(({ kernel }) => kernel.shape.join('x')).join(', ');
  if (shapes(layers) !== shapes(deciding)) {
    throw new UserError(
      `The network that decides must have the kernels of ${model.name}; ${rankedBy.name} has others.`,
    );
  }
  const maskOf = (masks: WeightMasks, i: number): Float32Array =>
    masks.get(layers[i].kernel)?.slice(0, layers[i].filters) ?? new Float32Array(layers[i].filters).fill(1);
  const sizesNow = (): Float32Array[] =>
    deciding.map(({ kernel }) =>
      Float32Array.from(filterRows(kernel), (row) => row.reduce((sum, value) => sum + Math.abs(value), 0) / row.length),
    );
  // Another network may be gone, or trained on, when pruning begins.
  const decided = rankedBy === model ? undefined : sizesNow();
  return {
    weights: layers.map(({ kernel }) => kernel),
    prune(masks, amount, scope) {
      const sizes = decided ?? sizesNow();
      const old = layers.map((_, i) => maskOf(masks, i));
      pruneSmallest(sizes, amount, { masks: old, scope }).forEach((mask, i) => {
        if (!mask.includes(1)) mask[sizes[i].indexOf(Math.max(...sizes[i]))] = 1;
        maskFilters(masks, layers[i], mask);
      });
    },
    channelMasks: (masks) => new Map(layers.map(({ name }, i) => [name, maskOf(masks, i)])),
  };
}
