// Max and average pooling over windows of any size, stride and padding; padding never wins a maximum and does not count in an average.
import { bytes, storeLanes, storePair, up4 } from './vector';

// @ts-ignore: decorator
@inline
function packPositions(id: v128): v128 {
  const halves = i16x8.narrow_i32x4_u(id, id);
  return i8x16.narrow_i16x8_u(halves, halves);
}

// @ts-ignore: decorator
@inline
function storePositions(to: usize, id: v128, n: i32): void {
  const packed = packPositions(id);
  if (n >= 4) v128.store32_lane(to, packed, 0);
  else for (let i = 0; i < n; i++) store<u8>(to + i, <u8>(i32x4.extract_lane(packed, 0) >>> (8 * i)));
}

/** Takes v, the value of tap `tap`, where it is greater than the maximum so far; NaN never is. Ties stay with the earlier tap. */
// @ts-ignore: decorator
@inline
function laterTap(id: v128, m: v128, v: v128, tap: i32): v128 {
  return i32x4.max_s(id, v128.and(f32x4.gt(v, m), i32x4.splat(tap)));
}

/** The maximum of three neighbouring pixels, and which it was (0, 1, 2), for all channels. */
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

/** The maxima alone, of any number of pixels side by side: `maxima` may be written up to a vector behind its end. */
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

/** The same where only neighbours `first`..`last` exist. */
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

/** For each output column of one input row: the maximum of its 3 neighbours and which of them it was, each pixel in whole vectors. */
function maxOfColumns(row: usize, maxima: usize, ids: usize, width: i32, channels: i32, stride: i32, left: i32, outWidth: i32): void {
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

/** The maxima alone, pixel by pixel without a gap: what one writes behind its end the next one writes again. `ids` is room for those of one pixel. */
function maximaOfColumns(row: usize, maxima: usize, ids: usize, width: i32, channels: i32, stride: i32, left: i32, outWidth: i32): void {
  const pixel = bytes(channels);
  for (let ox = 0; ox < outWidth;) {
    const x0 = ox * stride - left;
    const at = row + <usize>(x0 * channels) * 4;
    let count = 1;
    if (x0 < 0 || x0 + 3 > width) maxOfSome(at, at + pixel, pixel, max(0, -x0), min(2, width - 1 - x0), maxima, ids);
    else {
      // Of stride 1, all that see no border are one run of floats.
      if (stride == 1) count = min(outWidth - ox, width - 2 - x0);
      maximumOfThree(at, at + <usize>count * pixel, pixel, maxima);
    }
    ox += count;
    maxima += <usize>count * pixel;
  }
}

/** Joins three rows of column maxima, whose ids lie `ids` bytes behind them, to one row of the output; whole vectors. */
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

/** The same without ids and gaps, where nobody asks for the places of the maxima; not a float behind the end. */
export function joinThreeMaxima(a: usize, b: usize, c: usize, y: usize, end: usize): void {
  for (; y + 32 <= end; y += 32, a += 32, b += 32, c += 32) {
    const v = largerOfThree(v128.load(a), v128.load(b), v128.load(c));
    storePair(y, v, largerOfThree(v128.load(a, 16), v128.load(b, 16), v128.load(c, 16)));
  }
  for (; y < end; y += 16, a += 16, b += 16, c += 16) {
    storeLanes(y, largerOfThree(v128.load(a), v128.load(b), v128.load(c)), <i32>((end - y) >> 2));
  }
}

/** Joins rows `first`..`last` of three where some lie outside of the picture, or channels end within a vector. */
function joinSomeRows(
  a: usize, b: usize, c: usize, ids: usize, first: i32, last: i32, y: usize, positions: usize, channels: i32, outWidth: i32,
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

/** 3 x 3 windows as maxima of columns, then of rows: neighbouring windows share the first half. Output rows [begin, end); scratch holds three rows. */
export function maxPool3(
  x: usize, y: usize, positions: usize, height: i32, width: i32, channels: i32, kh: i32, kw: i32, stride: i32, top: i32, left: i32,
  outHeight: i32, outWidth: i32, begin: i32, end: i32, _chunk: i32, scratch: usize,
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
    // Rows outside of the picture are never read; their slot does not matter.
    const base = n * height + y0 + 3;
    const s0 = scratch + <usize>(base % 3) * slot, s1 = scratch + <usize>((base + 1) % 3) * slot, s2 = scratch + <usize>((base + 2) % 3) * slot;
    const o = r * outWidth * channels;
    const to = y + bytes(o), where = positions + o;
    if (!positions) {
      // A row that is not there is replaced by one that is, which counts twice then.
      const a = first == 0 ? s0 : first == 1 ? s1 : s2, c = last == 2 ? s2 : last == 1 ? s1 : s0;
      const b = first == 2 ? s2 : last == 0 ? s0 : s1;
      joinThreeMaxima(a, b, c, to, to + bytes(outWidth * channels));
    } else if (first > 0 || last < 2 || (channels & 3) != 0) joinSomeRows(s0, s1, s2, ids, first, last, to, where, channels, outWidth);
    else joinThreeRows(s0, s1, s2, ids, to, to + ids, where);
  }
}

/** One window of nh x nw taps from `corner`; the first has number `tap`, each row of the whole window counts kw. */
function maxWindow(corner: usize, row: usize, pixel: usize, nh: i32, nw: i32, tap: i32, kw: i32, y: usize, positions: usize, channels: i32): void {
  for (let c = 0; c < channels; c += 4) {
    let m = f32x4.splat(-Infinity), id = i32x4.splat(tap);
    for (let i = 0; i < nh; i++) {
      let at = corner + bytes(c) + <usize>i * row;
      for (let j = 0; j < nw; j++) {
        const v = v128.load(at);
        const g = f32x4.gt(v, m);
        m = v128.bitselect(v, m, g);
        id = v128.bitselect(i32x4.splat(tap + i * kw + j), id, g);
        at += pixel;
      }
    }
    storeLanes(y + bytes(c), m, channels - c);
    if (positions) storePositions(positions + c, id, channels - c);
  }
}

/** Max pooling of output rows [begin, end) (image * outHeight + row). `positions`, if not 0, receives one byte a value: which tap won. */
export function maxPool(
  x: usize, y: usize, positions: usize, height: i32, width: i32, channels: i32, kh: i32, kw: i32, stride: i32, top: i32, left: i32,
  outHeight: i32, outWidth: i32, begin: i32, end: i32,
): void {
  const pixel = bytes(channels), row = bytes(width * channels);
  for (let r = begin; r < end; r++) {
    const n = r / outHeight;
    const image = x + <usize>n * <usize>height * row;
    const y0 = (r - n * outHeight) * stride - top;
    const ya = max(y0, 0), nh = min(y0 + kh, height) - ya;
    for (let ox = 0; ox < outWidth; ox++) {
      const o = r * outWidth + ox;
      const to = y + <usize>o * pixel;
      const where = positions ? positions + <usize>o * <usize>channels : 0;
      const x0 = ox * stride - left;
      const xa = max(x0, 0), nw = min(x0 + kw, width) - xa;
      const corner = image + <usize>ya * row + <usize>xa * pixel;
      maxWindow(corner, row, pixel, nh, nw, (ya - y0) * kw + xa - x0, kw, to, where, channels);
    }
  }
}

/**
 * The gradient of max pooling for images [begin, end): each value goes to the one place its maximum came from, so going there
 * is cheaper than offering it to all taps. `scratch` holds the byte offset of every tap.
 */
export function maxPoolGradient(
  dy: usize, positions: usize, dx: usize, height: i32, width: i32, channels: i32, kh: i32, kw: i32, stride: i32, top: i32, left: i32,
  outHeight: i32, outWidth: i32, begin: i32, end: i32, _chunk: i32, scratch: usize,
): void {
  const imageBytes = bytes(height * width * channels);
  for (let tap = 0; tap < kh * kw; tap++) {
    store<u32>(scratch + bytes(tap), ((tap / kw) * width + (tap % kw)) * channels * 4);
  }
  memory.fill(dx + <usize>begin * imageBytes, 0, <usize>(end - begin) * imageBytes);
  let from = dy + bytes(begin * outHeight * outWidth * channels);
  let where = positions + <usize>(begin * outHeight * outWidth * channels);
  for (let n = begin; n < end; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const corner = dx + <usize>n * imageBytes + <usize>(((oy * stride - top) * width + ox * stride - left) * channels) * 4;
        scatterWindow(corner, from, where, scratch, channels);
        from += bytes(channels);
        where += channels;
      }
    }
  }
}

export function scatterWindow(to: usize, from: usize, where: usize, offsets: usize, channels: i32): void {
  const end = where + channels;
  while (where < end) {
    const at = to + <usize>load<u32>(offsets + (<usize>load<u8>(where) << 2));
    f32.store(at, f32.load(at) + f32.load(from));
    where++;
    from += 4;
    to += 4;
  }
}

/** Average pooling of output rows [begin, end). */
export function averagePool(
  x: usize, y: usize, height: i32, width: i32, channels: i32, kh: i32, kw: i32, stride: i32, top: i32, left: i32,
  outHeight: i32, outWidth: i32, begin: i32, end: i32,
): void {
  const pixel = bytes(channels), row = bytes(width * channels);
  for (let r = begin; r < end; r++) {
    const n = r / outHeight;
    const y0 = (r - n * outHeight) * stride - top;
    const ya = max(y0, 0), nh = min(y0 + kh, height) - ya;
    for (let ox = 0; ox < outWidth; ox++) {
      const x0 = ox * stride - left;
      const xa = max(x0, 0), nw = min(x0 + kw, width) - xa;
      const corner = x + <usize>(n * height + ya) * row + <usize>xa * pixel;
      const share = f32x4.splat(<f32>(1.0 / <f64>(nh * nw)));
      for (let c = 0; c < channels; c += 4) {
        let sum = f32x4.splat(0);
        for (let i = 0; i < nh; i++) {
          let at = corner + bytes(c) + <usize>i * row;
          for (let j = 0; j < nw; j++) {
            sum = f32x4.add(sum, v128.load(at));
            at += pixel;
          }
        }
        storeLanes(y + <usize>(r * outWidth + ox) * pixel + bytes(c), f32x4.mul(sum, share), channels - c);
      }
    }
  }
}

/** The gradient of average pooling for images [begin, end), as tfjs defines it: every window counts kh * kw taps, padded or not. */
export function averagePoolGradient(
  dy: usize, dx: usize, height: i32, width: i32, channels: i32, kh: i32, kw: i32, stride: i32, top: i32, left: i32,
  outHeight: i32, outWidth: i32, begin: i32, end: i32,
): void {
  const pixel = bytes(channels), row = bytes(width * channels);
  const share = f32x4.splat(<f32>(1.0 / <f64>(kh * kw)));
  memory.fill(dx + <usize>begin * <usize>height * row, 0, <usize>(end - begin) * <usize>height * row);
  for (let r = begin * outHeight; r < end * outHeight; r++) {
    const n = r / outHeight;
    const y0 = (r - n * outHeight) * stride - top;
    const ya = max(y0, 0), nh = min(y0 + kh, height) - ya;
    for (let ox = 0; ox < outWidth; ox++) {
      const x0 = ox * stride - left;
      const xa = max(x0, 0), nw = min(x0 + kw, width) - xa;
      const corner = dx + <usize>(n * height + ya) * row + <usize>xa * pixel;
      for (let c = 0; c < channels; c += 4) {
        const g = f32x4.mul(v128.load(dy + <usize>(r * outWidth + ox) * pixel + bytes(c)), share);
        for (let i = 0; i < nh; i++) {
          let at = corner + bytes(c) + <usize>i * row;
          for (let j = 0; j < nw; j++) {
            storeLanes(at, f32x4.add(v128.load(at), g), channels - c);
            at += pixel;
          }
        }
      }
    }
  }
}
