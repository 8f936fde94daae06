// Convolutions of stride 1 as Winograd's F(4x4, 3x3) and F(4x4, 5x5): 36 or 64 products of small matrices instead of
// 144 or 400 multiply-adds for every 4x4 outputs. A tile sees points x points inputs, where points = kernel + 3.
import { ROWS, bytes, continues, copyFloats, numberOf, up4, up8 } from './vector';
import { STAGE, convolvePixels } from './convolution';
import { accumulateFilter } from './filterGradient';
import { accumulatorBytes } from './filter';
import { PIXEL, SQUARE_BYTES, outputTile3, outputTile5, transformTiles } from './winogradTiles';
import * as three from './winograd3';
import * as five from './winograd5';

/** Bytes between rows of a half-transformed filter of four channels. */
const FILTER_ROW: usize = 128;

/**
 * Transforms a filter [kernel, kernel, cin, cout] into U [points * points][output channel / 8][input channel][8],
 * mirrored and transposed for the backward input. Panels [begin, end).
 */
export function winogradFilter(
  w: usize, u: usize, kernel: i32, cin: i32, cout: i32, transposed: i32, begin: i32, end: i32, _chunk: i32,
  scratch: usize,
): void {
  const inner = transposed ? cout : cin;
  const outer = transposed ? cin : cout;
  const innerStep = bytes(transposed ? 1 : cout);
  const outerStep = bytes(transposed ? cout : 1);
  const plane = bytes(inner * up8(outer));
  const taps = scratch + 1024;
  const count = kernel * kernel;
  for (let panel = begin; panel < end; panel++) {
    const n = min(8, outer - panel * 8);
    for (let k = 0; k < inner; k++) {
      const from = w + <usize>k * innerStep + <usize>(panel * 8) * outerStep;
      for (let t = 0; t < count; t++) {
        const tap = from + bytes((transposed ? count - 1 - t : t) * cin * cout);
        for (let c = 0; c < n; c++) f32.store(taps + <usize>(t * 32) + bytes(c), f32.load(tap + <usize>c * outerStep));
        for (let c = n; c < 8; c++) f32.store(taps + <usize>(t * 32) + bytes(c), 0);
      }
      const to = u + bytes((panel * inner + k) * 8);
      for (let half: usize = 0; half < 32; half += 16) {
        if (kernel == 3) {
          for (let r: usize = 0; r < 3; r++)
            three.filterTransform(taps + half + r * 96, 32, scratch + r * FILTER_ROW, 16);
          for (let c: usize = 0; c < 6; c++)
            three.filterTransform(scratch + c * 16, FILTER_ROW, to + half + c * plane, 6 * plane);
        } else {
          for (let r: usize = 0; r < 5; r++)
            five.filterTransform(taps + half + r * 160, 32, scratch + r * FILTER_ROW, 16);
          for (let c: usize = 0; c < 8; c++)
            five.filterTransform(scratch + c * 16, FILTER_ROW, to + half + c * plane, 8 * plane);
        }
      }
    }
  }
}

/**
 * Returns the size of blocks of at most `most` tiles that divide `tiles` evenly, in whole register tiles, without a
 * small remainder.
 */
function evenBlock(tiles: i32, most: i32): i32 {
  const blocks = (tiles + most - 1) / most;
  const size = (tiles + blocks - 1) / blocks;
  return min(most, ((size + ROWS - 1) / ROWS) * ROWS);
}

/**
 * Computes y = relu?(x * filter + bias), `pixel` bytes from one pixel to the next, for the tiles of images [begin,
 * end), `block` tiles at a time. Scratch: stage, square, patch, input planes, output planes.
 */
export function winogradConvolve(
  x: usize, u: usize, bias: usize, relu: i32, zeros: usize, y: usize, pixel: usize, offsets: usize,
  height: i32, width: i32, cin: i32, kernel: i32, top: i32, left: i32, outHeight: i32, outWidth: i32, cout: i32,
  block: i32, begin: i32, end: i32, _chunk: i32, scratch: usize,
): void {
  const tilesAcross = (outWidth + 3) >> 2;
  const tilesDown = (outHeight + 3) >> 2;
  const perImage = tilesAcross * tilesDown;
  const cinPadded = up4(cin);
  // Whole panels: a partial tile of products would have to go through the stage.
  const coutPadded = up8(cout);
  const square = scratch + STAGE;
  const patch = square + SQUARE_BYTES;
  const points = kernel + 3, planes = points * points;
  const inputs = patch + bytes(planes * max(cinPadded, coutPadded));
  const products = inputs + bytes(planes * block * cinPadded);
  const uPlane = bytes(cin * up8(cout));
  const row = <usize>outWidth * pixel;
  const last = end * perImage;
  block = evenBlock(last - begin * perImage, block);
  for (let first = begin * perImage; first < last; first += block) {
    const count = min(block, last - first);
    transformTiles(x, inputs, square, patch, height, width, cin, top, left, tilesDown, tilesAcross, first, count,
      kernel, points);
    const inPlane = bytes(count * cinPadded), outPlane = bytes(count * coutPadded);
    for (let k: usize = 0; k < <usize>planes; k++) {
      convolvePixels(
        inputs + k * inPlane, u + k * uPlane, zeros, products + k * outPlane, scratch, offsets,
        count, 0, bytes(cinPadded), cin, (<usize>cin) << 5, coutPadded, <usize>count * bytes(coutPadded),
        bytes(coutPadded), 0, count,
      );
    }
    for (let i = 0; i < count; i++) {
      const n = (first + i) / perImage;
      const t = first + i - n * perImage;
      const ty = t / tilesAcross;
      const tx = t - ty * tilesAcross;
      const from = products + <usize>i * bytes(coutPadded);
      const to = y + <usize>n * <usize>outHeight * row + <usize>(ty * 4) * row + <usize>(tx * 4) * pixel;
      const rows = min(4, outHeight - ty * 4), columns = min(4, outWidth - tx * 4);
      if (rows + columns == 8 && cout >= 8) {
        if (kernel == 3) outputTile3(from, outPlane, square, PIXEL, to, row, pixel, bias, relu, cout);
        else outputTile5(from, outPlane, square, PIXEL, to, row, pixel, bias, relu, cout);
        continue;
      }
      // Tiles that cross a border, or have fewer channels than the transform takes at a time, go through the patch.
      const padded = bytes(coutPadded);
      if (kernel == 3) outputTile3(from, outPlane, square, PIXEL, patch, 4 * padded, padded, bias, relu, coutPadded);
      else outputTile5(from, outPlane, square, PIXEL, patch, 4 * padded, padded, bias, relu, coutPadded);
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++) {
          copyFloats(patch + <usize>(r * 4 + c) * padded, to + <usize>r * row + <usize>c * pixel, cout);
        }
      }
    }
  }
}

/**
 * Computes the filter gradient of images [begin, end) in Winograd's domain: this chunk's accumulator [points *
 * points][cin in tiles][cout in panels].
 */
export function winogradFilterGradient(
  x: usize, dy: usize, accumulators: usize, offsets: usize,
  height: i32, width: i32, cin: i32, kernel: i32, top: i32, left: i32, outHeight: i32, outWidth: i32, cout: i32,
  block: i32, begin: i32, end: i32, chunk: i32, scratch: usize,
): void {
  const tilesAcross = (outWidth + 3) >> 2;
  const tilesDown = (outHeight + 3) >> 2;
  const perImage = tilesAcross * tilesDown;
  const cinPadded = up4(cin), coutPadded = up4(cout);
  const square = scratch + 256;
  const patch = square + SQUARE_BYTES;
  const points = kernel + 3, planes = points * points;
  const inputs = patch + bytes(planes * max(cinPadded, coutPadded));
  const gradients = inputs + bytes(planes * block * cinPadded);
  const plane = accumulatorBytes(cin, cout, ROWS);
  const accumulator = accumulators + <usize>(numberOf(chunk) * planes) * plane;
  if (!continues(chunk)) memory.fill(accumulator, 0, <usize>planes * plane);
  const last = end * perImage;
  block = evenBlock(last - begin * perImage, block);
  for (let first = begin * perImage; first < last; first += block) {
    const count = min(block, last - first);
    transformTiles(x, inputs, square, patch, height, width, cin, top, left, tilesDown, tilesAcross, first, count,
      kernel, points);
    transformTiles(dy, gradients, square, patch, outHeight, outWidth, cout, 0, 0, tilesDown, tilesAcross, first, count,
      kernel, 4);
    for (let k = 0; k < planes; k++) {
      accumulateFilter(
        inputs + <usize>k * bytes(count * cinPadded), gradients + <usize>k * bytes(count * coutPadded),
        accumulator + <usize>k * plane, offsets, count, 0, cin, 1, cout, bytes(coutPadded),
      );
    }
  }
}

/**
 * Sums the chunks' accumulators, in order, and transforms input channels [begin, end) back: dw [kernel, kernel, cin,
 * cout].
 */
export function winogradFilterSum(
  accumulators: usize, chunks: i32, dw: usize, kernel: usize, cin: i32, cout: i32, begin: i32, end: i32, _chunk: i32,
  scratch: usize,
): void {
  const points = kernel + 3, planes = points * points, count = kernel * kernel;
  const plane = accumulatorBytes(cin, cout, ROWS);
  const size = planes * plane;
  const rowBytes = bytes(up8(cout));
  const sums = scratch; // [points][8] vectors
  const half = scratch + 1024; // [kernel][8] vectors
  const taps = scratch + 2048; // [kernel * kernel] vectors
  for (let ci = begin; ci < end; ci++) {
    for (let c = 0; c < cout; c += 4) {
      const from = accumulators + <usize>ci * rowBytes + bytes(c);
      for (let k: usize = 0; k < planes; k++) {
        let at = from + k * plane;
        let sum = v128.load(at);
        for (let i = 1; i < chunks; i++) {
          at += size;
          sum = f32x4.add(sum, v128.load(at));
        }
        v128.store(sums + (k / points) * FILTER_ROW + (k % points) * 16, sum);
      }
      if (kernel == 3) {
        for (let r: usize = 0; r < 6; r++)
          three.filterGradientTransform(sums + r * FILTER_ROW, 16, half + r * 16, FILTER_ROW);
        for (let x: usize = 0; x < 3; x++) three.filterGradientTransform(half + x * FILTER_ROW, 16, taps + x * 16, 48);
      } else {
        for (let r: usize = 0; r < 8; r++)
          five.filterGradientTransform(sums + r * FILTER_ROW, 16, half + r * 16, FILTER_ROW);
        for (let x: usize = 0; x < 5; x++) five.filterGradientTransform(half + x * FILTER_ROW, 16, taps + x * 16, 80);
      }
      const n = min(4, cout - c);
      for (let t: usize = 0; t < count; t++) {
        copyFloats(taps + t * 16, dw + bytes((<i32>t * cin + ci) * cout + c), n);
      }
    }
  }
}
