// The 3x3 tiles of depthwise convolutions for engines that join pairs of 128-bit operations (wideTile.ts): all nine
// taps in one round, because each of the nine rounds of depthwise.ts would be over too soon. The sums are the same, bit
// for bit.
import { clip, leastOf, madd, mostOf, storePair } from './vector';

/** Values that a tile reads once and needs no register for; all but relu, left and right are addresses and bytes. */
@unmanaged
export class Steps {
  /** Bytes from one row of the filter to the next. */
  tap: usize;
  /** Bytes from a pixel of the input to its neighbour, and to the pixel under the next output pixel. */
  pixel: usize;
  step: usize;
  bias: usize;
  out: usize;
  outPixel: usize;
  relu: i32;
  /**
   * All bits set, or none if the first window's left column, or the last window's right column, lies outside of the
   * image.
   */
  left: i32;
  right: i32;
}

/** Adds to c the products of three neighbouring pixels, for the first four channels (low) or the next four (high). */
// @ts-ignore: decorator
@inline
function low(p: usize, pixel: usize, w0: v128, w1: v128, w2: v128, c: v128): v128 {
  const q = p + pixel;
  return madd(v128.load(q + pixel), w2, madd(v128.load(q), w1, madd(v128.load(p), w0, c)));
}

// @ts-ignore: decorator
@inline
function high(p: usize, pixel: usize, w0: v128, w1: v128, w2: v128, c: v128): v128 {
  const q = p + pixel;
  return madd(v128.load(q + pixel, 16), w2, madd(v128.load(q, 16), w1, madd(v128.load(p, 16), w0, c)));
}

/** The same if the first pixel, or the last, counts only where `seen` is set. */
// @ts-ignore: decorator
@inline
function lowFirst(p: usize, pixel: usize, seen: v128, w0: v128, w1: v128, w2: v128, c: v128): v128 {
  const q = p + pixel;
  return madd(v128.load(q + pixel), w2, madd(v128.load(q), w1, madd(v128.and(v128.load(p), seen), w0, c)));
}

// @ts-ignore: decorator
@inline
function highFirst(p: usize, pixel: usize, seen: v128, w0: v128, w1: v128, w2: v128, c: v128): v128 {
  const q = p + pixel;
  return madd(v128.load(q + pixel, 16), w2, madd(v128.load(q, 16), w1, madd(v128.and(v128.load(p, 16), seen), w0, c)));
}

// @ts-ignore: decorator
@inline
function lowLast(p: usize, pixel: usize, seen: v128, w0: v128, w1: v128, w2: v128, c: v128): v128 {
  const q = p + pixel;
  return madd(v128.and(v128.load(q + pixel), seen), w2, madd(v128.load(q), w1, madd(v128.load(p), w0, c)));
}

// @ts-ignore: decorator
@inline
function highLast(p: usize, pixel: usize, seen: v128, w0: v128, w1: v128, w2: v128, c: v128): v128 {
  const q = p + pixel;
  return madd(v128.and(v128.load(q + pixel, 16), seen), w2, madd(v128.load(q, 16), w1, madd(v128.load(p, 16), w0, c)));
}

/**
 * Computes four output pixels of one row, for `length` bytes of channels: out = relu?(bias + sum of 3x3 taps). r0, r1
 * and r2 are the first window's rows in the input.
 */
export function wideDepthwiseTile(steps: Steps, w: usize, length: usize, r0: usize, r1: usize, r2: usize): void {
  const tap = steps.tap, pixel = steps.pixel, step = steps.step, outPixel = steps.outPixel;
  const least = leastOf(steps.relu), most = mostOf(steps.relu);
  const left = v128.load32_splat(changetype<usize>(steps), offsetof<Steps>('left'));
  const right = v128.load32_splat(changetype<usize>(steps), offsetof<Steps>('right'));
  let bias = steps.bias, out = steps.out;
  const end = w + length;
  while (w < end) {
    const b0 = v128.load(bias), b1 = v128.load(bias, 16);
    let c00 = b0, c01 = b1, c10 = b0, c11 = b1, c20 = b0, c21 = b1, c30 = b0, c31 = b1;
    let u0: v128, u1: v128, u2: v128, v0: v128, v1: v128, v2: v128, at = w, p: usize;
    u0 = v128.load(at); v0 = v128.load(at, 16); at += tap;
    u1 = v128.load(at); v1 = v128.load(at, 16); at += tap;
    u2 = v128.load(at); v2 = v128.load(at, 16); at += tap;
    p = r0;
    c00 = lowFirst(p, pixel, left, u0, u1, u2, c00); c01 = highFirst(p, pixel, left, v0, v1, v2, c01);
    p += step;
    c10 = low(p, pixel, u0, u1, u2, c10); c11 = high(p, pixel, v0, v1, v2, c11);
    p += step;
    c20 = low(p, pixel, u0, u1, u2, c20); c21 = high(p, pixel, v0, v1, v2, c21);
    p += step;
    c30 = lowLast(p, pixel, right, u0, u1, u2, c30); c31 = highLast(p, pixel, right, v0, v1, v2, c31);
    r0 += 32;
    u0 = v128.load(at); v0 = v128.load(at, 16); at += tap;
    u1 = v128.load(at); v1 = v128.load(at, 16); at += tap;
    u2 = v128.load(at); v2 = v128.load(at, 16); at += tap;
    p = r1;
    c00 = lowFirst(p, pixel, left, u0, u1, u2, c00); c01 = highFirst(p, pixel, left, v0, v1, v2, c01);
    p += step;
    c10 = low(p, pixel, u0, u1, u2, c10); c11 = high(p, pixel, v0, v1, v2, c11);
    p += step;
    c20 = low(p, pixel, u0, u1, u2, c20); c21 = high(p, pixel, v0, v1, v2, c21);
    p += step;
    c30 = lowLast(p, pixel, right, u0, u1, u2, c30); c31 = highLast(p, pixel, right, v0, v1, v2, c31);
    r1 += 32;
    u0 = v128.load(at); v0 = v128.load(at, 16); at += tap;
    u1 = v128.load(at); v1 = v128.load(at, 16); at += tap;
    u2 = v128.load(at); v2 = v128.load(at, 16);
    p = r2;
    c00 = lowFirst(p, pixel, left, u0, u1, u2, c00); c01 = highFirst(p, pixel, left, v0, v1, v2, c01);
    p += step;
    c10 = low(p, pixel, u0, u1, u2, c10); c11 = high(p, pixel, v0, v1, v2, c11);
    p += step;
    c20 = low(p, pixel, u0, u1, u2, c20); c21 = high(p, pixel, v0, v1, v2, c21);
    p += step;
    c30 = lowLast(p, pixel, right, u0, u1, u2, c30); c31 = highLast(p, pixel, right, v0, v1, v2, c31);
    r2 += 32;
    v128.store(out, clip(c00, least, most)); v128.store(out, clip(c01, least, most), 16);
    p = out + outPixel;
    v128.store(p, clip(c10, least, most)); v128.store(p, clip(c11, least, most), 16);
    p += outPixel;
    v128.store(p, clip(c20, least, most)); v128.store(p, clip(c21, least, most), 16);
    p += outPixel;
    v128.store(p, clip(c30, least, most)); v128.store(p, clip(c31, least, most), 16);
    w += 32;
    bias += 32;
    out += 32;
  }
}

/** The same for windows one pixel apart, which share pixels, so each pixel is read once. */
export function wideDepthwiseTile1(steps: Steps, w: usize, length: usize, r0: usize, r1: usize, r2: usize): void {
  const tap = steps.tap, pixel = steps.pixel, outPixel = steps.outPixel;
  const least = leastOf(steps.relu), most = mostOf(steps.relu);
  const left = v128.load32_splat(changetype<usize>(steps), offsetof<Steps>('left'));
  const right = v128.load32_splat(changetype<usize>(steps), offsetof<Steps>('right'));
  let bias = steps.bias, out = steps.out;
  const end = w + length;
  while (w < end) {
    const b0 = v128.load(bias), b1 = v128.load(bias, 16);
    let c00 = b0, c01 = b1, c10 = b0, c11 = b1, c20 = b0, c21 = b1, c30 = b0, c31 = b1;
    let u0: v128, u1: v128, u2: v128, v0: v128, v1: v128, v2: v128, x: v128, y: v128, at = w, p: usize;
    u0 = v128.load(at); v0 = v128.load(at, 16); at += tap;
    u1 = v128.load(at); v1 = v128.load(at, 16); at += tap;
    u2 = v128.load(at); v2 = v128.load(at, 16); at += tap;
    p = r0;
    x = v128.and(v128.load(p), left); y = v128.and(v128.load(p, 16), left); p += pixel;
    c00 = madd(x, u0, c00); c01 = madd(y, v0, c01);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c00 = madd(x, u1, c00); c01 = madd(y, v1, c01);
    c10 = madd(x, u0, c10); c11 = madd(y, v0, c11);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c00 = madd(x, u2, c00); c01 = madd(y, v2, c01);
    c10 = madd(x, u1, c10); c11 = madd(y, v1, c11);
    c20 = madd(x, u0, c20); c21 = madd(y, v0, c21);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c10 = madd(x, u2, c10); c11 = madd(y, v2, c11);
    c20 = madd(x, u1, c20); c21 = madd(y, v1, c21);
    c30 = madd(x, u0, c30); c31 = madd(y, v0, c31);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c20 = madd(x, u2, c20); c21 = madd(y, v2, c21);
    c30 = madd(x, u1, c30); c31 = madd(y, v1, c31);
    x = v128.and(v128.load(p), right); y = v128.and(v128.load(p, 16), right);
    c30 = madd(x, u2, c30); c31 = madd(y, v2, c31);
    r0 += 32;
    u0 = v128.load(at); v0 = v128.load(at, 16); at += tap;
    u1 = v128.load(at); v1 = v128.load(at, 16); at += tap;
    u2 = v128.load(at); v2 = v128.load(at, 16); at += tap;
    p = r1;
    x = v128.and(v128.load(p), left); y = v128.and(v128.load(p, 16), left); p += pixel;
    c00 = madd(x, u0, c00); c01 = madd(y, v0, c01);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c00 = madd(x, u1, c00); c01 = madd(y, v1, c01);
    c10 = madd(x, u0, c10); c11 = madd(y, v0, c11);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c00 = madd(x, u2, c00); c01 = madd(y, v2, c01);
    c10 = madd(x, u1, c10); c11 = madd(y, v1, c11);
    c20 = madd(x, u0, c20); c21 = madd(y, v0, c21);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c10 = madd(x, u2, c10); c11 = madd(y, v2, c11);
    c20 = madd(x, u1, c20); c21 = madd(y, v1, c21);
    c30 = madd(x, u0, c30); c31 = madd(y, v0, c31);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c20 = madd(x, u2, c20); c21 = madd(y, v2, c21);
    c30 = madd(x, u1, c30); c31 = madd(y, v1, c31);
    x = v128.and(v128.load(p), right); y = v128.and(v128.load(p, 16), right);
    c30 = madd(x, u2, c30); c31 = madd(y, v2, c31);
    r1 += 32;
    u0 = v128.load(at); v0 = v128.load(at, 16); at += tap;
    u1 = v128.load(at); v1 = v128.load(at, 16); at += tap;
    u2 = v128.load(at); v2 = v128.load(at, 16);
    p = r2;
    x = v128.and(v128.load(p), left); y = v128.and(v128.load(p, 16), left); p += pixel;
    c00 = madd(x, u0, c00); c01 = madd(y, v0, c01);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c00 = madd(x, u1, c00); c01 = madd(y, v1, c01);
    c10 = madd(x, u0, c10); c11 = madd(y, v0, c11);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c00 = madd(x, u2, c00); c01 = madd(y, v2, c01);
    c10 = madd(x, u1, c10); c11 = madd(y, v1, c11);
    c20 = madd(x, u0, c20); c21 = madd(y, v0, c21);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c10 = madd(x, u2, c10); c11 = madd(y, v2, c11);
    c20 = madd(x, u1, c20); c21 = madd(y, v1, c21);
    c30 = madd(x, u0, c30); c31 = madd(y, v0, c31);
    x = v128.load(p); y = v128.load(p, 16); p += pixel;
    c20 = madd(x, u2, c20); c21 = madd(y, v2, c21);
    c30 = madd(x, u1, c30); c31 = madd(y, v1, c31);
    x = v128.and(v128.load(p), right); y = v128.and(v128.load(p, 16), right);
    c30 = madd(x, u2, c30); c31 = madd(y, v2, c31);
    r2 += 32;
    storePair(out, clip(c00, least, most), clip(c01, least, most));
    p = out + outPixel;
    storePair(p, clip(c10, least, most), clip(c11, least, most));
    p += outPixel;
    storePair(p, clip(c20, least, most), clip(c21, least, most));
    p += outPixel;
    storePair(p, clip(c30, least, most), clip(c31, least, most));
    w += 32;
    bias += 32;
    out += 32;
  }
}

/**
 * All taps of a 3x3 filter gradient, for eight channels: acc[t] += sum_p in[r_ky + kx pixel + places[p]] * dy[p]; dy's
 * pixels are dyRow bytes apart, acc's rows accRow bytes.
 */
export function wideDepthwiseTaps(
  dy: usize, end: usize, dyRow: usize, places: usize, r0: usize, r1: usize, r2: usize, pixel: usize, acc: usize,
  accRow: usize,
): void {
  let c0 = f32x4.splat(0), d0 = f32x4.splat(0), c1 = f32x4.splat(0), d1 = f32x4.splat(0), c2 = f32x4.splat(0),
    d2 = f32x4.splat(0);
  let c3 = f32x4.splat(0), d3 = f32x4.splat(0), c4 = f32x4.splat(0), d4 = f32x4.splat(0), c5 = f32x4.splat(0),
    d5 = f32x4.splat(0);
  let c6 = f32x4.splat(0), d6 = f32x4.splat(0), c7 = f32x4.splat(0), d7 = f32x4.splat(0), c8 = f32x4.splat(0),
    d8 = f32x4.splat(0);
  while (dy < end) {
    const b0 = v128.load(dy), b1 = v128.load(dy, 16);
    dy += dyRow;
    const o = <usize>load<u32>(places);
    places += 4;
    let p: usize;
    p = r0 + o;
    c0 = madd(v128.load(p), b0, c0); d0 = madd(v128.load(p, 16), b1, d0); p += pixel;
    c1 = madd(v128.load(p), b0, c1); d1 = madd(v128.load(p, 16), b1, d1); p += pixel;
    c2 = madd(v128.load(p), b0, c2); d2 = madd(v128.load(p, 16), b1, d2);
    p = r1 + o;
    c3 = madd(v128.load(p), b0, c3); d3 = madd(v128.load(p, 16), b1, d3); p += pixel;
    c4 = madd(v128.load(p), b0, c4); d4 = madd(v128.load(p, 16), b1, d4); p += pixel;
    c5 = madd(v128.load(p), b0, c5); d5 = madd(v128.load(p, 16), b1, d5);
    p = r2 + o;
    c6 = madd(v128.load(p), b0, c6); d6 = madd(v128.load(p, 16), b1, d6); p += pixel;
    c7 = madd(v128.load(p), b0, c7); d7 = madd(v128.load(p, 16), b1, d7); p += pixel;
    c8 = madd(v128.load(p), b0, c8); d8 = madd(v128.load(p, 16), b1, d8);
  }
  addBoth(acc, c0, d0);
  acc += accRow;
  addBoth(acc, c1, d1);
  acc += accRow;
  addBoth(acc, c2, d2);
  acc += accRow;
  addBoth(acc, c3, d3);
  acc += accRow;
  addBoth(acc, c4, d4);
  acc += accRow;
  addBoth(acc, c5, d5);
  acc += accRow;
  addBoth(acc, c6, d6);
  acc += accRow;
  addBoth(acc, c7, d7);
  acc += accRow;
  addBoth(acc, c8, d8);
}

/** Adds eight floats to memory: both loads come before the first store, otherwise they could not be joined. */
// @ts-ignore: decorator
@inline
function addBoth(at: usize, first: v128, second: v128): void {
  const a = f32x4.add(v128.load(at), first), b = f32x4.add(v128.load(at, 16), second);
  v128.store(at, a);
  v128.store(at, b, 16);
}
