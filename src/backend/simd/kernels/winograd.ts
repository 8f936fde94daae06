// 3x3 convolutions of stride 1 as Winograd's F(4x4, 3x3): 36 products of small matrices instead of 144 multiply-adds a tile.
import { ROWS, bytes, copyFloats, up4, up8 } from './vector';
import { convolvePixels } from './convolution';
import { accumulateFilter } from './filterGradient';
import { accumulatorBytes } from './filter';
import { padBand } from './padding';
import { filterGradientTransform, filterTransform, gradientTransform, inputTransform, outputTransform } from './winogradTransforms';

/** Bytes between the rows of the 6 x 8 square in which a 2-D transform keeps its first half. */
// @ts-ignore: decorator
@inline
const SQUARE_ROW: usize = 128;

// Each of the following transforms one tile for all its channels. They are exported so that each stays a function of its own.

export function transformInputTile(from: usize, row: usize, pixel: usize, square: usize, to: usize, plane: usize, channels: i32): void {
  const end = from + bytes(channels);
  while (from < end) {
    for (let r: usize = 0; r < 6; r++) inputTransform(from + r * row, pixel, square + r * SQUARE_ROW, 16);
    for (let c: usize = 0; c < 6; c++) inputTransform(square + c * 16, SQUARE_ROW, to + c * plane, 6 * plane);
    from += 16;
    to += 16;
  }
}

export function transformGradientTile(from: usize, row: usize, pixel: usize, square: usize, to: usize, plane: usize, channels: i32): void {
  const end = from + bytes(channels);
  while (from < end) {
    for (let r: usize = 0; r < 4; r++) gradientTransform(from + r * row, pixel, square + r * SQUARE_ROW, 16);
    for (let c: usize = 0; c < 6; c++) gradientTransform(square + c * 16, SQUARE_ROW, to + c * plane, 6 * plane);
    from += 16;
    to += 16;
  }
}

export function transformOutputTile(from: usize, plane: usize, square: usize, to: usize, row: usize, pixel: usize, bias: usize, channels: i32): void {
  const end = from + bytes(channels);
  const zero = f32x4.splat(0);
  while (from < end) {
    for (let r: usize = 0; r < 6; r++) outputTransform(from + r * 6 * plane, plane, square + r * SQUARE_ROW, 16, zero);
    const b = v128.load(bias);
    for (let c: usize = 0; c < 4; c++) outputTransform(square + c * 16, SQUARE_ROW, to + c * pixel, row, b);
    from += 16;
    to += 16;
    bias += 16;
  }
}

/** Tiles [first, first + count) of a picture [N, height, width, channels] into planes [36][count][channels rounded up to 4]; size 6 for inputs, 4 for gradients. */
function transformTiles(
  x: usize, planes: usize, square: usize, patch: usize, height: i32, width: i32, channels: i32, top: i32, left: i32,
  tilesDown: i32, tilesAcross: i32, first: i32, count: i32, size: i32,
): void {
  const perImage = tilesDown * tilesAcross;
  const pixel = bytes(channels);
  const row = <usize>width * pixel;
  const padded = bytes(up4(channels));
  const plane = <usize>count * padded;
  for (let i = 0; i < count; i++) {
    const n = (first + i) / perImage;
    const t = first + i - n * perImage;
    const ty = t / tilesAcross;
    const y = ty * 4 - top;
    const x0 = (t - ty * tilesAcross) * 4 - left;
    const image = x + <usize>n * <usize>height * row;
    const to = planes + <usize>i * padded;
    let from = image + <usize>y * row + <usize>x0 * pixel;
    let step = row;
    if (y < 0 || x0 < 0 || y + size > height || x0 + size > width) {
      padBand(image, patch, height, width, channels, y, x0, size, size);
      from = patch;
      step = <usize>size * pixel;
    }
    if (size == 6) transformInputTile(from, step, pixel, square, to, plane, channels);
    else transformGradientTile(from, step, pixel, square, to, plane, channels);
  }
}

/** A filter [3, 3, cin, cout] into U [36][output channel / 8][input channel][8], mirrored and transposed for the backward input. Panels [begin, end). */
export function winogradFilter(
  w: usize, u: usize, cin: i32, cout: i32, transposed: i32, begin: i32, end: i32, _chunk: i32, scratch: usize,
): void {
  const inner = transposed ? cout : cin;
  const outer = transposed ? cin : cout;
  const innerStep = bytes(transposed ? 1 : cout);
  const outerStep = bytes(transposed ? cout : 1);
  const plane = bytes(inner * up8(outer));
  const taps = scratch + 1024;
  for (let panel = begin; panel < end; panel++) {
    const n = min(8, outer - panel * 8);
    for (let k = 0; k < inner; k++) {
      const from = w + <usize>k * innerStep + <usize>(panel * 8) * outerStep;
      for (let t = 0; t < 9; t++) {
        const tap = from + bytes((transposed ? 8 - t : t) * cin * cout);
        for (let c = 0; c < n; c++) f32.store(taps + <usize>(t * 32) + bytes(c), f32.load(tap + <usize>c * outerStep));
        for (let c = n; c < 8; c++) f32.store(taps + <usize>(t * 32) + bytes(c), 0);
      }
      const to = u + bytes((panel * inner + k) * 8);
      for (let half: usize = 0; half < 32; half += 16) {
        for (let r: usize = 0; r < 3; r++) filterTransform(taps + half + r * 96, 32, scratch + r * SQUARE_ROW, 16);
        for (let c: usize = 0; c < 6; c++) filterTransform(scratch + c * 16, SQUARE_ROW, to + half + c * plane, 6 * plane);
      }
    }
  }
}

/** The size of the blocks, at most `most` tiles, that divide `tiles` evenly: whole register tiles, no small rest. */
function evenBlock(tiles: i32, most: i32): i32 {
  const blocks = (tiles + most - 1) / most;
  const size = (tiles + blocks - 1) / blocks;
  return min(most, ((size + ROWS - 1) / ROWS) * ROWS);
}

/**
 * y = x * filter + bias for tiles of images [begin, end), `block` tiles at a time. Scratch: stage, square, patch, input planes, output planes.
 */
export function winogradConvolve(
  x: usize, u: usize, bias: usize, zeros: usize, y: usize, offsets: usize,
  height: i32, width: i32, cin: i32, top: i32, left: i32, outHeight: i32, outWidth: i32, cout: i32,
  block: i32, begin: i32, end: i32, _chunk: i32, scratch: usize,
): void {
  const tilesAcross = (outWidth + 3) >> 2;
  const tilesDown = (outHeight + 3) >> 2;
  const perImage = tilesAcross * tilesDown;
  const cinPadded = up4(cin), coutPadded = up4(cout);
  const square = scratch + 256;
  const patch = square + 1024;
  const inputs = patch + bytes(36 * max(cinPadded, coutPadded));
  const products = inputs + bytes(36 * block * cinPadded);
  const uPlane = bytes(cin * up8(cout));
  const pixel = bytes(cout), row = bytes(outWidth * cout);
  const last = end * perImage;
  block = evenBlock(last - begin * perImage, block);
  for (let first = begin * perImage; first < last; first += block) {
    const count = min(block, last - first);
    transformTiles(x, inputs, square, patch, height, width, cin, top, left, tilesDown, tilesAcross, first, count, 6);
    const inPlane = bytes(count * cinPadded), outPlane = bytes(count * coutPadded);
    for (let k: usize = 0; k < 36; k++) {
      convolvePixels(
        inputs + k * inPlane, u + k * uPlane, zeros, products + k * outPlane, scratch, offsets,
        count, 0, bytes(cinPadded), cin, cout, <usize>count * bytes(coutPadded), bytes(coutPadded), count,
      );
    }
    for (let i = 0; i < count; i++) {
      const n = (first + i) / perImage;
      const t = first + i - n * perImage;
      const ty = t / tilesAcross;
      const tx = t - ty * tilesAcross;
      const from = products + <usize>i * bytes(coutPadded);
      const to = y + <usize>n * <usize>outHeight * row + <usize>(ty * 4) * row + <usize>(tx * 4) * pixel;
      if (ty * 4 + 4 <= outHeight && tx * 4 + 4 <= outWidth && cout == coutPadded) {
        transformOutputTile(from, outPlane, square, to, row, pixel, bias, cout);
      } else {
        const padded = bytes(coutPadded);
        transformOutputTile(from, outPlane, square, patch, 4 * padded, padded, bias, cout);
        const rows = min(4, outHeight - ty * 4), columns = min(4, outWidth - tx * 4);
        for (let r = 0; r < rows; r++) {
          for (let c = 0; c < columns; c++) {
            copyFloats(patch + <usize>(r * 4 + c) * padded, to + <usize>r * row + <usize>c * pixel, cout);
          }
        }
      }
    }
  }
}

/** The filter gradient of images [begin, end) in Winograd's domain: this chunk's accumulator [36][cin in tiles][cout in panels]. */
export function winogradFilterGradient(
  x: usize, dy: usize, accumulators: usize, offsets: usize,
  height: i32, width: i32, cin: i32, top: i32, left: i32, outHeight: i32, outWidth: i32, cout: i32,
  block: i32, begin: i32, end: i32, chunk: i32, scratch: usize,
): void {
  const tilesAcross = (outWidth + 3) >> 2;
  const tilesDown = (outHeight + 3) >> 2;
  const perImage = tilesAcross * tilesDown;
  const cinPadded = up4(cin), coutPadded = up4(cout);
  const square = scratch + 256;
  const patch = square + 1024;
  const inputs = patch + bytes(36 * max(cinPadded, coutPadded));
  const gradients = inputs + bytes(36 * block * cinPadded);
  const plane = accumulatorBytes(cin, cout, ROWS);
  const accumulator = accumulators + <usize>chunk * 36 * plane;
  memory.fill(accumulator, 0, 36 * plane);
  const last = end * perImage;
  block = evenBlock(last - begin * perImage, block);
  for (let first = begin * perImage; first < last; first += block) {
    const count = min(block, last - first);
    transformTiles(x, inputs, square, patch, height, width, cin, top, left, tilesDown, tilesAcross, first, count, 6);
    transformTiles(dy, gradients, square, patch, outHeight, outWidth, cout, 0, 0, tilesDown, tilesAcross, first, count, 4);
    for (let k = 0; k < 36; k++) {
      accumulateFilter(
        inputs + <usize>k * bytes(count * cinPadded), gradients + <usize>k * bytes(count * coutPadded),
        accumulator + <usize>k * plane, offsets, count, 0, cin, 1, cout, bytes(coutPadded),
      );
    }
  }
}

/** Sums the chunks' accumulators, in order, and brings input channels [begin, end) back: dw [3, 3, cin, cout]. */
export function winogradFilterSum(
  accumulators: usize, chunks: i32, dw: usize, cin: i32, cout: i32, begin: i32, end: i32, _chunk: i32, scratch: usize,
): void {
  const plane = accumulatorBytes(cin, cout, ROWS);
  const size = <usize>36 * plane;
  const rowBytes = bytes(up8(cout));
  const sums = scratch; // [6][8] vectors
  const half = scratch + 1024; // [3][8] vectors
  const taps = scratch + 2048; // [9] vectors
  for (let ci = begin; ci < end; ci++) {
    for (let c = 0; c < cout; c += 4) {
      const from = accumulators + <usize>ci * rowBytes + bytes(c);
      for (let k: usize = 0; k < 36; k++) {
        let at = from + k * plane;
        let sum = v128.load(at);
        for (let i = 1; i < chunks; i++) {
          at += size;
          sum = f32x4.add(sum, v128.load(at));
        }
        v128.store(sums + (k / 6) * SQUARE_ROW + (k % 6) * 16, sum);
      }
      for (let r: usize = 0; r < 6; r++) filterGradientTransform(sums + r * SQUARE_ROW, 16, half + r * SQUARE_ROW, 16);
      for (let x: usize = 0; x < 3; x++) filterGradientTransform(half + x * 16, SQUARE_ROW, taps + x * 16, 48);
      const n = min(4, cout - c);
      for (let t = 0; t < 9; t++) copyFloats(taps + <usize>(t * 16), dw + bytes((t * cin + ci) * cout + c), n);
    }
  }
}
