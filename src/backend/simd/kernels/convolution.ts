import { ROWS, bytes, clip, copyFloats, leastOf, mostOf } from './vector';
import { tile4, tile8, tileAdd8 } from './tile';
import { padBand } from './padding';
import { Ends, tile16, wide } from './wideTile';

/** Bytes at the start of the scratch of kernels that convolve: ROWS x 16 floats. */
export const STAGE: usize = 512;

/** The most bytes of panels that stay in a core's cache while all pixels are processed. */
const PANELS: usize = 160 * 1024;

/** The address of pixel p of an output of rows of `width` pixels. */
// @ts-ignore: decorator
@inline
function pixelAt(output: usize, p: i32, width: i32, row: usize, pixel: usize): usize {
  const y = p / width;
  return output + <usize>y * row + <usize>(p - y * width) * pixel;
}

/**
 * Copies the first `columns` channels of a tile in the stage, `stageRow` bytes per pixel, to pixels p.. of the output.
 */
// @ts-ignore: decorator
@inline
function unstage(
  stage: usize, stageRow: usize, output: usize, p: i32, rows: i32, width: i32, outRow: usize, outPixel: usize,
  columns: i32, relu: i32,
): void {
  let at = pixelAt(output, p, width, outRow, outPixel);
  let left = width - p % width;
  for (let r = 0; r < rows; r++) {
    copyFloats(stage + <usize>r * stageRow, at, columns, relu);
    at += outPixel;
    if (--left == 0) { left = width; at += outRow - <usize>width * outPixel; }
  }
}

/** Applies ReLU or ReLU6 to a tile that was just written: inside the tile it would cost registers. */
export function clipRows(at: usize, row: usize, columns: i32, relu: i32): void {
  const least = leastOf(relu), most = mostOf(relu);
  for (let r = 0; r < ROWS; r++) {
    if (columns >= 4) v128.store(at, clip(v128.load(at), least, most));
    if (columns == 8) v128.store(at, clip(v128.load(at, 16), least, most), 16);
    at += row;
  }
}

/**
 * Like convolvePixels, in wide tiles: for pixels that lie side by side in both input and output, and full panels; there
 * must be at least ROWS pixels and 16 channels. The last tile overlaps the one before it, in pixels and in channels.
 */
function convolveEven(
  input: usize, packed: usize, bias: usize, output: usize, ends: Ends, offsets: usize, pixelStep: usize, k: i32,
  panelStep: usize, cout: i32, outPixel: usize, relu: i32, pixels: i32,
): void {
  const panelBytes = (<usize>k) << 5;
  ends.outRow = outPixel;
  ends.relu = relu;
  const group = max(16, <i32>(PANELS / bytes(k)) & ~15);
  for (let from = 0; from < cout; from += group) {
    const until = min(from + group, cout);
    for (let p = 0; p < pixels; p += ROWS) {
      const first = min(p, pixels - ROWS);
      const a0 = input + <usize>first * pixelStep, a1 = a0 + pixelStep, a2 = a1 + pixelStep, a3 = a2 + pixelStep,
        a4 = a3 + pixelStep;
      const out = output + <usize>first * outPixel;
      for (let c = from; c < until; c += 16) {
        const o = bytes(min(c, cout - 16));
        const panel = packed + (o >> 5) * panelStep;
        ends.bias = bias + o;
        ends.out = out + o;
        tile16(ends, panel, panel + panelStep, panel + panelBytes, offsets, a0, a1, a2, a3, a4, a4 + pixelStep);
      }
    }
  }
}

/**
 * Convolves `pixels` output pixels: takes each tile of ROWS pixels through all panels of the packed filter.
 *
 * A panel has k rows of 8 floats; panels are `panelStep` bytes apart. `input` is the (padded) input of the first pixel,
 * `rowStep` and `pixelStep` are the bytes in the input from one output pixel to the one below and the one beside it;
 * outRow and outPixel are the same for the output. If the address `bias` is 0, the result is added to the output.
 * `stage` holds ROWS x 16 floats: partial tiles go there first, since a full store would overwrite neighbours.
 */
export function convolvePixels(
  input: usize, packed: usize, bias: usize, output: usize, stage: usize, offsets: usize, width: i32, rowStep: usize,
  pixelStep: usize, k: i32, panelStep: usize, cout: i32, outRow: usize, outPixel: usize, relu: i32, pixels: i32,
): void {
  const panelBytes = (<usize>k) << 5;
  const even = outRow == <usize>width * outPixel;
  // Addresses are advanced from pixel to pixel: divisions would cost as much as a short tile.
  const gap = rowStep - <usize>width * pixelStep;
  if (wide && bias && even && (gap == 0 || pixels <= width) && pixels >= ROWS && cout >= 16 && (cout & 7) == 0) {
    return convolveEven(input, packed, bias, output, changetype<Ends>(stage), offsets, pixelStep, k, panelStep, cout,
      outPixel, relu, pixels);
  }
  let a = input;
  let x = 0;
  for (let p = 0; p < pixels; p += ROWS) {
    const rows = min(ROWS, pixels - p);
    const a0 = a;
    a += pixelStep;
    if (++x == width) { x = 0; a += gap; }
    const a1 = rows > 1 ? a : a0;
    a += pixelStep;
    if (++x == width) { x = 0; a += gap; }
    const a2 = rows > 2 ? a : a0;
    a += pixelStep;
    if (++x == width) { x = 0; a += gap; }
    const a3 = rows > 3 ? a : a0;
    a += pixelStep;
    if (++x == width) { x = 0; a += gap; }
    const a4 = rows > 4 ? a : a0;
    a += pixelStep;
    if (++x == width) { x = 0; a += gap; }
    const a5 = rows > 5 ? a : a0;
    if (ROWS > 5) {
      a += pixelStep;
      if (++x == width) { x = 0; a += gap; }
    }
    const direct = even && rows == ROWS;
    let panel = packed;
    let c = 0;
    if (wide && bias) {
      const ends = changetype<Ends>(stage);
      // Also for a remainder of more than one panel: two narrow tiles would take twice as long as a wide one.
      for (; c + 8 < cout; c += 16) {
        const full = direct && c + 16 <= cout;
        ends.bias = bias + bytes(c);
        ends.out = full ? output + <usize>p * outPixel + bytes(c) : stage;
        ends.outRow = full ? outPixel : 64;
        ends.relu = relu;
        tile16(ends, panel, panel + panelStep, panel + panelBytes, offsets, a0, a1, a2, a3, a4, a5);
        panel += 2 * panelStep;
        if (!full) unstage(stage, 64, output + bytes(c), p, rows, width, outRow, outPixel, min(16, cout - c), 0);
      }
    }
    for (; c < cout; c += 8) {
      const end = panel + panelBytes;
      const columns = min(8, cout - c);
      const b = bias + bytes(c);
      if (bias == 0) {
        if (direct && columns == 8) {
          tileAdd8(panel, end, offsets, output + <usize>p * outPixel + bytes(c), outPixel, a0, a1, a2, a3, a4, a5);
        } else {
          for (let r = 0; r < rows; r++) {
            copyFloats(pixelAt(output, p + r, width, outRow, outPixel) + bytes(c), stage + <usize>(r * 32), columns);
          }
          tileAdd8(panel, end, offsets, stage, 32, a0, a1, a2, a3, a4, a5);
          unstage(stage, 32, output + bytes(c), p, rows, width, outRow, outPixel, columns, relu);
        }
      } else if (direct && columns == 8) {
        tile8(panel, end, offsets, b, output + <usize>p * outPixel + bytes(c), outPixel, a0, a1, a2, a3, a4, a5);
      } else if (direct && columns == 4) {
        tile4(panel, end, offsets, b, output + <usize>p * outPixel + bytes(c), outPixel, a0, a1, a2, a3, a4, a5);
      } else {
        if (columns > 4) tile8(panel, end, offsets, b, stage, 32, a0, a1, a2, a3, a4, a5);
        else tile4(panel, end, offsets, b, stage, 32, a0, a1, a2, a3, a4, a5);
        unstage(stage, 32, output + bytes(c), p, rows, width, outRow, outPixel, columns, relu);
      }
      if (relu && direct) clipRows(output + <usize>p * outPixel + bytes(c), outPixel, columns, relu);
      panel += panelStep;
    }
  }
}

/**
 * A convolution over bands of `bandRows` output rows: band b has the rows from (b mod bands) * bandRows of image b /
 * bands.
 *
 * x is [N, height, width, cin]. The output at `y` has outHeight x outWidth pixels per image, with outImage, outRow and
 * outPixel bytes from each image, row and pixel to the next. If `bandColumns` > 0, each band is copied, with a border
 * of zeros and that many columns, to `scratch` (after the stage).
 */
export function convolve(
  x: usize, packed: usize, bias: usize, y: usize, offsets: usize, height: i32, width: i32, cin: i32, top: i32,
  left: i32, bandColumns: i32, ny: i32, nx: i32, stride: i32, outHeight: i32, outWidth: i32, cout: i32, outImage: usize,
  outRow: usize, outPixel: usize, relu: i32, bandRows: i32, bands: i32, begin: i32, end: i32, _chunk: i32,
  scratch: usize,
): void {
  const padded = scratch + STAGE;
  const pitch = bytes((bandColumns > 0 ? bandColumns : width) * cin);
  for (let b = begin, count = 1; b < end; b += count) {
    const n = b / bands;
    const first = (b - n * bands) * bandRows;
    // Bands that are not copied are joined into one, which makes fuller tiles.
    count = bandColumns > 0 ? 1 : min((n + 1) * bands, end) - b;
    const rows = min(count * bandRows, outHeight - first);
    const image = x + <usize>n * bytes(height * width * cin);
    let input = image + <usize>(first * stride) * pitch;
    if (bandColumns > 0) {
      padBand(image, padded, height, width, cin, first * stride - top, -left, (rows - 1) * stride + ny, bandColumns);
      input = padded;
    }
    convolvePixels(
      input,
      packed,
      bias,
      y + <usize>n * outImage + <usize>first * outRow,
      scratch,
      offsets,
      outWidth,
      <usize>stride * pitch,
      bytes(stride * cin),
      ny * nx * cin,
      (<usize>(ny * nx * cin)) << 5,
      cout,
      outRow,
      outPixel,
      relu,
      rows * outWidth,
    );
  }
}

/**
 * Computes items [begin, end), `rows` rows each, of y [m, n] = relu?(a * b + bias), or y += a * b if the address `bias`
 * is 0; aStep is the bytes from one row of a to the next.
 */
export function multiplyRows(
  a: usize, packed: usize, bias: usize, y: usize, offsets: usize, m: i32, aStep: usize, k: i32, n: i32, relu: i32,
  rows: i32, begin: i32, end: i32, _chunk: i32, scratch: usize,
): void {
  const first = begin * rows;
  const count = min(end * rows, m) - first;
  const row = bytes(n);
  const to = y + <usize>first * row;
  convolvePixels(a + <usize>first * aStep, packed, bias, to, scratch, offsets, count, 0, aStep, k, (<usize>k) << 5, n,
    <usize>count * row, row, relu, count);
}

/**
 * A convolution of small images, one output position after another: tiles are filled with that pixel of many images,
 * and taps that see only padding cost nothing. Item i is position i / groups of the `images` images from (i mod groups)
 * * images on.
 */
export function convolvePositions(
  x: usize, packed: usize, bias: usize, y: usize, offsets: usize, batch: i32, height: i32, width: i32, cin: i32,
  top: i32, left: i32, ny: i32, nx: i32, stride: i32, outWidth: i32, cout: i32, outImage: usize, outRow: usize,
  outPixel: usize, relu: i32, images: i32, groups: i32, begin: i32, end: i32, _chunk: i32, scratch: usize,
): void {
  const imageBytes = bytes(height * width * cin);
  const panelStep = (<usize>(ny * nx * cin)) << 5;
  for (let item = begin; item < end; item++) {
    const position = item / groups;
    const n = (item - position * groups) * images;
    const count = min(images, batch - n);
    const oy = position / outWidth, ox = position - oy * outWidth;
    const y0 = oy * stride - top, x0 = ox * stride - left;
    const firstRow = max(0, -y0), lastRow = min(ny, height - y0);
    const firstColumn = max(0, -x0), columns = min(nx, width - x0) - firstColumn;
    const to = y + <usize>n * outImage + <usize>oy * outRow + <usize>ox * outPixel;
    if (firstRow >= lastRow || columns <= 0) {
      if (bias) for (let i = 0; i < count; i++) copyFloats(bias, to + <usize>i * outImage, cout, relu);
      continue;
    }
    for (let ky = firstRow; ky < lastRow; ky++) {
      convolvePixels(
        x + <usize>n * imageBytes + bytes(((y0 + ky) * width + x0 + firstColumn) * cin),
        packed + ((<usize>((ky * nx + firstColumn) * cin)) << 5),
        ky == firstRow ? bias : 0, to, scratch, offsets, count, 0, imageBytes, columns * cin, panelStep, cout,
        <usize>count * outImage, outImage, ky == lastRow - 1 ? relu : 0, count,
      );
    }
  }
}
