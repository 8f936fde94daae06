// Codes of 7 bits, with value (code - zero) * scale: quantised from floats, converted back, pooled, copied. A pixel
// takes as many bytes as it has channels, rounded up to a multiple of 4.
import { storeLanes } from './vector';

/** The largest code. */
const MOST: i32 = 127;
/**
 * 1.5 * 2^23: adding it to a float below 2^22 rounds the float to the nearest integer, ties to even, which the last
 * bits of the sum then hold.
 */
const ROUNDER: f32 = 12582912;
export const ROUNDER_BITS: i32 = 0x4b400000;

/** Stores the first n of 16 bytes. */
// @ts-ignore: decorator
@inline
export function storeBytes(to: usize, v: v128, n: i32): void {
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

/** Rounds floats, clipped to [low, high], to integers; `shift` is the code of 0, less ROUNDER_BITS. */
// @ts-ignore: decorator
@inline
export function rounded(v: v128, low: v128, high: v128, shift: v128): v128 {
  return i32x4.add(f32x4.add(f32x4.pmax(f32x4.pmin(v, high), low), f32x4.splat(ROUNDER)), shift);
}

/** Computes the codes of float pixels [begin, end): zero + the integer nearest to x * inverse, within 0..127. */
export function quantizeRows(x: usize, y: usize, channels: i32, inverse: f32, zero: i32, begin: i32, end: i32): void {
  const low = f32x4.splat(<f32>-zero), high = f32x4.splat(<f32>(MOST - zero)), shift = i32x4.splat(zero - ROUNDER_BITS);
  const factor = f32x4.splat(inverse);
  let from = x + ((<usize>begin * <usize>channels) << 2);
  let to = y + <usize>begin * <usize>((channels + 3) & ~3);
  // If pixels need no padding, all of them are one row.
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
 * Computes floats from the codes of pixels [begin, end): (code - zero) * scale; xRow and yRow are the bytes from pixel
 * to pixel.
 */
export function dequantizeRows(
  x: usize, xRow: usize, y: usize, yRow: usize, channels: i32, scale: f32, zero: i32, begin: i32, end: i32,
): void {
  const factor = f32x4.splat(scale), shift = i32x4.splat(zero);
  for (let p = begin; p < end; p++) {
    const from = x + <usize>p * xRow, to = y + <usize>p * yRow;
    for (let c = 0; c < channels; c += 4) {
      const codes = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(from + <usize>c)));
      storeLanes(to + ((<usize>c) << 2), f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(codes, shift)), factor),
        channels - c);
    }
  }
}

/** Computes the largest code of each window, for output rows [begin, end) of all images; padding never wins. */
export function poolCodes(
  x: usize, y: usize, row: usize, height: i32, width: i32, channels: i32, ny: i32, nx: i32, stride: i32, top: i32,
  left: i32, outHeight: i32, outWidth: i32, begin: i32, end: i32,
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

/** Copies the codes of pixels [begin, end); xRow and yRow are the bytes from pixel to pixel. */
export function copyCodes(x: usize, xRow: usize, y: usize, yRow: usize, channels: i32, begin: i32, end: i32): void {
  for (let p = begin; p < end; p++) memory.copy(y + <usize>p * yRow, x + <usize>p * xRow, <usize>channels);
}
