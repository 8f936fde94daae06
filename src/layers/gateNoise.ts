import { deriveSeed, uniform } from '../backend/random.js';

/**
 * `size` uniform numbers in [epsilon, 1 - epsilon] that depend on nothing but the seed and the number of the draw, so
 * that a resumed run meets the same noise as one that never stopped.
 */
export function gateNoise(seed: number, draw: number, size: number, epsilon: number): Float32Array {
  const stream = deriveSeed(seed, draw);
  const noise = new Float32Array(size);
  for (let i = 0; i < size; i++) noise[i] = epsilon + (1 - 2 * epsilon) * uniform(stream, i);
  return noise;
}
