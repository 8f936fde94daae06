// Depthwise convolutions: every channel has its own filter. A filter [taps, channels] is read in place, from either
// end.
import { ROWS, addPair, bytes, continues, copyFloats, madd, numberOf, storePair, up8 } from './vector';
import { STAGE, clipRows } from './convolution';
import { accumulatorBytes } from './filter';
import { padBand, spreadBand } from './padding';
import { Steps, wideDepthwiseTaps, wideDepthwiseTile, wideDepthwiseTile1 } from './wideDepthwise';
import { wide } from './wideTile';

/**
 * Register tile, following the rules in tile.ts: out[r][0..8) = bias + sum_t in[a_r + offsets[t]][0..8) * w[t][0..8),
 * where `tap` is the bytes from one row of w to the next.
 */
export function depthwiseTile(
  w: usize, tap: usize, offsets: usize, end: usize, bias: usize, out: usize, outRow: usize,
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
): void {
  let c00 = v128.load(bias), c01 = v128.load(bias, 16);
  let c10 = v128.load(bias), c11 = v128.load(bias, 16);
  let c20 = v128.load(bias), c21 = v128.load(bias, 16);
  let c30 = v128.load(bias), c31 = v128.load(bias, 16);
  let c40 = v128.load(bias), c41 = v128.load(bias, 16);
  let c50 = v128.load(bias), c51 = v128.load(bias, 16);
  while (offsets < end) {
    const b0 = v128.load(w), b1 = v128.load(w, 16);
    w += tap;
    const o = <usize>load<u32>(offsets);
    offsets += 4;
    const p0 = a0 + o;
    c00 = madd(v128.load(p0), b0, c00);
    c01 = madd(v128.load(p0, 16), b1, c01);
    const p1 = a1 + o;
    c10 = madd(v128.load(p1), b0, c10);
    c11 = madd(v128.load(p1, 16), b1, c11);
    const p2 = a2 + o;
    c20 = madd(v128.load(p2), b0, c20);
    c21 = madd(v128.load(p2, 16), b1, c21);
    const p3 = a3 + o;
    c30 = madd(v128.load(p3), b0, c30);
    c31 = madd(v128.load(p3, 16), b1, c31);
    const p4 = a4 + o;
    c40 = madd(v128.load(p4), b0, c40);
    c41 = madd(v128.load(p4, 16), b1, c41);
    if (ROWS > 5) {
      const p5 = a5 + o;
      c50 = madd(v128.load(p5), b0, c50);
      c51 = madd(v128.load(p5, 16), b1, c51);
    }
  }
  storePair(out, c00, c01);
  out += outRow;
  storePair(out, c10, c11);
  out += outRow;
  storePair(out, c20, c21);
  out += outRow;
  storePair(out, c30, c31);
  out += outRow;
  storePair(out, c40, c41);
  out += outRow;
  if (ROWS > 5) storePair(out, c50, c51);
}

/**
 * Computes all channels of `pixels` output pixels, outPixel bytes apart, whose windows begin at `input` + places[p].
 */
function depthwisePixels(
  input: usize, places: usize, w: usize, tap: usize, offsets: usize, taps: i32, bias: usize, output: usize,
  outPixel: usize, channels: i32, pixels: i32, relu: i32, stage: usize,
): void {
  const last = places + bytes(pixels - 1);
  const end = offsets + bytes(taps);
  const full = pixels >= ROWS && channels >= 8;
  for (let p = 0; p < pixels; p += ROWS) {
    // The last tile overlaps the one before it, in pixels and in channels, and computes some values again.
    const first = max(0, min(p, pixels - ROWS));
    const at = places + bytes(first);
    const a0 = input + load<u32>(at), a1 = input + load<u32>(min(at + 4, last)),
      a2 = input + load<u32>(min(at + 8, last));
    const a3 = input + load<u32>(min(at + 12, last)), a4 = input + load<u32>(min(at + 16, last)),
      a5 = input + load<u32>(min(at + 20, last));
    const out = output + <usize>first * outPixel;
    for (let c = 0; c < channels; c += 8) {
      const o = bytes(max(0, min(c, channels - 8)));
      const to = full ? out + o : stage;
      const row: usize = full ? outPixel : 32;
      depthwiseTile(w + o, tap, offsets, end, bias + o, to, row, a0 + o, a1 + o, a2 + o, a3 + o, a4 + o, a5 + o);
      if (relu) clipRows(to, row, 8, relu);
      if (full) continue;
      const rows = min(ROWS, pixels);
      for (let r = 0; r < rows; r++)
        copyFloats(stage + <usize>(r * 32), out + <usize>r * outPixel + o, min(8, channels));
    }
  }
}

// @ts-ignore: decorator
@inline
function tile(steps: Steps, w: usize, length: usize, r0: usize, r1: usize, r2: usize): void {
  if (steps.step == steps.pixel) wideDepthwiseTile1(steps, w, length, r0, r1, r2);
  else wideDepthwiseTile(steps, w, length, r0, r1, r2);
}

/** Computes four pixels of at least eight channels in wide tiles. The last tile overlaps the one before it. */
// @ts-ignore: decorator
@inline
function fourPixels(
  steps: Steps, w: usize, bias: usize, out: usize, channels: i32, r0: usize, r1: usize, r2: usize,
): void {
  const rest = channels & 7, last = bytes(channels - 8);
  steps.bias = bias;
  steps.out = out;
  tile(steps, w, bytes(channels - rest), r0, r1, r2);
  if (rest == 0) return;
  steps.bias = bias + last;
  steps.out = out + last;
  tile(steps, w + last, 32, r0 + last, r1 + last, r2 + last);
}

/** Like depthwisePixels, for a 3x3 filter and rows of at least four pixels. */
function wideDepthwisePixels(
  input: usize, places: usize, w: usize, tap: usize, offsets: usize, bias: usize, output: usize, outPixel: usize,
  channels: i32, width: i32, pixels: i32, relu: i32, scratch: usize,
): void {
  const steps = changetype<Steps>(scratch);
  steps.tap = tap;
  steps.pixel = load<u32>(offsets, 4);
  steps.step = load<u32>(places, 4) - load<u32>(places);
  steps.outPixel = outPixel;
  steps.relu = relu;
  steps.left = steps.right = -1;
  const below = load<u32>(offsets, 12);
  for (let row = 0; row < pixels; row += width) {
    for (let x = 0; x < width; x += 4) {
      // The last tile overlaps the one before it, in pixels and in channels.
      const p = row + min(x, width - 4);
      const r = input + load<u32>(places + bytes(p));
      fourPixels(steps, w, bias, output + <usize>p * outPixel, channels, r, r + below, r + 2 * below);
    }
  }
}

/** Returns the row of an image, or zeros for a row outside of it. */
// @ts-ignore: decorator
@inline
function rowOr(zeros: usize, image: usize, y: i32, height: i32, pitch: usize, column: usize): usize {
  return y >= 0 && y < height ? image + <usize>y * pitch + column : zeros;
}

/**
 * Computes output rows [first, first + rows) of an image with a border of at most one pixel, without copying the image.
 */
function wideDepthwiseImage(
  image: usize, w: usize, tap: usize, bias: usize, output: usize, outPixel: usize, height: i32, width: i32,
  channels: i32, top: i32, left: i32, stride: i32, outWidth: i32, first: i32, rows: i32, relu: i32, zeros: usize,
  scratch: usize,
): void {
  const steps = changetype<Steps>(scratch);
  const pixel = bytes(channels), pitch = <usize>width * pixel;
  steps.tap = tap;
  steps.pixel = pixel;
  steps.step = <usize>stride * pixel;
  steps.outPixel = outPixel;
  steps.relu = relu;
  for (let row = 0; row < rows; row++) {
    const y = (first + row) * stride - top;
    for (let p = 0; p < outWidth; p += 4) {
      const at = min(p, outWidth - 4), x = at * stride - left;
      steps.left = x < 0 ? 0 : -1;
      steps.right = x + 3 * stride + 2 >= width ? 0 : -1;
      const column = <usize>x * pixel;
      const r0 = rowOr(zeros, image, y, height, pitch, column), r1 = rowOr(zeros, image, y + 1, height, pitch, column);
      const r2 = rowOr(zeros, image, y + 2, height, pitch, column);
      fourPixels(steps, w, bias, output + <usize>(row * outWidth + at) * outPixel, channels, r0, r1, r2);
    }
  }
}

/**
 * A depthwise convolution over bands of `bandRows` output rows, as in `convolve`: x [N, height, width, channels],
 * output pixels outPixel bytes apart; `zeros` holds zeros for nine pixels. With spread > 1, the input is x with zeros
 * between its pixels, which are `spread` steps apart.
 */
export function depthwise(
  x: usize, w: usize, tap: usize, bias: usize, y: usize, offsets: usize, places: usize, height: i32, width: i32,
  channels: i32, top: i32, left: i32, bandColumns: i32, ny: i32, nx: i32, stride: i32, spread: i32, outHeight: i32,
  outWidth: i32, outPixel: usize, relu: i32, bandRows: i32, bands: i32, zeros: usize, begin: i32, end: i32, _chunk: i32,
  scratch: usize,
): void {
  const padded = scratch + STAGE;
  const pitch = bytes((bandColumns > 0 ? bandColumns : width) * channels);
  const joined = wide && ny == 3 && nx == 3 && outWidth >= 4 && channels >= 8;
  const beyond = (outWidth - 1) * stride + 3 - left - width;
  const whole = joined && bandColumns > 0 && spread == 1 && stride <= 2 && channels <= 4096 && left >= 0 && left <= 1 &&
    beyond <= 1;
  for (let b = begin; b < end; b++) {
    const n = b / bands;
    const first = (b - n * bands) * bandRows;
    const rows = min(bandRows, outHeight - first);
    const image = x + <usize>n * bytes(height * width * channels);
    const to = y + <usize>((n * outHeight + first) * outWidth) * outPixel;
    if (whole) {
      wideDepthwiseImage(image, w, tap, bias, to, outPixel, height, width, channels, top, left, stride, outWidth, first,
        rows, relu, zeros, scratch);
      continue;
    }
    let input = image + <usize>(first * stride) * pitch;
    if (bandColumns > 0) {
      const from = first * stride - top, count = (rows - 1) * stride + ny;
      if (spread > 1) spreadBand(image, padded, height, width, channels, from, -left, count, bandColumns, spread);
      else padBand(image, padded, height, width, channels, from, -left, count, bandColumns);
      input = padded;
    }
    if (joined)
      wideDepthwisePixels(input, places, w, tap, offsets, bias, to, outPixel, channels, outWidth, rows * outWidth, relu,
        scratch);
    else
      depthwisePixels(input, places, w, tap, offsets, ny * nx, bias, to, outPixel, channels, rows * outWidth, relu,
        scratch);
  }
}

/**
 * Three taps of the filter gradient, for eight channels: acc_i += sum_p in[x_i + places[p]][0..8) * dy[p][0..8); dy's
 * pixels are dyRow bytes apart.
 */
export function depthwiseTaps(
  dy: usize, end: usize, dyRow: usize, places: usize, x0: usize, x1: usize, x2: usize, acc0: usize, acc1: usize,
  acc2: usize,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0), c20 = f32x4.splat(0),
    c21 = f32x4.splat(0);
  while (dy < end) {
    const b0 = v128.load(dy), b1 = v128.load(dy, 16);
    dy += dyRow;
    const o = <usize>load<u32>(places);
    places += 4;
    const p2 = x2 + o;
    c21 = madd(v128.load(p2, 16), b1, c21);
    c20 = madd(v128.load(p2), b0, c20);
    const p1 = x1 + o;
    c11 = madd(v128.load(p1, 16), b1, c11);
    c10 = madd(v128.load(p1), b0, c10);
    const p0 = x0 + o;
    c01 = madd(v128.load(p0, 16), b1, c01);
    c00 = madd(v128.load(p0), b0, c00);
  }
  addPair(acc0, c00, c01);
  addPair(acc1, c10, c11);
  addPair(acc2, c20, c21);
}

/**
 * Adds the filter gradient of images [begin, end) to this chunk's own accumulator [taps rounded up to ROWS][channels
 * rounded up to 8]; bands as in `depthwise`.
 */
export function depthwiseFilter(
  x: usize, dy: usize, accumulators: usize, offsets: usize, places: usize, height: i32, width: i32, channels: i32,
  top: i32, left: i32, bandColumns: i32, ny: i32, nx: i32, stride: i32, outHeight: i32, outWidth: i32, bandRows: i32,
  begin: i32, end: i32, chunk: i32, scratch: usize,
): void {
  const taps = ny * nx;
  const accRow = bytes(up8(channels));
  const size = accumulatorBytes(taps, channels, ROWS);
  const accumulator = accumulators + <usize>numberOf(chunk) * size;
  if (!continues(chunk)) memory.fill(accumulator, 0, size);
  const padded = scratch + STAGE;
  const pitch = bytes((bandColumns > 0 ? bandColumns : width) * channels);
  const dyRow = bytes(channels);
  for (let n = begin; n < end; n++) {
    const image = x + <usize>n * bytes(height * width * channels);
    for (let first = 0; first < outHeight; first += bandRows) {
      const rows = min(bandRows, outHeight - first);
      let input = image + <usize>(first * stride) * pitch;
      if (bandColumns > 0) {
        padBand(image, padded, height, width, channels, first * stride - top, -left, (rows - 1) * stride + ny,
          bandColumns);
        input = padded;
      }
      const from = dy + <usize>((n * outHeight + first) * outWidth) * dyRow, length = <usize>(rows * outWidth) * dyRow;
      for (let c = 0; c < channels; c += 8) {
        const d = from + bytes(c), under = input + bytes(c);
        if (wide && ny == 3 && nx == 3) {
          wideDepthwiseTaps(d, d + length, dyRow, places, under, under + pitch, under + 2 * pitch, dyRow,
            accumulator + bytes(c), accRow);
          continue;
        }
        for (let t = 0; t < taps; t += 3) {
          const at = offsets + bytes(t), acc = accumulator + <usize>t * accRow + bytes(c);
          const two = t + 1 < taps, three = t + 2 < taps;
          const x0 = under + load<u32>(at), x1 = two ? under + load<u32>(at + 4) : x0,
            x2 = three ? under + load<u32>(at + 8) : x0;
          // The sums of missing taps go to scratch, and are ignored.
          depthwiseTaps(d, d + length, dyRow, places, x0, x1, x2, acc, two ? acc + accRow : scratch,
            three ? acc + 2 * accRow : scratch);
        }
      }
    }
  }
}
