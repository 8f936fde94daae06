import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { prunableWeights, somePrunableWeights } from '../prunableWeights.js';
import { pruneSmallest } from './pruneSmallest.js';
import type { PruningTarget } from './pruningTarget.js';

/** Single weights of all kernels, by their magnitude in `rankedBy`. */
export function weightPruning(model: tf.LayersModel, rankedBy: tf.LayersModel): PruningTarget {
  const weights = somePrunableWeights(model, 'magnitude pruning');
  const deciding = prunableWeights(rankedBy);
  const shapes = (list: typeof weights): string => list.map(({ shape }) => shape.join('x')).join(', ');
  if (shapes(weights) !== shapes(deciding)) {
    throw new UserError(
      `The network that decides must have the kernels of ${model.name}; ${rankedBy.name} has others.`,
    );
  }
  const values = (): Float32Array[] => deciding.map((weight) => weight.read().dataSync<'float32'>());
  // Another network may be gone, or trained on, when pruning begins.
  const decided = rankedBy === model ? undefined : values().map((each) => each.slice());
  return {
    weights,
    prune(masks, amount, scope) {
      const old = weights.map((weight) => masks.get(weight) ?? new Float32Array(weight.read().size).fill(1));
      pruneSmallest(decided ?? values(), amount, { masks: old, scope }).forEach((mask, i) =>
        masks.set(weights[i], mask),
      );
    },
    channelMasks: () => new Map(),
  };
}
