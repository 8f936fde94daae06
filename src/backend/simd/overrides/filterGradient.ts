import { util, type TensorInfo } from '@tensorflow/tfjs';
import type { SimdBackend } from '../simdBackend.js';
import { planes, winogradBlock, winogradScratch } from './convolve.js';
import { allTaps, borderedColumns, prefersPositions, prefersWinograd, seeingTaps, type Geometry } from './geometry.js';

/** The most bytes for the accumulators of all chunks together. */
const ACCUMULATORS = 64 * 2 ** 20;

/**
 * The size in bytes from which an accumulator in Winograd's domain, which is read and written, no longer fits in a
 * core's cache.
 */
const LARGE_ACCUMULATOR = 2 ** 20;

/** Pixels to take at a time: adding to an accumulator costs as much as one pixel. */
export const PIXELS = 128;

/**
 * Returns how many partial sums make up a gradient: a power of two that depends on the shape alone, so that any number
 * of threads adds in the same order. Each sum should cover `enough` pixels (tiles), or it costs more than it gains.
 */
export function partialSums(batch: number, pixels: number, enough: number, accumulatorBytes: number): number {
  const most = Math.min(batch, 16, Math.max(2, pixels / enough), ACCUMULATORS / accumulatorBytes);
  return 2 ** Math.floor(Math.log2(Math.max(1, most)));
}

/** Returns dw [kernelHeight, kernelWidth, cin, cout], the gradient of the filter. */
export function filterGradient(backend: SimdBackend, g: Geometry, x: TensorInfo, dy: TensorInfo): TensorInfo {
  const shape = [g.kernelHeight, g.kernelWidth, g.cin, g.cout];
  return deferFilterGradient(backend, shape, [x, dy], (dw) => {
    const pointers = { x: backend.passing(x), dy: backend.passing(dy), dw };
    if (backend.winograd && prefersWinograd(g)) winograd(backend, g, pointers);
    else direct(backend, g, pointers);
  });
}

/**
 * Returns a filter's gradient, which `compute` writes to an address. If dy is deferred, so is the filter's gradient,
 * until dy is read for the gradient of the input, so that dy is computed once for both.
 */
export function deferFilterGradient(
  backend: SimdBackend,
  shape: number[],
  [x, dy]: [x: TensorInfo, dy: TensorInfo],
  compute: (dw: number) => void,
): TensorInfo {
  const make = (): number => {
    const dw = backend.heap.allocate(sizeFromShape(shape) * 4);
    backend.together(dy, () => compute(dw));
    return dw;
  };
  const dw = backend.defer(shape, { reads: [x, dy], make });
  if (backend.deferred(dy)?.repeatable) (backend.dataOf(dy).alongside ??= []).push(dw);
  else backend.pointer(dw);
  return dw;
}

/**
 * Calls `use`, whose kernels read dy, and runs them together with the kernels of the filter gradients that wait for dy.
 */
export function withGradient(backend: SimdBackend, dy: TensorInfo, use: (dy: number) => void): void {
  backend.together(dy, () => {
    const data = backend.dataOf(dy);
    const waiting = data.alongside ?? [];
    data.alongside = undefined;
    for (const dw of waiting) if (backend.holds(dw.dataId)) backend.pointer(dw);
    use(backend.passing(dy));
  });
}

const { sizeFromShape } = util;

interface Pointers {
  x: number;
  dy: number;
  dw: number;
}

export const roundUp = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple;

function direct(backend: SimdBackend, whole: Geometry, pointers: Pointers): void {
  const { dw } = pointers;
  const { kernelHeight, kernelWidth } = whole;
  const seeing = seeingTaps(whole, allTaps(kernelHeight), allTaps(kernelWidth));
  if (seeing?.g.kernelHeight !== kernelHeight || seeing.g.kernelWidth !== kernelWidth) {
    backend.heap.floats(dw, kernelHeight * kernelWidth * whole.cin * whole.cout).fill(0);
  }
  if (!seeing) return;
  const { g, rows, columns } = seeing;
  const span = columns.count * g.cin;
  const accumulatorBytes = 4 * rows.count * roundUp(span, backend.rows) * roundUp(g.cout, 8);
  const chunks = partialSums(g.batch, g.batch * g.outHeight * g.outWidth, 2 * PIXELS, accumulatorBytes);
  const accumulate = prefersPositions(g) ? accumulatePositions : accumulateBands;
  backend.withBlock(chunks * accumulatorBytes, (accumulators) => {
    accumulate(backend, g, pointers, accumulators, chunks);
    const taps = [rows.first, rows.count, columns.first, columns.count];
    const args = [accumulators, chunks, dw, kernelWidth, g.cin, g.cout, ...taps];
    backend.after(() => backend.run('sumFilterChunks', rows.count * span, args, { grain: 64 }));
  });
}

function accumulatePositions(
  backend: SimdBackend,
  g: Geometry,
  { x, dy }: Pointers,
  accumulators: number,
  chunks: number,
): void {
  backend.withBlock(4 * PIXELS, (offsets) => {
    backend.pool.kernels.pixelOffsets(offsets, 1, 1, PIXELS, g.height * g.width * g.cin, 0, 0, 1);
    const window = [g.top, g.left, g.kernelHeight, g.kernelWidth, g.stride, g.outHeight, g.outWidth, g.cout];
    const args = [x, dy, accumulators, offsets, g.height, g.width, g.cin, ...window, PIXELS];
    backend.run('convolveFilterPositions', g.batch, args, { chunks, scratch: 1024 });
  });
}

function accumulateBands(
  backend: SimdBackend,
  g: Geometry,
  { x, dy }: Pointers,
  accumulators: number,
  chunks: number,
): void {
  const bandColumns = borderedColumns(g);
  const bandRows = (g.outHeight - 1) * g.stride + g.kernelHeight;
  const images = Math.min(g.batch, Math.max(1, Math.floor(PIXELS / (g.outHeight * g.outWidth))));
  const group = images > 1 ? g.outHeight : Math.min(g.outHeight, Math.max(1, Math.floor(PIXELS / g.outWidth)));
  backend.withBlock(4 * images * group * g.outWidth, (offsets) => {
    const pitch = g.cin * (bandColumns || g.width);
    const imagePitch = bandColumns ? pitch * bandRows : g.height * g.width * g.cin;
    backend.pool.kernels.pixelOffsets(offsets, images, group, g.outWidth, g.cin, pitch, imagePitch, g.stride);
    const window = [g.top, g.left, bandColumns, g.kernelHeight, g.kernelWidth, g.stride];
    const shape = [g.height, g.width, g.cin, ...window, g.outHeight, g.outWidth, g.cout, group, images];
    const scratch = bandColumns ? 4 * images * bandRows * bandColumns * g.cin + 64 : undefined;
    const options = { chunks, scratch, images: g.batch };
    backend.run('convolveFilter', g.batch, [x, dy, accumulators, offsets, ...shape], options);
  });
}

function winograd(backend: SimdBackend, g: Geometry, { x, dy, dw }: Pointers): void {
  const kernel = g.kernelHeight;
  const accumulatorBytes = planes(kernel) * 4 * roundUp(g.cin, backend.rows) * roundUp(g.cout, 8);
  const tiles = g.batch * Math.ceil(g.outHeight / 4) * Math.ceil(g.outWidth / 4);
  const chunks = partialSums(g.batch, tiles, 32, accumulatorBytes);
  const block = winogradBlock(g, LARGE_ACCUMULATOR);
  backend.withBlock(chunks * accumulatorBytes + 4 * block, (accumulators) => {
    const offsets = accumulators + chunks * accumulatorBytes;
    backend.pool.kernels.pixelOffsets(offsets, 1, 1, block, roundUp(g.cin, 4), 0, 0, 1);
    const shape = [g.height, g.width, g.cin, kernel, g.top, g.left, g.outHeight, g.outWidth, g.cout, block];
    const options = { chunks, scratch: winogradScratch(g, block), images: g.batch };
    backend.run('winogradFilterGradient', g.batch, [x, dy, accumulators, offsets, ...shape], options);
    const args = [accumulators, chunks, dw, kernel, g.cin, g.cout];
    backend.after(() => backend.run('winogradFilterSum', g.cin, args, { scratch: 4096, grain: 2 }));
  });
}
