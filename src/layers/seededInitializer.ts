import * as tf from '@tensorflow/tfjs';
import { deriveSeed, Random } from '../backend/random.js';

/** What tf.layers call an initializer: gives a weight of the shape asked for its first values. */
export type Initializer = ReturnType<typeof tf.initializers.zeros>;

/**
 * Weights drawn from the normal distribution N(mean, standardDeviation) of a stream that belongs to `seed` alone, so
 * that two models with the same seed start with the same bits on every backend.
 */
export function seededNormal(seed: number, mean: number, standardDeviation: number): Initializer {
  const apply = (shape: number[]): tf.Tensor => {
    const random = new Random(deriveSeed(seed, 'weights'));
    const size = shape.reduce((product, n) => product * n, 1);
    return tf.tensor(
      Float32Array.from({ length: size }, () => mean + standardDeviation * random.normal()),
      shape,
    );
  };
  // tf.layers only ever calls apply(); its abstract class is not exported.
  return { apply } as unknown as Initializer;
}

/** Kaiming-normal weights for ReLU: N(0, sqrt(2 / fanIn)), fanIn being the inputs of one output (He et al. 2015). */
export function kaimingNormal(seed: number, fanIn: number): Initializer {
  return seededNormal(seed, 0, Math.sqrt(2 / fanIn));
}
