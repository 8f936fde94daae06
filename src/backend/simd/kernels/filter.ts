import { bytes, up8 } from './vector';

/**
 * Lays a filter [kernelHeight, kernelWidth, cin, cout] out for the tiles: [output channel / 8][tap][input channel][8], with zeros where the
 * last panel has no channel. Taps are ky = ky0 + i * step (i < ny) and kx likewise, so a part of the kernel, or its
 * mirror image, can be taken. `transposed` exchanges the roles of input and output channels (backward input).
 * Works on panels [begin, end).
 */
export function packFilter(
  w: usize, packed: usize, kw: i32, cin: i32, cout: i32,
  ky0: i32, ny: i32, kx0: i32, nx: i32, step: i32, transposed: i32, begin: i32, end: i32,
): void {
  const inner = transposed ? cout : cin;
  const outer = transposed ? cin : cout;
  const innerStep = bytes(transposed ? 1 : cout);
  const outerStep = bytes(transposed ? cout : 1);
  let to = packed + bytes(begin * ny * nx * inner * 8);
  for (let panel = begin; panel < end; panel++) {
    const first = panel * 8;
    const n = min(8, outer - first);
    for (let i = 0; i < ny; i++) {
      for (let j = 0; j < nx; j++) {
        const tap = (ky0 + i * step) * kw + kx0 + j * step;
        let from = w + bytes(tap * cin * cout) + <usize>first * outerStep;
        for (let k = 0; k < inner; k++) {
          let at = from;
          for (let c = 0; c < n; c++) {
            f32.store(to + bytes(c), f32.load(at));
            at += outerStep;
          }
          for (let c = n; c < 8; c++) f32.store(to + bytes(c), 0);
          to += 32;
          from += innerStep;
        }
      }
    }
  }
}

/** Byte offsets of the floats under a kernel of ny x nx taps and `channels` channels, in an image of `pitch` floats a row. */
export function tapOffsets(table: usize, ny: i32, nx: i32, channels: i32, pitch: i32): void {
  for (let y = 0; y < ny; y++) {
    for (let i = 0; i < nx * channels; i++) {
      store<u32>(table, (y * pitch + i) << 2);
      table += 4;
    }
  }
}

/** Byte offsets of the output pixels of `images` pictures of rows x width, in inputs of `pitch` floats a row and `imagePitch` a picture. */
export function pixelOffsets(
  table: usize, images: i32, rows: i32, width: i32, channels: i32, pitch: i32, imagePitch: i32, stride: i32,
): void {
  for (let n = 0; n < images; n++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < width; x++) {
        store<u32>(table, (n * imagePitch + y * stride * pitch + x * stride * channels) << 2);
        table += 4;
      }
    }
  }
}

/** Bytes of one accumulator [rows rounded up to tiles][channels rounded up to panels]. */
// @ts-ignore: decorator
@inline
export function accumulatorBytes(rows: i32, channels: i32, tile: i32): usize {
  return bytes(((rows + tile - 1) / tile) * tile * up8(channels));
}
