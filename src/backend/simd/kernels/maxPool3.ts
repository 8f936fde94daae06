// Max pooling over 3x3 windows: maxima of three neighbours, then of three rows. Neighbouring windows share the first
// half.
import { bytes, packPositions, storeLanes, storePair, storePositions, up4 } from './vector';

/**
 * Returns `tap` in lanes where v, the value of that tap, is greater than the maximum so far, m, else id. NaN is never
 * greater, and ties keep the earlier tap.
 */
// @ts-ignore: decorator
@inline
function laterTap(id: v128, m: v128, v: v128, tap: i32): v128 {
  return i32x4.max_s(id, v128.and(f32x4.gt(v, m), i32x4.splat(tap)));
}

/** Computes the maximum of three neighbouring pixels and which of them it was (0, 1, 2), for all channels. */
export function maxOfThree(at: usize, end: usize, pixel: usize, maxima: usize, ids: usize): void {
  const second = pixel << 1;
  while (at < end) {
    const v1 = v128.load(at + pixel), v2 = v128.load(at + second);
    let m = f32x4.pmax(f32x4.splat(-Infinity), v128.load(at));
    let id = v128.and(f32x4.gt(v1, m), i32x4.splat(1));
    m = f32x4.pmax(m, v1);
    id = laterTap(id, m, v2, 2);
    v128.store(maxima, f32x4.pmax(m, v2));
    v128.store(ids, id);
    at += 16;
    maxima += 16;
    ids += 16;
  }
}

// @ts-ignore: decorator
@inline
function largerOfThree(a: v128, b: v128, c: v128): v128 {
  return f32x4.pmax(f32x4.pmax(a, b), c);
}

/**
 * Computes the maxima alone, for any number of pixels side by side: up to one vector after the end of `maxima` may be
 * overwritten.
 */
export function maximumOfThree(at: usize, end: usize, pixel: usize, maxima: usize): void {
  const second = pixel << 1;
  const least = f32x4.splat(-Infinity);
  // Two vectors at a time, all loads before the first store, so that an engine can join them to 256 bits.
  for (; at + 32 <= end; at += 32, maxima += 32) {
    const a = f32x4.pmax(least, v128.load(at)), b = f32x4.pmax(least, v128.load(at, 16));
    const v = largerOfThree(a, v128.load(at + pixel), v128.load(at + second));
    storePair(maxima, v, largerOfThree(b, v128.load(at + pixel, 16), v128.load(at + second, 16)));
  }
  for (; at < end; at += 16, maxima += 16) {
    const a = f32x4.pmax(least, v128.load(at));
    v128.store(maxima, largerOfThree(a, v128.load(at + pixel), v128.load(at + second)));
  }
}

/** The same if only neighbours `first`..`last` exist. */
function maxOfSome(at: usize, end: usize, pixel: usize, first: i32, last: i32, maxima: usize, ids: usize): void {
  while (at < end) {
    let m = f32x4.splat(-Infinity), id = i32x4.splat(first);
    for (let j = first; j <= last; j++) {
      const v = v128.load(at + <usize>j * pixel);
      id = laterTap(id, m, v, j);
      m = f32x4.pmax(m, v);
    }
    v128.store(maxima, m);
    v128.store(ids, id);
    at += 16;
    maxima += 16;
    ids += 16;
  }
}

/**
 * Computes for each output column of one input row the maximum of its 3 neighbours and which of them it was; each pixel
 * takes whole vectors.
 */
function maxOfColumns(
  row: usize, maxima: usize, ids: usize, width: i32, channels: i32, stride: i32, left: i32, outWidth: i32,
): void {
  const pixel = bytes(channels);
  const padded = bytes(up4(channels));
  for (let ox = 0; ox < outWidth; ox++) {
    const x0 = ox * stride - left;
    const at = row + <usize>(x0 * channels) * 4;
    if (x0 >= 0 && x0 + 3 <= width) maxOfThree(at, at + pixel, pixel, maxima, ids);
    else maxOfSome(at, at + pixel, pixel, max(0, -x0), min(2, width - 1 - x0), maxima, ids);
    maxima += padded;
    ids += padded;
  }
}

/**
 * Computes the maxima alone, pixel by pixel without a gap: what one pixel writes after its end, the next pixel
 * overwrites. `ids` is scratch space for the ids of one pixel.
 */
function maximaOfColumns(
  row: usize, maxima: usize, ids: usize, width: i32, channels: i32, stride: i32, left: i32, outWidth: i32,
): void {
  const pixel = bytes(channels);
  for (let ox = 0; ox < outWidth;) {
    const x0 = ox * stride - left;
    const at = row + <usize>(x0 * channels) * 4;
    let count = 1;
    if (x0 < 0 || x0 + 3 > width) maxOfSome(at, at + pixel, pixel, max(0, -x0), min(2, width - 1 - x0), maxima, ids);
    else {
      // With stride 1, all windows that see no border are one run of floats.
      if (stride == 1) count = min(outWidth - ox, width - 2 - x0);
      maximumOfThree(at, at + <usize>count * pixel, pixel, maxima);
    }
    ox += count;
    maxima += <usize>count * pixel;
  }
}

/**
 * Joins three rows of column maxima, whose ids lie `ids` bytes after them, to one row of the output, in whole vectors.
 */
export function joinThreeRows(a: usize, b: usize, c: usize, ids: usize, y: usize, end: usize, positions: usize): void {
  while (y < end) {
    let m = v128.load(a);
    const v1 = v128.load(b), v2 = v128.load(c);
    let id = v128.load(a + ids);
    id = i32x4.max_s(id, v128.and(f32x4.gt(v1, m), i32x4.add(i32x4.splat(3), v128.load(b + ids))));
    m = f32x4.pmax(m, v1);
    id = i32x4.max_s(id, v128.and(f32x4.gt(v2, m), i32x4.add(i32x4.splat(6), v128.load(c + ids))));
    v128.store(y, f32x4.pmax(m, v2));
    v128.store32_lane(positions, packPositions(id), 0);
    a += 16;
    b += 16;
    c += 16;
    y += 16;
    positions += 4;
  }
}

/** The same without ids and gaps, if the positions of the maxima are not needed; reads no float after the end. */
export function joinThreeMaxima(a: usize, b: usize, c: usize, y: usize, end: usize): void {
  for (; y + 32 <= end; y += 32, a += 32, b += 32, c += 32) {
    const v = largerOfThree(v128.load(a), v128.load(b), v128.load(c));
    storePair(y, v, largerOfThree(v128.load(a, 16), v128.load(b, 16), v128.load(c, 16)));
  }
  for (; y < end; y += 16, a += 16, b += 16, c += 16) {
    storeLanes(y, largerOfThree(v128.load(a), v128.load(b), v128.load(c)), <i32>((end - y) >> 2));
  }
}

/** Joins rows `first`..`last` of three if some lie outside of the image, or channels end within a vector. */
function joinSomeRows(
  a: usize, b: usize, c: usize, ids: usize, first: i32, last: i32, y: usize, positions: usize, channels: i32,
  outWidth: i32,
): void {
  let o: usize = 0;
  for (let ox = 0; ox < outWidth; ox++) {
    for (let k = 0; k < channels; k += 4) {
      let m = f32x4.splat(-Infinity), id = i32x4.splat(0);
      for (let i = first; i <= last; i++) {
        const at = (i == 0 ? a : i == 1 ? b : c) + o;
        const v = v128.load(at);
        const tap = i32x4.add(i32x4.splat(3 * i), v128.load(at + ids));
        id = i == first ? tap : i32x4.max_s(id, v128.and(f32x4.gt(v, m), tap));
        m = f32x4.pmax(m, v);
      }
      const n = min(4, channels - k);
      storeLanes(y, m, n);
      y += bytes(n);
      storePositions(positions, id, n);
      positions += n;
      o += 16;
    }
  }
}

/**
 * Max pooling over 3x3 windows as maxima of columns, then of rows. Output rows [begin, end); scratch holds three rows.
 */
export function maxPool3(
  x: usize, y: usize, positions: usize, height: i32, width: i32, channels: i32, kh: i32, kw: i32, stride: i32, top: i32,
  left: i32, outHeight: i32, outWidth: i32, begin: i32, end: i32, _chunk: i32, scratch: usize,
): void {
  const row = bytes(width * channels);
  const ids = bytes(outWidth * up4(channels));
  const slot = ids << 1;
  let known = -1; // the last input row, counted over all images, whose columns are joined
  for (let r = begin; r < end; r++) {
    const n = r / outHeight;
    const y0 = (r - n * outHeight) * stride - top;
    const first = max(0, -y0), last = min(2, height - 1 - y0);
    for (let i = max(n * height + y0 + first, known + 1); i <= n * height + y0 + last; i++) {
      const to = scratch + <usize>(i % 3) * slot;
      const from = x + <usize>i * row;
      if (positions) maxOfColumns(from, to, to + ids, width, channels, stride, left, outWidth);
      else maximaOfColumns(from, to, to + ids, width, channels, stride, left, outWidth);
      known = i;
    }
    // Rows outside of the image are never read; their slot does not matter.
    const base = n * height + y0 + 3;
    const s0 = scratch + <usize>(base % 3) * slot, s1 = scratch + <usize>((base + 1) % 3) * slot,
      s2 = scratch + <usize>((base + 2) % 3) * slot;
    const o = r * outWidth * channels;
    const to = y + bytes(o), where = positions + o;
    if (!positions) {
      // A row outside of the image is replaced by one inside, which then counts twice.
      const a = first == 0 ? s0 : first == 1 ? s1 : s2, c = last == 2 ? s2 : last == 1 ? s1 : s0;
      const b = first == 2 ? s2 : last == 0 ? s0 : s1;
      joinThreeMaxima(a, b, c, to, to + bytes(outWidth * channels));
    } else if (first > 0 || last < 2 || (channels & 3) != 0)
      joinSomeRows(s0, s1, s2, ids, first, last, to, where, channels, outWidth);
    else joinThreeRows(s0, s1, s2, ids, to, to + ids, where);
  }
}
