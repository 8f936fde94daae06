import { ROWS, addFloats, bytes, continues, numberOf, storeLanes, up8 } from './vector';
import { outer4, outer8 } from './tile';
import { accumulatorBytes } from './filter';
import { padBand } from './padding';
import { outer16, wide } from './wideTile';

/**
 * acc[r][c] += sum_p input[offsets[p] + r] * dy[p][c] for all channels and for `rows` rows, rounded up to whole tiles
 * of ROWS.
 */
function accumulateTiles(
  input: usize, dy: usize, accumulator: usize, offsets: usize, pixels: i32, rows: i32, cout: i32, dyRow: usize,
): void {
  const accRow = bytes(up8(cout));
  const length = <usize>pixels * dyRow;
  for (let c = 0; c < cout;) {
    const d = dy + bytes(c), end = d + length;
    const channels = wide && c + 16 <= cout ? 16 : min(8, cout - c);
    let acc = accumulator + bytes(c);
    for (let r = 0; r < rows; r += ROWS) {
      if (channels == 16) outer16(input + bytes(r), d, end, offsets, dyRow, acc, accRow);
      else if (channels > 4) outer8(input + bytes(r), d, end, offsets, dyRow, acc, accRow);
      else outer4(input + bytes(r), d, end, offsets, dyRow, acc, accRow);
      acc += <usize>ROWS * accRow;
    }
    c += channels;
  }
}

/**
 * Adds the products of `pixels` pixels to an accumulator [ny][span rounded up to ROWS][cout rounded up to 8], where
 * span = nx * cin floats lie side by side under one row of the kernel. `input` is the padded input of the first pixel.
 */
export function accumulateFilter(
  input: usize, dy: usize, accumulator: usize, offsets: usize, pixels: i32, pitch: usize, span: i32, ny: i32, cout: i32,
  dyRow: usize,
): void {
  const kernelRow = accumulatorBytes(span, cout, ROWS);
  for (let ky = 0; ky < ny; ky++) {
    accumulateTiles(input + <usize>ky * pitch, dy, accumulator + <usize>ky * kernelRow, offsets, pixels, span, cout,
      dyRow);
  }
}

/**
 * Adds the filter gradient of images [begin, end) to this chunk's own accumulator, so that chunks are summed in a fixed
 * order. `offsets` are those of the pixels taken at a time: `group` output rows of one image, or all rows of `images`
 * small images.
 */
export function convolveFilter(
  x: usize, dy: usize, accumulators: usize, offsets: usize,
  height: i32, width: i32, cin: i32, top: i32, left: i32, bandColumns: i32, ny: i32, nx: i32, stride: i32,
  outHeight: i32, outWidth: i32, cout: i32, group: i32, images: i32, begin: i32, end: i32, chunk: i32, scratch: usize,
): void {
  const span = nx * cin;
  const size = <usize>ny * accumulatorBytes(span, cout, ROWS);
  const accumulator = accumulators + <usize>numberOf(chunk) * size;
  if (!continues(chunk)) memory.fill(accumulator, 0, size);
  const pitch = bytes((bandColumns > 0 ? bandColumns : width) * cin);
  const bandRows = (outHeight - 1) * stride + ny;
  const imageBytes = bytes(height * width * cin);
  for (let n = begin; n < end; n += images) {
    const count = min(images, end - n);
    let input = x + <usize>n * imageBytes;
    if (bandColumns > 0) {
      for (let i = 0; i < count; i++) {
        const band = scratch + <usize>(i * bandRows) * pitch;
        padBand(input + <usize>i * imageBytes, band, height, width, cin, -top, -left, bandRows, bandColumns);
      }
      input = scratch;
    }
    let d = dy + <usize>n * bytes(outHeight * outWidth * cout);
    for (let y = 0; y < outHeight; y += group) {
      const pixels = min(group, outHeight - y) * outWidth * count;
      accumulateFilter(input + <usize>(y * stride) * pitch, d, accumulator, offsets, pixels, pitch, span, ny, cout,
        bytes(cout));
      d += bytes(pixels * cout);
    }
  }
}

/**
 * Adds the products of `pixels` pixels with `span` neighbouring floats to as many rows of an accumulator, and to none
 * after them.
 */
function accumulateSpan(
  input: usize, dy: usize, accumulator: usize, offsets: usize, pixels: i32, span: i32, cout: i32, dyRow: usize,
  stage: usize,
): void {
  const accRow = bytes(up8(cout));
  const whole = span - (span % ROWS);
  accumulateTiles(input, dy, accumulator, offsets, pixels, whole, cout, dyRow);
  for (let c = 0; c < cout && whole < span; c += 8) {
    const d = dy + bytes(c);
    memory.fill(stage, 0, 256);
    outer8(input + bytes(whole), d, d + <usize>pixels * dyRow, offsets, dyRow, stage, 32);
    for (let r = whole; r < span; r++)
      addFloats(stage + <usize>((r - whole) * 32), accumulator + <usize>r * accRow + bytes(c), 8);
  }
}

/**
 * Computes the filter gradient of small images [begin, end) in this chunk's accumulator: one output position after
 * another, as in convolvePositions. `offsets` are those of neighbouring images.
 */
export function convolveFilterPositions(
  x: usize, dy: usize, accumulators: usize, offsets: usize, height: i32, width: i32, cin: i32, top: i32, left: i32,
  ny: i32, nx: i32, stride: i32, outHeight: i32, outWidth: i32, cout: i32, images: i32, begin: i32, end: i32,
  chunk: i32, scratch: usize,
): void {
  const accRow = bytes(up8(cout));
  const accKernelRow = accumulatorBytes(nx * cin, cout, ROWS);
  const accumulator = accumulators + <usize>(chunk * ny) * accKernelRow;
  memory.fill(accumulator, 0, <usize>ny * accKernelRow);
  const imageBytes = bytes(height * width * cin), dyImage = bytes(outHeight * outWidth * cout);
  for (let n = begin; n < end; n += images) {
    const count = min(images, end - n);
    for (let oy = 0; oy < outHeight; oy++) {
      const y0 = oy * stride - top;
      for (let ox = 0; ox < outWidth; ox++) {
        const x0 = ox * stride - left;
        const first = max(0, -x0), span = (min(nx, width - x0) - first) * cin;
        const d = dy + <usize>n * dyImage + bytes((oy * outWidth + ox) * cout);
        for (let ky = max(0, -y0); ky < min(ny, height - y0); ky++) {
          const input = x + <usize>n * imageBytes + bytes(((y0 + ky) * width + x0 + first) * cin);
          const acc = accumulator + <usize>ky * accKernelRow + <usize>(first * cin) * accRow;
          accumulateSpan(input, d, acc, offsets, count, span, cout, dyImage, scratch);
        }
      }
    }
  }
}

/**
 * Sums the chunks' accumulators, in order, into rows [begin, end) of dw [kernelHeight * kernelWidth * cin, cout] (a row
 * is ky, kx, ci of the selected taps).
 */
export function sumFilterChunks(
  accumulators: usize, chunks: i32, dw: usize, kw: i32, cin: i32, cout: i32, ky0: i32, ny: i32, kx0: i32, nx: i32,
  begin: i32, end: i32,
): void {
  const span = nx * cin;
  const accRow = bytes(up8(cout));
  const kernelRow = accumulatorBytes(span, cout, ROWS);
  const size = <usize>ny * kernelRow;
  for (let row = begin; row < end; row++) {
    const ky = row / span;
    const s = row - ky * span;
    const from = accumulators + <usize>ky * kernelRow + <usize>s * accRow;
    const to = dw + bytes((((ky0 + ky) * kw + kx0) * cin + s) * cout);
    for (let c = 0; c < cout; c += 4) {
      let sum = v128.load(from + bytes(c));
      let at = from + size + bytes(c);
      for (let i = 1; i < chunks; i++) {
        sum = f32x4.add(sum, v128.load(at));
        at += size;
      }
      storeLanes(to + bytes(c), sum, cout - c);
    }
  }
}
