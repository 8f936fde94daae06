// The two passes of batch normalisation's gradient; batchNorm.ts explains the arguments.
import { STRIP, addSums } from './batchNorm';
import { bytes, continues, leastOf, madd, mostOf, numberOf, storeLanes, storePair, up4 } from './vector';

/** A mask of the lanes where the activation of z has slope 1. */
// @ts-ignore: decorator
@inline
function passed(z: v128, least: v128, most: v128): v128 {
  return v128.and(f32x4.gt(z, least), f32x4.le(z, most));
}

/** Returns the sum of dy at the pixels of x [from, end) where z is above `most`. */
function sumAbove(
  from: usize, end: usize, row: usize, dy: usize, dyRow: usize, m: v128, s: v128, b: v128, most: v128,
): v128 {
  let sum = f32x4.splat(0);
  while (from < end) {
    const z = madd(f32x4.sub(v128.load(from), m), s, b);
    sum = f32x4.add(sum, v128.and(v128.load(dy), f32x4.gt(z, most)));
    from += row;
    dy += dyRow;
  }
  return sum;
}

/**
 * Writes the sums of eight channels of g and of g * (x - mean) over pixels [x, end) to `stage`, as `sumStrip` does; g
 * is the gradient of z, without the gate.
 */
export function gradientStrip(
  x: usize, end: usize, row: usize, dy: usize, dyRow: usize, mean: usize, scale: usize, beta: usize, relu: i32,
  stage: usize,
): void {
  const least = leastOf(relu), most = mostOf(relu);
  const m0 = v128.load(mean), m1 = v128.load(mean, 16), s0 = v128.load(scale), s1 = v128.load(scale, 16);
  const b0 = v128.load(beta), b1 = v128.load(beta, 16);
  let t0 = f32x4.splat(0), t1 = f32x4.splat(0), q0 = f32x4.splat(0), q1 = f32x4.splat(0);
  while (x < end) {
    const v0 = f32x4.sub(v128.load(x), m0), v1 = f32x4.sub(v128.load(x, 16), m1);
    const e0 = v128.and(v128.load(dy), passed(madd(v0, s0, b0), least, most));
    const e1 = v128.and(v128.load(dy, 16), passed(madd(v1, s1, b1), least, most));
    t0 = f32x4.add(t0, e0); t1 = f32x4.add(t1, e1);
    q0 = madd(e0, v0, q0); q1 = madd(e1, v1, q1);
    x += row;
    dy += dyRow;
  }
  storePair(stage, t0, t1);
  storePair(stage + 32, q0, q1);
}

/**
 * Computes this chunk's sums of g and g * (x - mean) (doubles [2][channels]), where g is the gradient of z, and the
 * gate's gradient if there is a gate. dy's pixels are dyRow bytes apart. Items are `unit` pixels each: whole images
 * with a gate, so that one thread sums an image's gate.
 */
export function batchNormGradientSums(
  x: usize, dy: usize, dyRow: usize, mean: usize, scale: usize, beta: usize, gate: usize, gateStep: i32, dgate: usize,
  imagePixels: i32, channels: i32, relu: i32, unit: i32, sums: usize, begin: i32, end: i32, chunk: i32, stage: usize,
): void {
  const row = bytes(channels);
  const half = <usize>up4(channels) << 3;
  const first = sums + <usize>numberOf(chunk) * 2 * half;
  if (!continues(chunk)) memory.fill(first, 0, 2 * half);
  if (dgate) memory.fill(dgate + bytes(begin * channels), 0, bytes((end - begin) * channels));
  const most = mostOf(relu);
  const last = end * unit;
  for (let p = begin * unit; p < last;) {
    const image = p / imagePixels;
    const count = min(min(STRIP, last - p), (image + 1) * imagePixels - p);
    const length = <usize>count * row;
    const from = x + <usize>p * row, d = dy + <usize>p * dyRow;
    const g = gate + bytes(image * gateStep);
    for (let c = 0; c < channels; c += 8) {
      const o = bytes(c);
      gradientStrip(from + o, from + o + length, row, d + o, dyRow, mean + o, scale + o, beta + o, relu, stage);
      for (let h = o; h < min(o + 32, row); h += 16) {
        const sum = v128.load(stage + h - o), product = v128.load(stage + h - o, 32);
        if (dgate) {
          const m = v128.load(mean + h), s = v128.load(scale + h), b = v128.load(beta + h);
          const to = dgate + bytes(image * channels) + h;
          let change = madd(product, s, f32x4.mul(sum, b));
          // Values above 6 reach the gate as 6.
          if (relu == 6)
            change = madd(most, sumAbove(from + h, from + h + length, row, d + h, dyRow, m, s, b, most), change);
          storeLanes(to, f32x4.add(v128.load(to), change), <i32>((row - h) >> 2));
        }
        const open = v128.load(g + h);
        v128.store(stage + h - o, f32x4.mul(sum, open));
        v128.store(stage + h - o, f32x4.mul(product, open), 32);
      }
      addSums(stage, first + (<usize>c << 3), half, channels - c);
    }
    p += count;
  }
}

/**
 * Computes dgamma, dbeta and, for dx = scale * g + slope * (x - mean) + shift, slope and shift [channels]. Moments that
 * were given rather than computed carry no gradient: slope = shift = 0.
 */
export function batchNormGradientMoments(
  sums: usize, chunks: i32, channels: i32, pixels: i32, epsilon: f64, variance: usize, scale: usize, given: i32,
  dgamma: usize, dbeta: usize, slope: usize, shift: usize,
): void {
  const half = <usize>up4(channels) << 3;
  for (let c = 0; c < channels; c++) {
    let s: f64 = 0, q: f64 = 0;
    for (let i = 0; i < chunks; i++) {
      const at = sums + <usize>i * 2 * half + (<usize>c << 3);
      s += load<f64>(at);
      q += load<f64>(at + half);
    }
    const inverse = 1 / Math.sqrt(<f64>f32.load(variance + bytes(c)) + epsilon);
    const k = given ? 0 : <f64>f32.load(scale + bytes(c)) / <f64>pixels;
    f32.store(dgamma + bytes(c), <f32>(q * inverse));
    f32.store(dbeta + bytes(c), <f32>s);
    f32.store(slope + bytes(c), <f32>(-k * inverse * inverse * q));
    f32.store(shift + bytes(c), <f32>(-k * s));
  }
}

/** Computes dx of the pixels [x, end) for `whole` bytes of channels, eight channels at a time. */
export function gradientApplyStrip(
  x: usize, end: usize, row: usize, dy: usize, dyRow: usize, dx: usize, dxRow: usize, mean: usize, scale: usize,
  beta: usize, gate: usize, slope: usize, shift: usize, whole: usize, relu: i32,
): void {
  const least = leastOf(relu), most = mostOf(relu);
  while (x < end) {
    let i: usize = 0;
    while (i < whole) {
      const from = x + i, d = dy + i, to = dx + i;
      const s0 = v128.load(scale + i), s1 = v128.load(scale + i, 16);
      const v0 = f32x4.sub(v128.load(from), v128.load(mean + i)),
        v1 = f32x4.sub(v128.load(from, 16), v128.load(mean + i, 16));
      const e0 = v128.and(v128.load(d), passed(madd(v0, s0, v128.load(beta + i)), least, most));
      const e1 = v128.and(v128.load(d, 16), passed(madd(v1, s1, v128.load(beta + i, 16)), least, most));
      const a0 = f32x4.mul(s0, v128.load(gate + i)), a1 = f32x4.mul(s1, v128.load(gate + i, 16));
      const r0 = madd(v0, v128.load(slope + i), v128.load(shift + i)),
        r1 = madd(v1, v128.load(slope + i, 16), v128.load(shift + i, 16));
      storePair(to, madd(e0, a0, r0), madd(e1, a1, r1));
      i += 32;
    }
    x += row;
    dy += dyRow;
    dx += dxRow;
  }
}

/** Computes dx, with pixels dxRow bytes apart, for pixels [begin, end). */
export function batchNormGradientApply(
  x: usize, dy: usize, dyRow: usize, mean: usize, scale: usize, beta: usize, gate: usize, gateStep: i32, dx: usize,
  dxRow: usize, slope: usize, shift: usize, imagePixels: i32, channels: i32, relu: i32, begin: i32, end: i32,
): void {
  const row = bytes(channels), whole = bytes(channels & ~7);
  const least = leastOf(relu), most = mostOf(relu);
  for (let p = begin; p < end;) {
    const image = p / imagePixels;
    const count = min(end, (image + 1) * imagePixels) - p;
    const from = x + <usize>p * row, d = dy + <usize>p * dyRow, to = dx + <usize>p * dxRow,
      stop = from + <usize>count * row;
    const g = gate + bytes(image * gateStep);
    if (whole)
      gradientApplyStrip(from, stop, row, d, dyRow, to, dxRow, mean, scale, beta, g, slope, shift, whole, relu);
    for (let o = whole; o < row; o += 16) {
      const m = v128.load(mean + o), s = v128.load(scale + o), b = v128.load(beta + o);
      const a = f32x4.mul(s, v128.load(g + o)), k = v128.load(slope + o), t = v128.load(shift + o);
      const lanes = <i32>((row - o) >> 2);
      for (let at = from, i = d + o, j = to + o; at < stop; at += row, i += dyRow, j += dxRow) {
        const v = f32x4.sub(v128.load(at + o), m);
        const e = v128.and(v128.load(i), passed(madd(v, s, b), least, most));
        storeLanes(j, madd(e, a, madd(v, k, t)), lanes);
      }
    }
    p += count;
  }
}
