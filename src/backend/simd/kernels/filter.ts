import { bytes, up8 } from './vector';

/** Transposes eight rows of `count` floats each, `rowStep` bytes apart, into `count` columns of eight. */
// @ts-ignore: decorator
@inline
function packRows(from: usize, rowStep: usize, to: usize, count: i32): void {
  let k = 0;
  for (; k + 4 <= count; k += 4) {
    for (let half: usize = 0; half < 2; half++) {
      const at = from + half * 4 * rowStep;
      const r0 = v128.load(at), r1 = v128.load(at + rowStep), r2 = v128.load(at + 2 * rowStep),
        r3 = v128.load(at + 3 * rowStep);
      const a = i32x4.shuffle(r0, r1, 0, 4, 1, 5), b = i32x4.shuffle(r2, r3, 0, 4, 1, 5);
      const c = i32x4.shuffle(r0, r1, 2, 6, 3, 7), d = i32x4.shuffle(r2, r3, 2, 6, 3, 7);
      const column = to + half * 16;
      v128.store(column, i64x2.shuffle(a, b, 0, 2));
      v128.store(column, i64x2.shuffle(a, b, 1, 3), 32);
      v128.store(column, i64x2.shuffle(c, d, 0, 2), 64);
      v128.store(column, i64x2.shuffle(c, d, 1, 3), 96);
    }
    from += 16;
    to += 128;
  }
  for (; k < count; k++) {
    for (let c: usize = 0; c < 8; c++) f32.store(to + c * 4, f32.load(from + c * rowStep));
    from += 4;
    to += 32;
  }
}

/**
 * Packs a filter [kernelHeight, kernelWidth, cin, cout] for the tiles: [output channel / 8][tap][input channel][8],
 * with zeros for missing channels of the last panel. Taps are ky = ky0 + i * step (i < ny), and kx likewise, so that a
 * part of the kernel, or its mirror image, can be packed. `transposed` exchanges the roles of input and output channels
 * (backward input). Works on panels [begin, end).
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
        if (n == 8 && transposed) {
          packRows(from, outerStep, to, inner);
          to += <usize>inner << 5;
          continue;
        }
        for (let k = 0; k < inner; k++) {
          if (n == 8) {
            v128.store(to, v128.load(from));
            v128.store(to, v128.load(from, 16), 16);
          } else {
            for (let c = 0; c < n; c++) f32.store(to + bytes(c), f32.load(from + <usize>c * outerStep));
            for (let c = n; c < 8; c++) f32.store(to + bytes(c), 0);
          }
          to += 32;
          from += innerStep;
        }
      }
    }
  }
}

/**
 * Writes the byte offsets of the output pixels of `images` images of rows x width pixels, in inputs of `pitch` floats
 * per row and `imagePitch` per image. The offsets of the floats under a kernel are those of one image of such floats.
 */
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

/** Bytes of one accumulator [rows rounded up to tiles][channels rounded up to 8]. */
// @ts-ignore: decorator
@inline
export function accumulatorBytes(rows: i32, channels: i32, tile: i32): usize {
  return bytes(((rows + tile - 1) / tile) * tile * up8(channels));
}
