// Hard concrete gates and dropout with the counter-based noise of src/backend/random.ts, and optimizer steps.
import { bytes, madd, storeLanes } from './vector';

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

/** Computes the masks of images [begin, end). */
export function hardConcreteSample(
  logAlpha: usize, mask: usize, channels: i32, seed: u32, offset: u32, temperature: f64, gamma: f64, zeta: f64,
  begin: i32, end: i32,
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

/**
 * dlogAlpha [channels] = the sum over images of dmask * (zeta - gamma) * s (1 - s) / temperature where the mask is not
 * clipped, for channels [begin, end).
 */
export function hardConcreteGradient(
  dmask: usize, mask: usize, dlogAlpha: usize, n: i32, channels: i32, temperature: f64, gamma: f64, zeta: f64,
  begin: i32, end: i32,
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

/**
 * y = x * scale where uniform(seed, i), as an integer below 2^32, is at least `least`, else 0, for vectors [begin, end)
 * of n values: the noise of four values at a time.
 */
export function dropout(x: usize, y: usize, seed: u32, least: u32, scale: f32, n: i32, begin: i32, end: i32): void {
  const factor = f32x4.splat(scale), bound = i32x4.splat(least);
  const start = i32x4.add(i32x4.splat(seed * 0x9e3779b1), i32x4(0, 1, 2, 3));
  for (let i = begin * 4; i < min(end * 4, n); i += 4) {
    let h = i32x4.add(start, i32x4.splat(i));
    h = v128.xor(h, i32x4.shr_u(h, 16));
    h = i32x4.mul(h, i32x4.splat(0x85ebca6b));
    h = v128.xor(h, i32x4.shr_u(h, 13));
    h = i32x4.mul(h, i32x4.splat(0xc2b2ae35));
    h = v128.xor(h, i32x4.shr_u(h, 16));
    const scaled = f32x4.mul(v128.load(x + bytes(i)), factor);
    storeLanes(y + bytes(i), v128.and(scaled, i32x4.ge_u(h, bound)), n - i);
  }
}

// Optimizer steps in place: each parameter and its state are read and written once.

/**
 * AdamW on vectors [begin, end): rest is 1 - beta, `rate` and `root` include the bias corrections, param is multiplied
 * by `decay`, then param -= rate * m / (sqrt(v) * root + epsilon).
 */
export function adamW(
  param: usize, grad: usize, m: usize, v: usize, n: i32, beta1: f32, rest1: f32, beta2: f32, rest2: f32, rate: f32,
  root: f32, epsilon: f32, decay: f32, begin: i32, end: i32,
): void {
  const b1 = f32x4.splat(beta1), c1 = f32x4.splat(rest1), b2 = f32x4.splat(beta2), c2 = f32x4.splat(rest2);
  const step = f32x4.splat(rate), scale = f32x4.splat(root), e = f32x4.splat(epsilon), keep = f32x4.splat(decay);
  for (let i = begin; i < end; i++) {
    const o = bytes(i * 4);
    const lanes = n - i * 4;
    const g = v128.load(grad + o);
    const first = madd(c1, g, f32x4.mul(b1, v128.load(m + o)));
    const second = madd(f32x4.mul(c2, g), g, f32x4.mul(b2, v128.load(v + o)));
    storeLanes(m + o, first, lanes);
    storeLanes(v + o, second, lanes);
    const change = f32x4.div(f32x4.mul(step, first), madd(f32x4.sqrt(second), scale, e));
    storeLanes(param + o, f32x4.sub(f32x4.mul(v128.load(param + o), keep), change), lanes);
  }
}

/**
 * SGD on vectors [begin, end): g = grad + decay * param, velocity = momentum * velocity + g, param -= rate * velocity,
 * or with nesterov rate * (g + momentum * velocity). The address `velocity` may be 0: the step is then rate * g.
 */
export function sgd(
  param: usize, grad: usize, velocity: usize, n: i32, rate: f32, momentum: f32, nesterov: i32, decay: f32, begin: i32,
  end: i32,
): void {
  const r = f32x4.splat(-rate), k = f32x4.splat(momentum), d = f32x4.splat(decay);
  for (let i = begin; i < end; i++) {
    const o = bytes(i * 4);
    const lanes = n - i * 4;
    const p = v128.load(param + o);
    let g = madd(d, p, v128.load(grad + o));
    if (velocity) {
      const moved = madd(k, v128.load(velocity + o), g);
      storeLanes(velocity + o, moved, lanes);
      g = nesterov ? madd(k, moved, g) : moved;
    }
    storeLanes(param + o, madd(r, g, p), lanes);
  }
}
