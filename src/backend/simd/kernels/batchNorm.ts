// Batch normalisation with ReLU and gate in two passes forward and two backward, over x [pixels, channels].
//
// z = (x - mean) * scale + beta with scale = gamma / sqrt(variance + epsilon), y = relu?(z) * gate[image]; relu 6 is
// ReLU6. Arrays of channels are padded to vectors, so that a vector at an odd end may be loaded; only what exists is
// stored. A gate is [images, channels]; without one, gateStep is 0 and gate points at ones.
import { addToDoubles, bytes, clip, continues, copyFloats, leastOf, madd, mostOf, numberOf, storeLanes, up4 } from './vector';

/** Pixels whose values stay in the first-level cache while the channels pass one after the other. */
// @ts-ignore: decorator
@inline
const STRIP: i32 = 64;

/**
 * The same of many channels, whose pixels lie so far apart that cache lines and pages get in each other's way: for what
 * sums nothing.
 */
// @ts-ignore: decorator
@inline
function stripOf(channels: i32): i32 {
  return max(4, min(STRIP, 4096 / channels));
}

/** Bytes of a chunk's sums: doubles [2][channels], and floats [channels]. */
// @ts-ignore: decorator
@inline
function momentBytes(channels: i32): usize {
  return <usize>up4(channels) * 20;
}

/**
 * This chunk's sums of x - x0 and its square, and x0, the chunk's first pixel, which keeps large means from drowning
 * the variance.
 */
export function batchNormSums(x: usize, channels: i32, sums: usize, begin: i32, end: i32, chunk: i32): void {
  const row = bytes(channels);
  const half = <usize>up4(channels) << 3;
  const first = sums + <usize>numberOf(chunk) * momentBytes(channels);
  const origin = first + 2 * half;
  if (!continues(chunk)) {
    memory.fill(first, 0, 2 * half);
    copyFloats(x + <usize>begin * row, origin, channels);
  }
  for (let p = begin; p < end; p += STRIP) {
    const strip = x + <usize>p * row;
    const length = <usize>min(STRIP, end - p) * row;
    for (let c = 0; c < channels; c += 4) {
      const x0 = v128.load(origin + bytes(c));
      let at = strip + bytes(c);
      const stop = at + length;
      let s = f32x4.splat(0), q = f32x4.splat(0), s1 = f32x4.splat(0), q1 = f32x4.splat(0);
      while (at + row < stop) {
        const v = f32x4.sub(v128.load(at), x0), w = f32x4.sub(v128.load(at + row), x0);
        s = f32x4.add(s, v);
        q = madd(v, v, q);
        s1 = f32x4.add(s1, w);
        q1 = madd(w, w, q1);
        at += 2 * row;
      }
      if (at < stop) {
        const v = f32x4.sub(v128.load(at), x0);
        s = f32x4.add(s, v);
        q = madd(v, v, q);
      }
      addToDoubles(first + (<usize>c << 3), f32x4.add(s, s1));
      addToDoubles(first + half + (<usize>c << 3), f32x4.add(q, q1));
    }
  }
}

/**
 * Mean, biased variance and scale [channels] from the sums of chunks of `units`, added in order about the first one's
 * x0. gamma may be 0: none.
 */
export function batchNormMoments(
  sums: usize, chunks: i32, units: i32, channels: i32, pixels: i32, epsilon: f64, gamma: usize, mean: usize, variance: usize, scale: usize,
): void {
  const half = <usize>up4(channels) << 3;
  for (let c = 0; c < channels; c++) {
    const x0 = <f64>f32.load(sums + 2 * half + bytes(c));
    let s: f64 = 0, q: f64 = 0;
    for (let i = 0; i < chunks; i++) {
      const chunk = sums + <usize>i * momentBytes(channels), at = chunk + (<usize>c << 3);
      const n = <f64>((units * (i + 1)) / chunks - (units * i) / chunks) * (<f64>pixels / <f64>units);
      const part = load<f64>(at), shift = <f64>f32.load(chunk + 2 * half + bytes(c)) - x0;
      s += part + n * shift;
      q += load<f64>(at + half) + shift * (2 * part + n * shift);
    }
    s /= <f64>pixels;
    const v = max<f64>(q / <f64>pixels - s * s, 0);
    f32.store(mean + bytes(c), <f32>(x0 + s));
    f32.store(variance + bytes(c), <f32>v);
    f32.store(scale + bytes(c), <f32>((gamma ? <f64>f32.load(gamma + bytes(c)) : 1) / Math.sqrt(v + epsilon)));
  }
}

/** scale [channels] = gamma / sqrt(variance + epsilon), for given moments. */
export function batchNormScale(variance: usize, gamma: usize, scale: usize, channels: i32, epsilon: f64): void {
  for (let c = 0; c < channels; c++) {
    const g: f64 = gamma ? <f64>f32.load(gamma + bytes(c)) : 1;
    f32.store(scale + bytes(c), <f32>(g / Math.sqrt(<f64>f32.load(variance + bytes(c)) + epsilon)));
  }
}

/** y for pixels [begin, end), yRow bytes apart: they may lie among other channels. */
export function batchNormApply(
  x: usize, y: usize, yRow: usize, mean: usize, scale: usize, beta: usize, gate: usize, gateStep: i32, imagePixels: i32, channels: i32, relu: i32,
  begin: i32, end: i32,
): void {
  const row = bytes(channels);
  const least = leastOf(relu), most = mostOf(relu);
  const strip = stripOf(channels);
  for (let p = begin; p < end;) {
    const image = p / imagePixels;
    const count = min(min(strip, end - p), (image + 1) * imagePixels - p);
    const length = <usize>count * row;
    const from = x + <usize>p * row, to = y + <usize>p * yRow;
    const g = gate + bytes(image * gateStep);
    for (let c = 0; c < channels; c += 4) {
      const o = bytes(c);
      const m = v128.load(mean + o), s = v128.load(scale + o), b = v128.load(beta + o), open = v128.load(g + o);
      let i = o, j = o;
      const stop = o + length;
      if (channels - c >= 4) {
        while (i < stop) {
          const z = madd(f32x4.sub(v128.load(from + i), m), s, b);
          v128.store(to + j, f32x4.mul(clip(z, least, most), open));
          i += row;
          j += yRow;
        }
      } else {
        while (i < stop) {
          const z = madd(f32x4.sub(v128.load(from + i), m), s, b);
          storeLanes(to + j, f32x4.mul(clip(z, least, most), open), channels - c);
          i += row;
          j += yRow;
        }
      }
    }
    p += count;
  }
}

/** Where the activation of z has a slope. */
// @ts-ignore: decorator
@inline
function passed(z: v128, least: v128, most: v128): v128 {
  return v128.and(f32x4.gt(z, least), f32x4.le(z, most));
}

/** The sum of dy at the pixels of x [from, end) where z is above `most`. */
function sumAbove(from: usize, end: usize, row: usize, dy: usize, dyRow: usize, m: v128, s: v128, b: v128, most: v128): v128 {
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
 * This chunk's sums of g and g * (x - mean) (doubles [2][channels]), where g is the gradient of z; and, with a gate,
 * its gradient. dy's pixels are dyRow bytes apart. Items are `unit` pixels each: with a gate whole images, so that one
 * thread sums an image's gate.
 */
export function batchNormGradientSums(
  x: usize, dy: usize, dyRow: usize, mean: usize, scale: usize, beta: usize, gate: usize, gateStep: i32, dgate: usize, imagePixels: i32, channels: i32,
  relu: i32, unit: i32, sums: usize, begin: i32, end: i32, chunk: i32,
): void {
  const row = bytes(channels);
  const half = <usize>up4(channels) << 3;
  const first = sums + <usize>numberOf(chunk) * 2 * half;
  if (!continues(chunk)) memory.fill(first, 0, 2 * half);
  if (dgate) memory.fill(dgate + bytes(begin * channels), 0, bytes((end - begin) * channels));
  const least = leastOf(relu), most = mostOf(relu);
  const last = end * unit;
  for (let p = begin * unit; p < last;) {
    const image = p / imagePixels;
    const count = min(min(STRIP, last - p), (image + 1) * imagePixels - p);
    const length = <usize>count * row;
    const from = x + <usize>p * row, d = dy + <usize>p * dyRow;
    const g = gate + bytes(image * gateStep);
    for (let c = 0; c < channels; c += 4) {
      const o = bytes(c);
      const m = v128.load(mean + o), s = v128.load(scale + o), b = v128.load(beta + o), open = v128.load(g + o);
      let i = o, j = o;
      const stop = o + length;
      let sum = f32x4.splat(0), product = f32x4.splat(0);
      while (i < stop) {
        const v = f32x4.sub(v128.load(from + i), m);
        const e = v128.and(v128.load(d + j), passed(madd(v, s, b), least, most));
        sum = f32x4.add(sum, e);
        product = madd(e, v, product);
        i += row;
        j += dyRow;
      }
      if (dgate) {
        const to = dgate + bytes(image * channels) + o;
        let change = madd(product, s, f32x4.mul(sum, b));
        // Values above 6 reach the gate as 6.
        if (relu == 6) change = madd(most, sumAbove(from + o, from + stop, row, d + o, dyRow, m, s, b, most), change);
        storeLanes(to, f32x4.add(v128.load(to), change), channels - c);
      }
      addToDoubles(first + (<usize>c << 3), f32x4.mul(sum, open));
      addToDoubles(first + half + (<usize>c << 3), f32x4.mul(product, open));
    }
    p += count;
  }
}

/**
 * dgamma, dbeta and, for dx = scale * g + slope * (x - mean) + shift, slope and shift [channels]. Moments that were
 * given, not computed, carry no gradient: slope = shift = 0.
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

/** dx, dxRow bytes a pixel, for pixels [begin, end). */
export function batchNormGradientApply(
  x: usize, dy: usize, dyRow: usize, mean: usize, scale: usize, beta: usize, gate: usize, gateStep: i32, dx: usize, dxRow: usize, slope: usize,
  shift: usize, imagePixels: i32, channels: i32, relu: i32, begin: i32, end: i32,
): void {
  const row = bytes(channels);
  const least = leastOf(relu), most = mostOf(relu);
  const strip = stripOf(channels);
  for (let p = begin; p < end;) {
    const image = p / imagePixels;
    const count = min(min(strip, end - p), (image + 1) * imagePixels - p);
    const length = <usize>count * row;
    const from = x + <usize>p * row, d = dy + <usize>p * dyRow, to = dx + <usize>p * dxRow;
    const g = gate + bytes(image * gateStep);
    for (let c = 0; c < channels; c += 4) {
      const o = bytes(c);
      const m = v128.load(mean + o), s = v128.load(scale + o), b = v128.load(beta + o);
      const a = f32x4.mul(s, v128.load(g + o)), k = v128.load(slope + o), t = v128.load(shift + o);
      let i = o, j = o, at = o;
      const stop = o + length;
      if (channels - c >= 4) {
        while (i < stop) {
          const v = f32x4.sub(v128.load(from + i), m);
          const e = v128.and(v128.load(d + j), passed(madd(v, s, b), least, most));
          v128.store(to + at, madd(e, a, madd(v, k, t)));
          i += row;
          j += dyRow;
          at += dxRow;
        }
      } else {
        while (i < stop) {
          const v = f32x4.sub(v128.load(from + i), m);
          const e = v128.and(v128.load(d + j), passed(madd(v, s, b), least, most));
          storeLanes(to + at, madd(e, a, madd(v, k, t)), channels - c);
          i += row;
          j += dyRow;
          at += dxRow;
        }
      }
    }
    p += count;
  }
}

/** y *= gate, in place, for pixels [begin, end), `row` bytes apart; gate [N, channels]. */
export function gateRows(y: usize, row: usize, gate: usize, imagePixels: i32, channels: i32, begin: i32, end: i32): void {
  for (let p = begin; p < end; p++) {
    const g = gate + bytes((p / imagePixels) * channels), at = y + <usize>p * row;
    for (let c = 0; c < channels; c += 4) {
      const o = bytes(c);
      storeLanes(at + o, f32x4.mul(v128.load(at + o), v128.load(g + o)), channels - c);
    }
  }
}
