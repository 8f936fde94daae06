import { uniform } from '../backend/random.js';

/** The noise of one draw of a gate: `size` uniform numbers of the seed's stream, kept within [epsilon, 1 - epsilon]. */
export function gateNoise(seed: number, size: number, epsilon: number): Float32Array {
  const noise = new Float32Array(size);
  for (let i = 0; i < size; i++) noise[i] = Math.min(1 - epsilon, Math.max(epsilon, uniform(seed, i)));
  return noise;
}
