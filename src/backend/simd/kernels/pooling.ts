// Max and average pooling over windows of any size, stride and padding; padding never wins a maximum and does not count in an average.
import { bytes, storeLanes } from './vector';

/** The running maximum and where it was: the first of equal values keeps the place, as in a scan row by row. */
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

// @ts-ignore: decorator
@inline
function loadPositions(at: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)));
}

/** One window that lies inside of the picture, 3 x 3: the usual case, without inner loops. Rows start at r0, r1, r2. */
export function maxWindow3(r0: usize, r1: usize, r2: usize, pixel: usize, y: usize, positions: usize, channels: i32): void {
  const second = pixel << 1;
  for (let c = 0; c < channels; c += 4) {
    const o = bytes(c);
    let m = v128.load(r0 + o), id = i32x4.splat(0);
    let v = v128.load(r0 + pixel + o), g = f32x4.gt(v, m);
    m = v128.bitselect(v, m, g); id = v128.and(g, i32x4.splat(1));
    v = v128.load(r0 + second + o); g = f32x4.gt(v, m);
    m = v128.bitselect(v, m, g); id = i32x4.max_s(id, v128.and(g, i32x4.splat(2)));
    v = v128.load(r1 + o); g = f32x4.gt(v, m);
    m = v128.bitselect(v, m, g); id = i32x4.max_s(id, v128.and(g, i32x4.splat(3)));
    v = v128.load(r1 + pixel + o); g = f32x4.gt(v, m);
    m = v128.bitselect(v, m, g); id = i32x4.max_s(id, v128.and(g, i32x4.splat(4)));
    v = v128.load(r1 + second + o); g = f32x4.gt(v, m);
    m = v128.bitselect(v, m, g); id = i32x4.max_s(id, v128.and(g, i32x4.splat(5)));
    v = v128.load(r2 + o); g = f32x4.gt(v, m);
    m = v128.bitselect(v, m, g); id = i32x4.max_s(id, v128.and(g, i32x4.splat(6)));
    v = v128.load(r2 + pixel + o); g = f32x4.gt(v, m);
    m = v128.bitselect(v, m, g); id = i32x4.max_s(id, v128.and(g, i32x4.splat(7)));
    v = v128.load(r2 + second + o); g = f32x4.gt(v, m);
    m = v128.bitselect(v, m, g); id = i32x4.max_s(id, v128.and(g, i32x4.splat(8)));
    storeLanes(y + o, m, channels - c);
    if (positions) storePositions(positions + c, id, channels - c);
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
      if (nh == 3 && nw == 3 && kh == 3 && kw == 3) maxWindow3(corner, corner + row, corner + 2 * row, pixel, to, where, channels);
      else maxWindow(corner, row, pixel, nh, nw, (ya - y0) * kw + xa - x0, kw, to, where, channels);
    }
  }
}

/** Adds `g`, where its tap won, to one tap of a window. */
// @ts-ignore: decorator
@inline
function addWhere(at: usize, g: v128, id: v128, tap: i32): void {
  v128.store(at, f32x4.add(v128.load(at), v128.and(g, i32x4.eq(id, i32x4.splat(tap)))));
}

export function maxWindowGradient3(r0: usize, r1: usize, r2: usize, pixel: usize, dy: usize, positions: usize, channels: i32): void {
  const second = pixel << 1;
  for (let c = 0; c < channels; c += 4) {
    const o = bytes(c);
    const g = v128.load(dy + o);
    const id = loadPositions(positions + c);
    addWhere(r0 + o, g, id, 0); addWhere(r0 + pixel + o, g, id, 1); addWhere(r0 + second + o, g, id, 2);
    addWhere(r1 + o, g, id, 3); addWhere(r1 + pixel + o, g, id, 4); addWhere(r1 + second + o, g, id, 5);
    addWhere(r2 + o, g, id, 6); addWhere(r2 + pixel + o, g, id, 7); addWhere(r2 + second + o, g, id, 8);
  }
}

/** The gradient of max pooling for images [begin, end). */
export function maxPoolGradient(
  dy: usize, positions: usize, dx: usize, height: i32, width: i32, channels: i32, kh: i32, kw: i32, stride: i32, top: i32, left: i32,
  outHeight: i32, outWidth: i32, begin: i32, end: i32,
): void {
  const pixel = bytes(channels), row = bytes(width * channels);
  const whole = (channels & 3) == 0;
  memory.fill(dx + <usize>begin * <usize>height * row, 0, <usize>(end - begin) * <usize>height * row);
  for (let r = begin * outHeight; r < end * outHeight; r++) {
    const n = r / outHeight;
    const image = dx + <usize>n * <usize>height * row;
    const y0 = (r - n * outHeight) * stride - top;
    for (let ox = 0; ox < outWidth; ox++) {
      const o = r * outWidth + ox;
      const from = dy + <usize>o * pixel;
      const where = positions + <usize>o * <usize>channels;
      const x0 = ox * stride - left;
      if (whole && kh == 3 && kw == 3 && y0 >= 0 && x0 >= 0 && y0 + 3 <= height && x0 + 3 <= width) {
        const corner = image + <usize>y0 * row + <usize>x0 * pixel;
        maxWindowGradient3(corner, corner + row, corner + 2 * row, pixel, from, where, channels);
      } else {
        for (let c = 0; c < channels; c++) {
          const tap = <i32>load<u8>(where + c);
          const ky = tap / kw;
          const at = image + <usize>(y0 + ky) * row + <usize>(x0 + tap - ky * kw) * pixel + bytes(c);
          f32.store(at, f32.load(at) + f32.load(from + bytes(c)));
        }
      }
    }
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
