import type * as tf from '@tensorflow/tfjs';
import { weightNames } from '../graph/names.js';
import { prunableWeights } from './prunableWeights.js';

/** The share of entries that are exactly 0 in each kernel of a network, by the kernel's name, in the network's order. */
export function zeroShares(model: tf.LayersModel): Map<string, number> {
  const names = weightNames(model);
  return new Map(
    prunableWeights(model).map((weight) => {
      const values = weight.read().dataSync<'float32'>();
      return [names.get(weight)!, values.filter((value) => value === 0).length / values.length] as const;
    }),
  );
}
