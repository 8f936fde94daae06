// Optimizer steps in place: each parameter and its state are read and written once.
import { bytes, madd, storeLanes } from './vector';

/** AdamW on vectors [begin, end): rest is 1 - beta, `rate` and `root` carry the corrections, param -= rate * m / (sqrt(v) * root + epsilon) after it shrank by `decay`. */
export function adamW(
  param: usize, grad: usize, m: usize, v: usize, n: i32, beta1: f32, rest1: f32, beta2: f32, rest2: f32, rate: f32, root: f32, epsilon: f32, decay: f32,
  begin: i32, end: i32,
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

/** SGD on vectors [begin, end): g = grad + decay * param, velocity = momentum * velocity + g, param -= rate * velocity, or with nesterov rate * (g + momentum * velocity). velocity may be 0: none. */
export function sgd(
  param: usize, grad: usize, velocity: usize, n: i32, rate: f32, momentum: f32, nesterov: i32, decay: f32, begin: i32, end: i32,
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
