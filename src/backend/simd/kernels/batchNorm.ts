// Batch normalisation with ReLU and gate, over x [pixels, channels], in two passes forward and two backward
// (batchNormGradient.ts).
//
// z = (x - mean) * scale + beta with scale = gamma / sqrt(variance + epsilon), y = relu?(z) * gate[image]; relu 6 is
// ReLU6. Arrays of channels are padded to whole vectors, so that the last vector may be loaded; only existing channels
// are stored. A gate is [images, channels]; without one, gateStep is 0 and gate points at ones.
import {
  addToDoubles, bytes, clip, continues, copyFloats, leastOf, madd, mostOf, numberOf, storeLanes, storePair, up4,
} from './vector';

/** Pixels per strip: their values stay in the first-level cache while each group of channels is processed in turn. */
// @ts-ignore: decorator
@inline
export const STRIP: i32 = 64;

/** Bytes of a chunk's sums: doubles [2][channels], and floats [channels]. */
// @ts-ignore: decorator
@inline
function momentBytes(channels: i32): usize {
  return <usize>up4(channels) * 20;
}

/**
 * Writes the sums of eight channels of x - x0 and of its square over pixels [x, end) to `stage`. Values beyond the last
 * channel are summed as well, and ignored.
 */
export function sumStrip(x: usize, end: usize, row: usize, origin: usize, stage: usize): void {
  const o0 = v128.load(origin), o1 = v128.load(origin, 16);
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), q0 = f32x4.splat(0), q1 = f32x4.splat(0);
  let t0 = f32x4.splat(0), t1 = f32x4.splat(0), r0 = f32x4.splat(0), r1 = f32x4.splat(0);
  while (x + row < end) {
    const v0 = f32x4.sub(v128.load(x), o0), v1 = f32x4.sub(v128.load(x, 16), o1);
    s0 = f32x4.add(s0, v0); s1 = f32x4.add(s1, v1);
    q0 = madd(v0, v0, q0); q1 = madd(v1, v1, q1);
    x += row;
    const w0 = f32x4.sub(v128.load(x), o0), w1 = f32x4.sub(v128.load(x, 16), o1);
    t0 = f32x4.add(t0, w0); t1 = f32x4.add(t1, w1);
    r0 = madd(w0, w0, r0); r1 = madd(w1, w1, r1);
    x += row;
  }
  if (x < end) {
    const v0 = f32x4.sub(v128.load(x), o0), v1 = f32x4.sub(v128.load(x, 16), o1);
    s0 = f32x4.add(s0, v0); s1 = f32x4.add(s1, v1);
    q0 = madd(v0, v0, q0); q1 = madd(v1, v1, q1);
  }
  storePair(stage, f32x4.add(s0, t0), f32x4.add(s1, t1));
  storePair(stage + 32, f32x4.add(q0, r0), f32x4.add(q1, r1));
}

/** Adds the stage's two sums of eight channels to doubles, `half` bytes apart, for the channels that exist. */
// @ts-ignore: decorator
@inline
export function addSums(stage: usize, to: usize, half: usize, channels: i32): void {
  addToDoubles(to, v128.load(stage));
  addToDoubles(to + half, v128.load(stage, 32));
  if (channels <= 4) return;
  addToDoubles(to + 32, v128.load(stage, 16));
  addToDoubles(to + 32 + half, v128.load(stage, 48));
}

/**
 * Computes this chunk's sums of x - x0 and its square, and x0, the chunk's first pixel, which keeps the variance
 * accurate for large means.
 */
export function batchNormSums(
  x: usize, channels: i32, sums: usize, begin: i32, end: i32, chunk: i32, stage: usize,
): void {
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
    for (let c = 0; c < channels; c += 8) {
      const at = strip + bytes(c);
      sumStrip(at, at + length, row, origin + bytes(c), stage);
      addSums(stage, first + (<usize>c << 3), half, channels - c);
    }
  }
}

/**
 * Computes mean, biased variance and scale [channels] from the sums of chunks of `units`, added in order relative to
 * the first chunk's x0. The address `gamma` may be 0: gamma is then 1.
 */
export function batchNormMoments(
  sums: usize, chunks: i32, units: i32, channels: i32, pixels: i32, epsilon: f64, gamma: usize, mean: usize,
  variance: usize, scale: usize,
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

/** Computes y of the pixels [x, end) for `whole` bytes of channels, eight channels at a time. */
export function applyStrip(
  x: usize, end: usize, row: usize, y: usize, yRow: usize, mean: usize, scale: usize, beta: usize, gate: usize,
  whole: usize, relu: i32,
): void {
  const least = leastOf(relu), most = mostOf(relu);
  while (x < end) {
    let i: usize = 0;
    while (i < whole) {
      const from = x + i, to = y + i;
      const z0 = madd(f32x4.sub(v128.load(from), v128.load(mean + i)), v128.load(scale + i), v128.load(beta + i));
      const z1 = madd(f32x4.sub(v128.load(from, 16), v128.load(mean + i, 16)), v128.load(scale + i, 16),
        v128.load(beta + i, 16));
      storePair(to, f32x4.mul(clip(z0, least, most), v128.load(gate + i)),
        f32x4.mul(clip(z1, least, most), v128.load(gate + i, 16)));
      i += 32;
    }
    x += row;
    y += yRow;
  }
}

/** Computes y for pixels [begin, end), yRow bytes apart, since they may lie among other channels. */
export function batchNormApply(
  x: usize, y: usize, yRow: usize, mean: usize, scale: usize, beta: usize, gate: usize, gateStep: i32, imagePixels: i32,
  channels: i32, relu: i32, begin: i32, end: i32,
): void {
  const row = bytes(channels), whole = bytes(channels & ~7);
  const least = leastOf(relu), most = mostOf(relu);
  for (let p = begin; p < end;) {
    const image = p / imagePixels;
    const count = min(end, (image + 1) * imagePixels) - p;
    const from = x + <usize>p * row, to = y + <usize>p * yRow, stop = from + <usize>count * row;
    const g = gate + bytes(image * gateStep);
    if (whole) applyStrip(from, stop, row, to, yRow, mean, scale, beta, g, whole, relu);
    for (let o = whole; o < row; o += 16) {
      const m = v128.load(mean + o), s = v128.load(scale + o), b = v128.load(beta + o), open = v128.load(g + o);
      const lanes = <i32>((row - o) >> 2);
      for (let at = from, j = to + o; at < stop; at += row, j += yRow) {
        const z = madd(f32x4.sub(v128.load(at + o), m), s, b);
        storeLanes(j, f32x4.mul(clip(z, least, most), open), lanes);
      }
    }
    p += count;
  }
}

/** y *= gate, in place, for pixels [begin, end), `row` bytes apart; gate [N, channels]. */
export function gateRows(
  y: usize, row: usize, gate: usize, imagePixels: i32, channels: i32, begin: i32, end: i32,
): void {
  for (let p = begin; p < end; p++) {
    const g = gate + bytes((p / imagePixels) * channels), at = y + <usize>p * row;
    for (let c = 0; c < channels; c += 4) {
      const o = bytes(c);
      storeLanes(at + o, f32x4.mul(v128.load(at + o), v128.load(g + o)), channels - c);
    }
  }
}
