// Integer convolutions. Values are codes of 7 bits, (code - zero) * scale, and weights have 8 bits; sums have 32 bits
// and are exact, so the order of addition does not matter. A pixel takes `cell` bytes: its channels, rounded up to a
// multiple of 4; any values in the bytes after the channels are multiplied by 0.
import { ROUNDER_BITS, rounded, storeBytes } from './codes';
import { int8Tile16, int8Tile16Joined, int8Tile8, int8Tile8Joined } from './int8Tile';
import { storeLanes } from './vector';
import { wide } from './wideTile';

/** Pixels of a tile. */
const TILE: i32 = 6;
/** Bytes before a thread's band: a tile of 16 channels. */
const STAGE: usize = 512;

/** Returns a sum in memory times a factor. */
// @ts-ignore: decorator
@inline
function product(sum: usize, factor: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(v128.load(sum)), factor);
}

/** Converts sums in the stage, `stageRow` bytes per pixel, to floats: max(factor * sum, low). */
function finishFloats(
  stage: usize, stageRow: usize, factors: usize, to: usize, row: usize, rows: i32, columns: i32, least: f32,
): void {
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

/** Converts sums in the stage to codes: zero + the integer nearest to factor * sum, clipped to [low, high]. */
function finishCodes(
  stage: usize, stageRow: usize, factors: usize, to: usize, row: usize, rows: i32, columns: i32, least: f32, most: f32,
  zero: i32,
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
 * Copies rows of pixels into a band as padBand does, with codes of `cell` bytes per pixel and the code of 0 around
 * them.
 */
function padCodes(
  image: usize, band: usize, height: i32, width: i32, cell: i32, top: i32, left: i32, rows: i32, columns: i32,
  zero: i32,
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
 * A convolution over bands of output rows, like `convolve`: codes x to codes y (`coded`) or floats y, `row` bytes per
 * pixel. `start` holds the integers from which the channels' sums start, `factors` the numbers by which the sums are
 * multiplied in the end. The border of x is `zero`.
 */
export function convolveInt8(
  x: usize, packed: usize, start: usize, factors: usize, y: usize, offsets: usize, height: i32, width: i32, cell: i32,
  top: i32, left: i32, bandColumns: i32, ny: i32, nx: i32, stride: i32, outHeight: i32, outWidth: i32, cout: i32,
  row: usize, zero: i32, coded: i32, low: f32, high: f32, outZero: i32, bandRows: i32, bands: i32, joined: i32,
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
      padCodes(image, padded, height, width, cell, first * stride - top, -left, (rows - 1) * stride + ny, bandColumns,
        zero);
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
