// Activations that other networks use, four values at a time, and their gradients.
import { bytes, clip, storeLanes } from './vector';

// The operations: their numbers are shared with overrides/activations.ts.
const SIGMOID = 0, TANH = 1, ELU = 2, LEAKY = 3, ERF = 4, BOUNDS = 5, SELU = 6, SOFTPLUS = 7, SWISH = 8, GELU = 9;
// @ts-ignore: decorator
@inline
const SELU_SCALE: f32 = 1.0507009873554805, SELU_SCALE_ALPHA: f32 = 1.7580993408473768;

/**
 * e^x: x = n ln 2 + r with |r| <= ln 2 / 2, a polynomial of r as in Cephes' expf, and 2^n built from the exponent's
 * bits. Off by at most two units in the last place; NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
function exp(v: v128): v128 {
  const x = clip(v, f32x4.splat(-87.3), f32x4.splat(88.3));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504)));
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375))), f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}

/** tanh(x): near 0 a polynomial of x, as in Cephes' tanhf, elsewhere 1 - 2 / (e^2|x| + 1) with the sign of x. */
// @ts-ignore: decorator
@inline
function tanh(x: v128): v128 {
  const one = f32x4.splat(1), size = f32x4.abs(x), square = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(2.06390887954e-2));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(-5.37397155531e-2));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1.33314422036e-1));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(-3.33332819422e-1));
  const near = f32x4.add(f32x4.mul(f32x4.mul(p, square), x), x);
  const far = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(exp(f32x4.add(size, size)), one)));
  const sign = v128.and(x, i32x4.splat(0x80000000));
  return v128.bitselect(near, v128.or(far, sign), f32x4.lt(size, f32x4.splat(0.625)));
}

/** The error function by Abramowitz and Stegun 7.1.26, as in tfjs: off by at most 1.5e-7. */
// @ts-ignore: decorator
@inline
function erf(x: v128): v128 {
  const one = f32x4.splat(1), size = f32x4.abs(x);
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(size, f32x4.splat(0.3275911))));
  let p = f32x4.splat(1.061405429);
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-1.453152027));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(1.421413741));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-0.284496736));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.254829592));
  const y = f32x4.sub(one, f32x4.mul(f32x4.mul(p, t), exp(f32x4.neg(f32x4.mul(x, x)))));
  return v128.or(y, v128.and(x, i32x4.splat(0x80000000)));
}

/** 1 / (1 + e^-x) */
// @ts-ignore: decorator
@inline
function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(exp(f32x4.neg(x)), one));
}

/**
 * ln(1 + e^x) = max(x, 0) + ln(1 + e) with e = e^-|x|. ln(1 + e) is the series of 2 artanh(z) with z = e / (2 + e) <=
 * 1/3.
 */
// @ts-ignore: decorator
@inline
function softplus(x: v128): v128 {
  const e = exp(f32x4.neg(f32x4.abs(x)));
  const z = f32x4.div(e, f32x4.add(e, f32x4.splat(2)));
  const square = f32x4.mul(z, z);
  let p = f32x4.splat(2.0 / 15);
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(2.0 / 13));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(2.0 / 11));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(2.0 / 9));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(2.0 / 7));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(2.0 / 5));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(2.0 / 3));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(2));
  return f32x4.add(f32x4.pmax(x, f32x4.splat(0)), f32x4.mul(p, z));
}

/** The share of a normal distribution below x: (1 + erf(x / sqrt(2))) / 2. */
// @ts-ignore: decorator
@inline
function below(x: v128): v128 {
  const half = f32x4.splat(0.5);
  return f32x4.add(half, f32x4.mul(half, erf(f32x4.mul(x, f32x4.splat(0.70710678)))));
}

// @ts-ignore: decorator
@inline
function activated(operation: i32, x: v128, least: v128, most: v128): v128 {
  const one = f32x4.splat(1), zero = f32x4.splat(0);
  if (operation == SIGMOID) return sigmoid(x);
  if (operation == TANH) return tanh(x);
  if (operation == ELU) return v128.bitselect(x, f32x4.sub(exp(x), one), f32x4.ge(x, zero));
  if (operation == LEAKY) return v128.bitselect(f32x4.mul(x, least), x, f32x4.lt(x, zero));
  if (operation == ERF) return erf(x);
  if (operation == SELU) {
    const lower = f32x4.mul(f32x4.splat(SELU_SCALE_ALPHA), f32x4.sub(exp(x), one));
    return v128.bitselect(f32x4.mul(f32x4.splat(SELU_SCALE), x), lower, f32x4.ge(x, zero));
  }
  if (operation == SOFTPLUS) return softplus(x);
  if (operation == SWISH) return f32x4.mul(x, sigmoid(x));
  if (operation == GELU) return f32x4.mul(x, below(x));
  return clip(x, least, most);
}

// @ts-ignore: decorator
@inline
function activateLoop(operation: i32, x: usize, y: usize, least: v128, most: v128, n: i32): void {
  for (let i = 0; i < n; i += 4) {
    storeLanes(y + bytes(i), activated(operation, v128.load(x + bytes(i)), least, most), n - i);
  }
}

/**
 * y = an activation of x, for vectors [begin, end) of n values: sigmoid, tanh, ELU, leaky ReLU whose slope is `least`,
 * the error function, x within [least, most], SELU, softplus, swish x sigmoid(x), or GELU x (1 + erf(x / sqrt(2))) / 2.
 */
export function activate(
  operation: i32, x: usize, y: usize, least: f32, most: f32, n: i32, begin: i32, end: i32,
): void {
  const from = x + bytes(begin * 4), to = y + bytes(begin * 4);
  const count = min(end * 4, n) - begin * 4;
  const a = f32x4.splat(least), b = f32x4.splat(most);
  if (operation == SIGMOID) activateLoop(SIGMOID, from, to, a, b, count);
  else if (operation == TANH) activateLoop(TANH, from, to, a, b, count);
  else if (operation == ELU) activateLoop(ELU, from, to, a, b, count);
  else if (operation == LEAKY) activateLoop(LEAKY, from, to, a, b, count);
  else if (operation == ERF) activateLoop(ERF, from, to, a, b, count);
  else if (operation == SELU) activateLoop(SELU, from, to, a, b, count);
  else if (operation == SOFTPLUS) activateLoop(SOFTPLUS, from, to, a, b, count);
  else if (operation == SWISH) activateLoop(SWISH, from, to, a, b, count);
  else if (operation == GELU) activateLoop(GELU, from, to, a, b, count);
  else activateLoop(BOUNDS, from, to, a, b, count);
}

/**
 * Computes dx from dy and the activation's output y:
 * - sigmoid: dy y (1 - y)
 * - tanh: dy (1 - y^2)
 * - ELU: dy, below 0 dy (y + 1)
 *
 * or its input x, with s = sigmoid(x) and GELU(x) = x p:
 * - leaky ReLU: dy, not above 0 dy * least
 * - error function: dy 2 / sqrt(pi) e^-x^2
 * - clip: dy, outside of the bounds 0
 * - SELU: dy scale, not above 0 dy scale alpha e^x
 * - softplus: dy s
 * - swish: dy (s + x s (1 - s))
 * - GELU: dy (p + x e^(-x^2 / 2) / sqrt(2 pi))
 */
export function activationGradient(
  operation: i32, dy: usize, z: usize, dx: usize, least: f32, most: f32, n: i32, begin: i32, end: i32,
): void {
  const one = f32x4.splat(1), zero = f32x4.splat(0), a = f32x4.splat(least), b = f32x4.splat(most);
  for (let i = begin * 4; i < min(end * 4, n); i += 4) {
    const v = v128.load(z + bytes(i)), d = v128.load(dy + bytes(i));
    let result: v128;
    if (operation == SIGMOID) result = f32x4.mul(d, f32x4.mul(v, f32x4.sub(one, v)));
    else if (operation == TANH) result = f32x4.mul(d, f32x4.sub(one, f32x4.mul(v, v)));
    else if (operation == ELU) result = v128.bitselect(d, f32x4.mul(d, f32x4.add(v, one)), f32x4.ge(v, zero));
    else if (operation == LEAKY) result = v128.bitselect(d, f32x4.mul(d, a), f32x4.gt(v, zero));
    else if (operation == ERF) {
      result = f32x4.mul(d, f32x4.mul(f32x4.splat(1.128379167), exp(f32x4.neg(f32x4.mul(v, v)))));
    } else if (operation == SELU) {
      const lower = f32x4.mul(f32x4.mul(d, f32x4.splat(SELU_SCALE_ALPHA)), exp(v));
      result = v128.bitselect(f32x4.mul(d, f32x4.splat(SELU_SCALE)), lower, f32x4.gt(v, zero));
    } else if (operation == SOFTPLUS) result = f32x4.mul(d, sigmoid(v));
    else if (operation == SWISH) {
      const s = sigmoid(v);
      result = f32x4.mul(d, f32x4.add(s, f32x4.mul(f32x4.mul(v, s), f32x4.sub(one, s))));
    } else if (operation == GELU) {
      const density = f32x4.mul(f32x4.splat(0.39894228), exp(f32x4.mul(f32x4.splat(-0.5), f32x4.mul(v, v))));
      result = f32x4.mul(d, f32x4.add(below(v), f32x4.mul(v, density)));
    } else result = v128.and(d, v128.and(f32x4.ge(v, a), f32x4.le(v, b)));
    storeLanes(dx + bytes(i), result, n - i);
  }
}

/** y = e^(x - max) / its sum, for rows [begin, end) of n values. */
export function softmax(x: usize, y: usize, n: i32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    const from = x + bytes(r * n), to = y + bytes(r * n);
    let most = f32.load(from);
    for (let i = 1; i < n; i++) most = max(most, f32.load(from + bytes(i)));
    const shift = f32x4.splat(most);
    for (let i = 0; i < n; i += 4) {
      storeLanes(to + bytes(i), exp(f32x4.sub(v128.load(from + bytes(i)), shift)), n - i);
    }
    let sum: f64 = 0;
    for (let i = 0; i < n; i++) sum += f32.load(to + bytes(i));
    const total = f32x4.splat(<f32>sum);
    for (let i = 0; i < n; i += 4) {
      storeLanes(to + bytes(i), f32x4.div(v128.load(to + bytes(i)), total), n - i);
    }
  }
}
