// Max and average pooling over windows of any size, stride and padding; padding never wins a maximum and does not count
// in an average.
import { bytes, storeLanes, storePositions } from './vector';

/**
 * One window of nh x nw taps from `corner`; its first tap has the number `tap`, and a row of the whole window has kw
 * taps.
 */
function maxWindow(
  corner: usize, row: usize, pixel: usize, nh: i32, nw: i32, tap: i32, kw: i32, y: usize, positions: usize,
  channels: i32,
): void {
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

/**
 * Max pooling of output rows [begin, end) (image * outHeight + row). `positions`, if not 0, receives one byte per
 * value: which tap won.
 */
export function maxPool(
  x: usize, y: usize, positions: usize, height: i32, width: i32, channels: i32, kh: i32, kw: i32, stride: i32, top: i32,
  left: i32, outHeight: i32, outWidth: i32, begin: i32, end: i32,
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
 * The gradient of max pooling for images [begin, end): each value goes only to the place that its maximum came from,
 * which is cheaper than offering it to all taps. `scratch` holds the byte offset of every tap.
 */
export function maxPoolGradient(
  dy: usize, positions: usize, dx: usize, height: i32, width: i32, channels: i32, kh: i32, kw: i32, stride: i32,
  top: i32, left: i32, outHeight: i32, outWidth: i32, begin: i32, end: i32, _chunk: i32, scratch: usize,
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
        const corner = dx + <usize>n * imageBytes +
          <usize>(((oy * stride - top) * width + ox * stride - left) * channels) * 4;
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

/**
 * The gradient of average pooling for images [begin, end), as tfjs defines it: every window counts kh * kw taps, padded
 * or not.
 */
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
