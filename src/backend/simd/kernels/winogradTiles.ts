// Transforms tiles of an image into Winograd's domain and back: a 2-D transform is a 1-D transform of the rows, then
// one of the columns, for all channels.
import { bytes, leastOf, up4 } from './vector';
import { padBand } from './padding';
import * as three from './winograd3';
import * as five from './winograd5';

/** The square that holds a half-done 2-D transform: 8 rows of 8 pixels of eight channels. */
// @ts-ignore: decorator
@inline
export const PIXEL: usize = 32;
// @ts-ignore: decorator
@inline
export const SQUARE_BYTES: usize = 64 * PIXEL;

// @ts-ignore: decorator
@inline
function spread(kernel: usize, size: usize, from: usize, step: usize, to: usize, outStep: usize): void {
  if (size == 4) {
    if (kernel == 3) three.gradientTransform(from, step, to, outStep);
    else five.gradientTransform(from, step, to, outStep);
  } else if (kernel == 3) three.inputTransform(from, step, to, outStep);
  else five.inputTransform(from, step, to, outStep);
}

/**
 * Transforms size x size values of the input (size points) or of a gradient (4) to points x points. Takes eight
 * channels at a time, of at least eight (rounded up to 4): if four are left, the four before them are done again.
 */
// @ts-ignore: decorator
@inline
function spreadTile(
  kernel: usize, size: usize, from: usize, row: usize, pixel: usize, square: usize, step: usize, to: usize,
  plane: usize, channels: i32,
): void {
  const points = kernel + 3, squareRow = step << 3;
  const last = bytes(up4(channels)) - PIXEL;
  for (let at: usize = 0; ; at = min(at + PIXEL, last)) {
    for (let r: usize = 0; r < size; r++)
      spread(kernel, size, from + at + r * row, pixel, square + r * squareRow, step);
    for (let c: usize = 0; c < points; c++)
      spread(kernel, size, square + c * step, squareRow, to + at + c * plane, points * plane);
    if (at == last) return;
  }
}

/**
 * Transforms points x points products to 4x4 outputs and adds a bias: takes eight channels at a time, of at least
 * eight. If fewer are left, some of those before them are done again: nothing is written after the last channel.
 */
// @ts-ignore: decorator
@inline
function outputTile(
  kernel: usize, from: usize, plane: usize, square: usize, step: usize, to: usize, row: usize, pixel: usize,
  bias: usize, relu: i32, channels: i32,
): void {
  const points = kernel + 3, squareRow = step << 3;
  const last = bytes(channels) - PIXEL;
  const zero = f32x4.splat(0), none = leastOf(0), least = leastOf(relu);
  for (let at: usize = 0; ; at = min(at + PIXEL, last)) {
    for (let r: usize = 0; r < points; r++) {
      const products = from + at + r * points * plane;
      if (kernel == 3) three.outputTransform(products, plane, square + r * squareRow, step, zero, zero, none);
      else five.outputTransform(products, plane, square + r * squareRow, step, zero, zero, none);
    }
    const b = v128.load(bias + at), c = v128.load(bias + at, 16);
    for (let x: usize = 0; x < 4; x++) {
      const column = square + x * step, out = to + at + x * pixel;
      if (kernel == 3) three.outputTransform(column, squareRow, out, row, b, c, least);
      else five.outputTransform(column, squareRow, out, row, b, c, least);
    }
    if (at == last) return;
  }
}

// Each function transforms one tile for all its channels. They are exported so that each stays a separate function,
// compiled for one kernel, to which the square's step, PIXEL, is unknown: an address computed from constants would be
// folded differently from its pair, and the two would not be joined.

export function inputTile3(
  from: usize, row: usize, pixel: usize, square: usize, step: usize, to: usize, plane: usize, channels: i32,
): void {
  spreadTile(3, 6, from, row, pixel, square, step, to, plane, channels);
}

export function inputTile5(
  from: usize, row: usize, pixel: usize, square: usize, step: usize, to: usize, plane: usize, channels: i32,
): void {
  spreadTile(5, 8, from, row, pixel, square, step, to, plane, channels);
}

export function gradientTile3(
  from: usize, row: usize, pixel: usize, square: usize, step: usize, to: usize, plane: usize, channels: i32,
): void {
  spreadTile(3, 4, from, row, pixel, square, step, to, plane, channels);
}

export function gradientTile5(
  from: usize, row: usize, pixel: usize, square: usize, step: usize, to: usize, plane: usize, channels: i32,
): void {
  spreadTile(5, 4, from, row, pixel, square, step, to, plane, channels);
}

export function outputTile3(
  from: usize, plane: usize, square: usize, step: usize, to: usize, row: usize, pixel: usize, bias: usize, relu: i32,
  channels: i32,
): void {
  outputTile(3, from, plane, square, step, to, row, pixel, bias, relu, channels);
}

export function outputTile5(
  from: usize, plane: usize, square: usize, step: usize, to: usize, row: usize, pixel: usize, bias: usize, relu: i32,
  channels: i32,
): void {
  outputTile(5, from, plane, square, step, to, row, pixel, bias, relu, channels);
}

/**
 * Transforms tiles [first, first + count) of an image [N, height, width, channels] into planes [points *
 * points][count][channels rounded up to 4]; size is points for inputs, 4 for gradients.
 */
export function transformTiles(
  x: usize, planes: usize, square: usize, patch: usize, height: i32, width: i32, channels: i32, top: i32, left: i32,
  tilesDown: i32, tilesAcross: i32, first: i32, count: i32, kernel: i32, size: i32,
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
    if (size != 4) {
      if (kernel == 3) inputTile3(from, step, pixel, square, PIXEL, to, plane, channels);
      else inputTile5(from, step, pixel, square, PIXEL, to, plane, channels);
    } else if (kernel == 3) gradientTile3(from, step, pixel, square, PIXEL, to, plane, channels);
    else gradientTile5(from, step, pixel, square, PIXEL, to, plane, channels);
  }
}
