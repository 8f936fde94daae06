// Convolutions of whole numbers. Values are codes of 7 bits, (code - zero) * scale, and weights have 8; the sums have
// 32 and are exact, so that the order of adding changes nothing. A pixel takes `cell` bytes: its channels, up to a
// multiple of 4; what the bytes behind the channels hold is multiplied with 0.
import { storeLanes } from './vector';
import { wide } from './wideTile';

/** Pixels of a tile. */
const TILE: i32 = 6;
/** Bytes in front of a thread's band: a tile of 16 channels. */
const STAGE: usize = 512;
/** The largest code. */
const MOST: i32 = 127;
/**
 * 1.5 * 2^23: a float of less than 2^22 that is added to it is rounded to a whole number, to the even one of two, which
 * its last bits then hold.
 */
const ROUNDER: f32 = 12582912;
const ROUNDER_BITS: i32 = 0x4b400000;

/**
 * sum + w * x, four products to a lane. x has 7 bits, so that no engine may saturate or read a sign. `joined` takes one
 * operation for it, which is the fastest but wrong in the code that some engines compile first (V8 13.6): who passes it
 * has tried it out.
 */
// @ts-ignore: decorator
@inline
function dot(joined: bool, w: v128, x: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (joined) return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, sum);
    return i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, x)));
  }
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(w), i16x8.extend_low_i8x16_s(x));
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(w), i16x8.extend_high_i8x16_s(x));
  const even = v128.shuffle<i32>(low, high, 0, 2, 4, 6), odd = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
  return i32x4.add(sum, i32x4.add(even, odd));
}

/** Stores the first n of 16 bytes. */
// @ts-ignore: decorator
@inline
function storeBytes(to: usize, v: v128, n: i32): void {
  if (n >= 16) return v128.store(to, v);
  let bits = i64x2.extract_lane(v, 0);
  if (n & 8) {
    store<i64>(to, bits);
    to += 8;
    bits = i64x2.extract_lane(v, 1);
  }
  if (n & 4) {
    store<i32>(to, <i32>bits);
    to += 4;
    bits >>= 32;
  }
  if (n & 2) {
    store<i16>(to, <i16>bits);
    to += 2;
    bits >>= 16;
  }
  if (n & 1) store<i8>(to, <i8>bits);
}

/** Whole numbers out of floats, held between low and high; `shift` is what the codes begin at, less ROUNDER_BITS. */
// @ts-ignore: decorator
@inline
function rounded(v: v128, low: v128, high: v128, shift: v128): v128 {
  return i32x4.add(f32x4.add(f32x4.pmax(f32x4.pmin(v, high), low), f32x4.splat(ROUNDER)), shift);
}

/** A sum in memory times a factor. */
// @ts-ignore: decorator
@inline
function product(sum: usize, factor: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(v128.load(sum)), factor);
}

/**
 * Six pixels by 8 channels: out[r][0..8) = start + sum_k x[a_r + offsets[k]] * panel[k], 32 bytes a row. As tile8 in
 * tile.ts, with its rules.
 */
// @ts-ignore: decorator
@inline
function tile8(
  joined: bool, panel: usize, end: usize, offsets: usize, start: usize, out: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
): void {
  let c00 = v128.load(start), c01 = v128.load(start, 16);
  let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01, c40 = c00, c41 = c01, c50 = c00, c51 = c01;
  while (panel < end) {
    const b0 = v128.load(panel), b1 = v128.load(panel, 16);
    panel += 32;
    const o = <usize>load<u32>(offsets);
    offsets += 4;
    const x0 = v128.load32_splat(a0 + o);
    c00 = dot(joined, b0, x0, c00); c01 = dot(joined, b1, x0, c01);
    const x1 = v128.load32_splat(a1 + o);
    c10 = dot(joined, b0, x1, c10); c11 = dot(joined, b1, x1, c11);
    const x2 = v128.load32_splat(a2 + o);
    c20 = dot(joined, b0, x2, c20); c21 = dot(joined, b1, x2, c21);
    const x3 = v128.load32_splat(a3 + o);
    c30 = dot(joined, b0, x3, c30); c31 = dot(joined, b1, x3, c31);
    const x4 = v128.load32_splat(a4 + o);
    c40 = dot(joined, b0, x4, c40); c41 = dot(joined, b1, x4, c41);
    const x5 = v128.load32_splat(a5 + o);
    c50 = dot(joined, b0, x5, c50); c51 = dot(joined, b1, x5, c51);
  }
  v128.store(out, c00); v128.store(out, c01, 16);
  v128.store(out, c10, 32); v128.store(out, c11, 48);
  v128.store(out, c20, 64); v128.store(out, c21, 80);
  v128.store(out, c30, 96); v128.store(out, c31, 112);
  v128.store(out, c40, 128); v128.store(out, c41, 144);
  v128.store(out, c50, 160); v128.store(out, c51, 176);
}

/**
 * The same for 16 channels, 64 bytes a row, on engines that join vectors in pairs; `next` is the panel of the last 8.
 */
// @ts-ignore: decorator
@inline
function tile16(
  joined: bool, panel: usize, next: usize, end: usize, offsets: usize, start: usize, out: usize,
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
): void {
  let c00 = v128.load(start), c01 = v128.load(start, 16), c02 = v128.load(start, 32), c03 = v128.load(start, 48);
  let c10 = v128.load(start), c11 = v128.load(start, 16), c12 = v128.load(start, 32), c13 = v128.load(start, 48);
  let c20 = v128.load(start), c21 = v128.load(start, 16), c22 = v128.load(start, 32), c23 = v128.load(start, 48);
  let c30 = v128.load(start), c31 = v128.load(start, 16), c32 = v128.load(start, 32), c33 = v128.load(start, 48);
  let c40 = v128.load(start), c41 = v128.load(start, 16), c42 = v128.load(start, 32), c43 = v128.load(start, 48);
  let c50 = v128.load(start), c51 = v128.load(start, 16), c52 = v128.load(start, 32), c53 = v128.load(start, 48);
  while (panel < end) {
    const b0 = v128.load(panel), b1 = v128.load(panel, 16);
    const b2 = v128.load(next), b3 = v128.load(next, 16);
    panel += 32;
    next += 32;
    const o = <usize>load<u32>(offsets);
    offsets += 4;
    const x0 = v128.load32_splat(a0 + o);
    c00 = dot(joined, b0, x0, c00); c01 = dot(joined, b1, x0, c01); c02 = dot(joined, b2, x0, c02); c03 = dot(joined, b3, x0, c03);
    const x1 = v128.load32_splat(a1 + o);
    c10 = dot(joined, b0, x1, c10); c11 = dot(joined, b1, x1, c11); c12 = dot(joined, b2, x1, c12); c13 = dot(joined, b3, x1, c13);
    const x2 = v128.load32_splat(a2 + o);
    c20 = dot(joined, b0, x2, c20); c21 = dot(joined, b1, x2, c21); c22 = dot(joined, b2, x2, c22); c23 = dot(joined, b3, x2, c23);
    const x3 = v128.load32_splat(a3 + o);
    c30 = dot(joined, b0, x3, c30); c31 = dot(joined, b1, x3, c31); c32 = dot(joined, b2, x3, c32); c33 = dot(joined, b3, x3, c33);
    const x4 = v128.load32_splat(a4 + o);
    c40 = dot(joined, b0, x4, c40); c41 = dot(joined, b1, x4, c41); c42 = dot(joined, b2, x4, c42); c43 = dot(joined, b3, x4, c43);
    const x5 = v128.load32_splat(a5 + o);
    c50 = dot(joined, b0, x5, c50); c51 = dot(joined, b1, x5, c51); c52 = dot(joined, b2, x5, c52); c53 = dot(joined, b3, x5, c53);
  }
  v128.store(out, c00); v128.store(out, c01, 16); v128.store(out, c02, 32); v128.store(out, c03, 48);
  out += 64;
  v128.store(out, c10); v128.store(out, c11, 16); v128.store(out, c12, 32); v128.store(out, c13, 48);
  out += 64;
  v128.store(out, c20); v128.store(out, c21, 16); v128.store(out, c22, 32); v128.store(out, c23, 48);
  out += 64;
  v128.store(out, c30); v128.store(out, c31, 16); v128.store(out, c32, 32); v128.store(out, c33, 48);
  out += 64;
  v128.store(out, c40); v128.store(out, c41, 16); v128.store(out, c42, 32); v128.store(out, c43, 48);
  out += 64;
  v128.store(out, c50); v128.store(out, c51, 16); v128.store(out, c52, 32); v128.store(out, c53, 48);
}

// Functions of their own, for V8's sake.

export function int8Tile8(
  panel: usize, end: usize, offsets: usize, start: usize, out: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
): void {
  tile8(false, panel, end, offsets, start, out, a0, a1, a2, a3, a4, a5);
}

export function int8Tile16(
  panel: usize, next: usize, end: usize, offsets: usize, start: usize, out: usize,
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
): void {
  tile16(false, panel, next, end, offsets, start, out, a0, a1, a2, a3, a4, a5);
}

export function int8Tile8Joined(
  panel: usize, end: usize, offsets: usize, start: usize, out: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
): void {
  tile8(true, panel, end, offsets, start, out, a0, a1, a2, a3, a4, a5);
}

export function int8Tile16Joined(
  panel: usize, next: usize, end: usize, offsets: usize, start: usize, out: usize,
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
): void {
  tile16(true, panel, next, end, offsets, start, out, a0, a1, a2, a3, a4, a5);
}

/** Sums in the stage, `stageRow` bytes a pixel, become floats: max(factor * sum, low). */
function finishFloats(stage: usize, stageRow: usize, factors: usize, to: usize, row: usize, rows: i32, columns: i32, least: f32): void {
  const low = f32x4.splat(least);
  for (let c = 0; c < columns; c += 4) {
    const at = (<usize>c) << 2;
    const factor = v128.load(factors + at);
    let from = stage + at, out = to + at;
    for (let r = 0; r < rows; r++) {
      storeLanes(out, f32x4.pmax(product(from, factor), low), columns - c);
      from += stageRow;
      out += row;
    }
  }
}

/** Sums in the stage become codes: zero + the whole number next to factor * sum, between low and high. */
function finishCodes(
  stage: usize, stageRow: usize, factors: usize, to: usize, row: usize, rows: i32, columns: i32, least: f32, most: f32, zero: i32,
): void {
  const low = f32x4.splat(least), high = f32x4.splat(most), shift = i32x4.splat(zero - ROUNDER_BITS);
  const f0 = v128.load(factors), f1 = v128.load(factors, 16), f2 = v128.load(factors, 32), f3 = v128.load(factors, 48);
  for (let r = 0; r < rows; r++) {
    const y0 = rounded(product(stage, f0), low, high, shift), y1 = rounded(product(stage + 16, f1), low, high, shift);
    let second = y0, third = y1;
    if (columns > 8) {
      second = rounded(product(stage + 32, f2), low, high, shift);
      third = rounded(product(stage + 48, f3), low, high, shift);
    }
    storeBytes(to, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(y0, y1), i16x8.narrow_i32x4_s(second, third)), columns);
    stage += stageRow;
    to += row;
  }
}

/**
 * Copies rows of pixels into a band as padBand does, with codes of `cell` bytes a pixel and the code of 0 around them.
 */
function padCodes(
  image: usize, band: usize, height: i32, width: i32, cell: i32, top: i32, left: i32, rows: i32, columns: i32, zero: i32,
): void {
  const pitch = <usize>(columns * cell);
  const from = max(0, left);
  const copied = <usize>(max(0, min(width, left + columns) - from) * cell);
  const before = min(<usize>(max(0, -left) * cell), pitch);
  for (let r = 0; r < rows; r++) {
    const y = top + r;
    if (y < 0 || y >= height || copied == 0) memory.fill(band, <u8>zero, pitch);
    else {
      if (before) memory.fill(band, <u8>zero, before);
      memory.copy(band + before, image + <usize>((y * width + from) * cell), copied);
      if (before + copied < pitch) memory.fill(band + before + copied, <u8>zero, pitch - before - copied);
    }
    band += pitch;
  }
}

/**
 * A convolution over bands of output rows, as `convolve`: codes x to codes y (`coded`) or floats y, `row` bytes a
 * pixel. `start` has the whole number from which the sum of each channel begins, `factors` what it is multiplied with
 * in the end. The border of x is `zero`.
 */
export function convolveInt8(
  x: usize, packed: usize, start: usize, factors: usize, y: usize, offsets: usize,
  height: i32, width: i32, cell: i32, top: i32, left: i32, bandColumns: i32, ny: i32, nx: i32, stride: i32,
  outHeight: i32, outWidth: i32, cout: i32, row: usize, zero: i32, coded: i32, low: f32, high: f32, outZero: i32, bandRows: i32, bands: i32,
  joined: i32,
  begin: i32, end: i32, _chunk: i32, scratch: usize,
): void {
  const padded = scratch + STAGE;
  const pitch = <usize>((bandColumns > 0 ? bandColumns : width) * cell);
  const pixelStep = <usize>(stride * cell);
  const gap = <usize>stride * pitch - <usize>outWidth * pixelStep;
  const panelBytes = <usize>(ny * nx * cell) << 3;
  for (let b = begin; b < end; b++) {
    const n = b / bands;
    const first = (b - n * bands) * bandRows;
    const rows = min(bandRows, outHeight - first);
    const image = x + <usize>n * <usize>(height * width * cell);
    let a = image + <usize>(first * stride) * pitch;
    if (bandColumns > 0) {
      padCodes(image, padded, height, width, cell, first * stride - top, -left, (rows - 1) * stride + ny, bandColumns, zero);
      a = padded;
    }
    let to = y + <usize>(n * outHeight + first) * <usize>outWidth * row;
    const pixels = rows * outWidth;
    let column = 0;
    for (let p = 0; p < pixels; p += TILE) {
      const count = min(TILE, pixels - p);
      const a0 = a;
      a += pixelStep;
      if (++column == outWidth) { column = 0; a += gap; }
      const a1 = count > 1 ? a : a0;
      a += pixelStep;
      if (++column == outWidth) { column = 0; a += gap; }
      const a2 = count > 2 ? a : a0;
      a += pixelStep;
      if (++column == outWidth) { column = 0; a += gap; }
      const a3 = count > 3 ? a : a0;
      a += pixelStep;
      if (++column == outWidth) { column = 0; a += gap; }
      const a4 = count > 4 ? a : a0;
      a += pixelStep;
      if (++column == outWidth) { column = 0; a += gap; }
      const a5 = count > 5 ? a : a0;
      a += pixelStep;
      if (++column == outWidth) { column = 0; a += gap; }
      let panel = packed;
      for (let c = 0; c < cout;) {
        const at = (<usize>c) << 2;
        const both = wide && c + 8 < cout;
        const channels = both ? 16 : 8;
        const stageRow = (<usize>channels) << 2;
        const next = panel + panelBytes;
        if (both) {
          if (joined) int8Tile16Joined(panel, next, next, offsets, start + at, scratch, a0, a1, a2, a3, a4, a5);
          else int8Tile16(panel, next, next, offsets, start + at, scratch, a0, a1, a2, a3, a4, a5);
        } else if (joined) int8Tile8Joined(panel, next, offsets, start + at, scratch, a0, a1, a2, a3, a4, a5);
        else int8Tile8(panel, next, offsets, start + at, scratch, a0, a1, a2, a3, a4, a5);
        const columns = min(channels, cout - c);
        if (coded) finishCodes(scratch, stageRow, factors + at, to + <usize>c, row, count, columns, low, high, outZero);
        else finishFloats(scratch, stageRow, factors + at, to + at, row, count, columns, low);
        panel += both ? 2 * panelBytes : panelBytes;
        c += channels;
      }
      to += <usize>count * row;
    }
  }
}

/** Codes of float pixels [begin, end): zero + the whole number next to x * inverse, within 0..127. */
export function quantizeRows(x: usize, y: usize, channels: i32, inverse: f32, zero: i32, begin: i32, end: i32): void {
  const low = f32x4.splat(<f32>-zero), high = f32x4.splat(<f32>(MOST - zero)), shift = i32x4.splat(zero - ROUNDER_BITS);
  const factor = f32x4.splat(inverse);
  let from = x + ((<usize>begin * <usize>channels) << 2);
  let to = y + <usize>begin * <usize>((channels + 3) & ~3);
  // Where no byte is left over, all pixels are one row.
  const whole = (channels & 3) == 0;
  const rows = whole ? 1 : end - begin;
  const n = whole ? (end - begin) * channels : channels;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < n; c += 4) {
      const codes = rounded(f32x4.mul(v128.load(from + ((<usize>c) << 2)), factor), low, high, shift);
      const halves = i16x8.narrow_i32x4_s(codes, codes);
      v128.store32_lane(to + <usize>c, i8x16.narrow_i16x8_s(halves, halves), 0);
    }
    from += (<usize>channels) << 2;
    to += <usize>((channels + 3) & ~3);
  }
}

/**
 * Floats out of the codes of pixels [begin, end): (code - zero) * scale; xRow and yRow are bytes from pixel to pixel.
 */
export function dequantizeRows(
  x: usize, xRow: usize, y: usize, yRow: usize, channels: i32, scale: f32, zero: i32, begin: i32, end: i32,
): void {
  const factor = f32x4.splat(scale), shift = i32x4.splat(zero);
  for (let p = begin; p < end; p++) {
    const from = x + <usize>p * xRow, to = y + <usize>p * yRow;
    for (let c = 0; c < channels; c += 4) {
      const codes = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(from + <usize>c)));
      storeLanes(to + ((<usize>c) << 2), f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(codes, shift)), factor), channels - c);
    }
  }
}

/**
 * The largest code of each window, for output rows [begin, end) of all images; what lies outside of an image never
 * wins.
 */
export function poolCodes(
  x: usize, y: usize, row: usize, height: i32, width: i32, channels: i32, ny: i32, nx: i32, stride: i32, top: i32, left: i32,
  outHeight: i32, outWidth: i32, begin: i32, end: i32,
): void {
  const cell = <usize>((channels + 3) & ~3);
  for (let item = begin; item < end; item++) {
    const n = item / outHeight;
    const y0 = (item - n * outHeight) * stride - top;
    const firstRow = max(0, -y0), lastRow = min(ny, height - y0);
    for (let ox = 0; ox < outWidth; ox++) {
      const x0 = ox * stride - left;
      const first = max(0, x0), columns = min(width, x0 + nx) - first;
      const corner = x + <usize>((n * height + y0 + firstRow) * width + first) * cell;
      const to = y + <usize>(item * outWidth + ox) * row;
      for (let c = 0; c < channels; c += 16) {
        let most = i8x16.splat(0);
        for (let ky = firstRow, at = corner + <usize>c; ky < lastRow; ky++, at += <usize>width * cell) {
          for (let kx = 0; kx < columns; kx++) most = i8x16.max_s(most, v128.load(at + <usize>kx * cell));
        }
        storeBytes(to + <usize>c, most, channels - c);
      }
    }
  }
}

/** Copies the codes of pixels [begin, end), xRow and yRow bytes from pixel to pixel. */
export function copyCodes(x: usize, xRow: usize, y: usize, yRow: usize, channels: i32, begin: i32, end: i32): void {
  for (let p = begin; p < end; p++) memory.copy(y + <usize>p * yRow, x + <usize>p * xRow, <usize>channels);
}
