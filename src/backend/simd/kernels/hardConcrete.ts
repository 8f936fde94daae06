// Hard concrete gates with the counter-based noise of src/backend/random.ts.
import { bytes } from './vector';

// @ts-ignore: decorator
@inline
const LEAST: f64 = 1e-6;

/** Murmur3's finaliser over the counter: the same numbers as uniform(seed, i). */
// @ts-ignore: decorator
@inline
function uniform(seed: u32, i: u32): f64 {
  let h = i + seed * 0x9e3779b1;
  h ^= h >>> 16;
  h *= 0x85ebca6b;
  h ^= h >>> 13;
  h *= 0xc2b2ae35;
  return <f64>(h ^ (h >>> 16)) / 4294967296.0;
}

/** Masks of images [begin, end). */
export function hardConcreteSample(
  logAlpha: usize, mask: usize, channels: i32, seed: u32, offset: u32, temperature: f64, gamma: f64, zeta: f64, begin: i32, end: i32,
): void {
  for (let n = begin; n < end; n++) {
    for (let c = 0; c < channels; c++) {
      const i = n * channels + c;
      const u = min<f64>(max<f64>(uniform(seed, offset + <u32>i), LEAST), 1 - LEAST);
      const z = (Math.log(u / (1 - u)) + <f64>f32.load(logAlpha + bytes(c))) / temperature;
      const s = 1 / (1 + Math.exp(-z));
      f32.store(mask + bytes(i), <f32>min<f64>(max<f64>(s * (zeta - gamma) + gamma, 0), 1));
    }
  }
}

/** dlogAlpha [channels] = sum over images of dmask * (zeta - gamma) * s (1 - s) / temperature where the mask is not clipped. Channels [begin, end). */
export function hardConcreteGradient(
  dmask: usize, mask: usize, dlogAlpha: usize, n: i32, channels: i32, temperature: f64, gamma: f64, zeta: f64, begin: i32, end: i32,
): void {
  for (let c = begin; c < end; c++) {
    let sum: f64 = 0;
    for (let i = 0; i < n; i++) {
      const at = bytes(i * channels + c);
      const m = <f64>f32.load(mask + at);
      if (m <= 0 || m >= 1) continue;
      const s = (m - gamma) / (zeta - gamma);
      sum += <f64>f32.load(dmask + at) * s * (1 - s);
    }
    f32.store(dlogAlpha + bytes(c), <f32>((sum * (zeta - gamma)) / temperature));
  }
}
