// Integer convolutions, and tensors that stay integers from one to the next: see kernels/int8.ts.
import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../../errors.js';
import type { Grid, QuantizedConvOptions } from '../../fusedOps.js';
import type { Deferred } from '../tensorData.js';
import type { SimdBackend } from '../simdBackend.js';
import { allTaps, borderedColumns, convolutionGeometry, seeingTaps, type Geometry, type Pool } from './geometry.js';
import { joinsProducts } from './joinedProducts.js';
import type { Inputs } from '../kernelCall.js';
import type { OwnKernels } from './override.js';

const { sizeFromShape } = tf.util;

/** The fewest values that are worth a chunk of their own. */
const GRAIN = 16384;
/** The most bytes of a band with a border: they fit well within a core's cache. */
const BAND_BYTES = 256 * 1024;
/** Bytes of a tile of sums, before the band. */
const STAGE = 512;

/** Bytes of a pixel with this many codes. */
const cellOf = (channels: number): number => Math.ceil(channels / 4) * 4;
const sameGrid = (a: Grid, b: Grid): boolean => a.scale === b.scale && a.zero === b.zero;
const pixelsOf = (shape: number[]): number => sizeFromShape(shape.slice(0, -1));

/** Returns a tensor of codes that `compute` writes when they are needed, `row` bytes from pixel to pixel. */
function deferCodes(
  backend: SimdBackend,
  shape: number[],
  { grid, reads, compute }: { grid: Grid; reads: tf.TensorInfo[]; compute: (to: number, row: number) => void },
): tf.TensorInfo {
  const channels = shape[shape.length - 1];
  const [pixels, cell] = [pixelsOf(shape), cellOf(channels)];
  const grain = Math.ceil(GRAIN / channels);
  const floats = (from: number, to: number, row: number): void => {
    const args = [from, cell, to, row * 4, channels, grid.scale, grid.zero];
    backend.run('dequantizeRows', pixels, args, { grain });
  };
  const work: Deferred = {
    reads,
    coded: {
      grid,
      channels,
      write(to, row) {
        if (work.block === undefined) compute(to, row);
        else backend.run('copyCodes', pixels, [work.block, cell, to, row, channels], { grain });
      },
    },
    write(to, row) {
      if (work.block !== undefined) return floats(work.block, to, row);
      backend.withBlock(pixels * cell, (codes) => {
        compute(codes, cell);
        floats(codes, to, row);
      });
    },
  };
  return backend.defer(shape, work);
}

/** Returns the address of the codes of x on a grid; they are made once. */
function codesOf(backend: SimdBackend, x: tf.TensorInfo, grid: Grid): number {
  const channels = x.shape[x.shape.length - 1];
  const [pixels, cell] = [pixelsOf(x.shape), cellOf(channels)];
  const work = backend.deferredValues(x);
  const coded = work?.coded;
  // A tensor of another shape may share the values; if no bytes lie between pixels, the codes are the same in any
  // shape.
  const fits = coded?.channels === channels || (coded && coded.channels % 4 === 0 && channels % 4 === 0);
  if (work && coded && fits && sameGrid(coded.grid, grid)) {
    if (work.block === undefined) {
      const block = backend.heap.allocate(pixels * cell);
      coded.write(block, cellOf(coded.channels));
      work.block = block;
      // The tensors that they were made from are no longer needed.
      const { reads } = work;
      work.reads = [];
      backend.letGo(reads);
    }
    return work.block;
  }
  const from = backend.pointer(x);
  return backend.derived(x, `codes ${grid.scale} ${grid.zero} ${channels}`, pixels * cell, (to) => {
    const args = [from, to, channels, 1 / grid.scale, grid.zero];
    backend.run('quantizeRows', pixels, args, { grain: Math.ceil(GRAIN / channels) });
  });
}

/** Addresses of the parts of a packed filter. */
interface Packed {
  filter: number;
  start: number;
  factors: number;
}

/**
 * Returns the weights of taps and channels in the order of the tiles, followed by the start and the factor of each
 * channel's sum; kept with the kernel.
 */
function packedFilter(
  backend: SimdBackend,
  { kernel, bias, scale }: Inputs,
  seen: NonNullable<ReturnType<typeof seeingTaps>>,
  { input, output }: QuantizedConvOptions,
): Packed {
  const { rows, columns } = seen;
  const [, width, cin, cout] = kernel.shape;
  const cell = cellOf(cin);
  const taps = rows.count * columns.count;
  const panels = Math.ceil(cout / 8);
  const filterBytes = panels * taps * cell * 8;
  // Whole tiles of 16 channels.
  const channels = Math.ceil(cout / 16) * 16;
  const factor = Math.fround(input.scale / (output?.scale ?? 1));
  const window = [rows.first, rows.count, columns.first, columns.count];
  const key = `int8 ${backend.names(bias, scale)} ${window.join()} ${factor} ${input.zero}`;
  const block = backend.derived(kernel, key, filterBytes + 8 * channels, (to) => {
    const { buffer } = backend.heap.memory;
    const filter = new Int8Array(buffer, to, filterBytes).fill(0);
    const start = new Int32Array(buffer, to + filterBytes, channels).fill(0);
    const factors = new Float32Array(buffer, to + filterBytes + 4 * channels, channels).fill(0);
    const [weights, biases, scales] = [kernel, bias, scale].map(({ dataId }) => backend.readSync(dataId) as Int32Array);
    for (let o = 0; o < cout; o++) {
      let sum = 0;
      for (let tap = 0; tap < taps; tap++) {
        const y = rows.first + Math.floor(tap / columns.count);
        const x = columns.first + (tap % columns.count);
        for (let c = 0; c < cin; c++) {
          const weight = weights[((y * width + x) * cin + c) * cout + o];
          const step = (Math.floor(o / 8) * taps + tap) * (cell / 4) + (c >> 2);
          filter[step * 32 + (o % 8) * 4 + (c & 3)] = weight;
          sum += weight;
        }
      }
      start[o] = biases[o] - input.zero * sum;
      factors[o] = scales[o] * factor;
    }
  });
  return { filter: block, start: block + filterBytes, factors: block + filterBytes + 4 * channels };
}

/** Treats the images of a 1x1 convolution as one, since it only needs pixels: more of them make fuller tiles. */
function flatten(g: Geometry): Geometry {
  const { kernelHeight, kernelWidth, stride, height, width, outHeight, outWidth, top, left } = g;
  const pointwise = kernelHeight === 1 && kernelWidth === 1 && stride === 1 && top === 0 && left === 0;
  if (!pointwise || height !== outHeight || width !== outWidth) return g;
  const all = g.batch * height * width;
  return { ...g, batch: 1, height: all, outHeight: all, width: 1, outWidth: 1 };
}

function quantizedConv(backend: SimdBackend, inputs: Inputs, options: QuantizedConvOptions): tf.TensorInfo {
  const { x, kernel, bias, scale } = inputs;
  const { input, output } = options;
  const whole = convolutionGeometry(x.shape, kernel.shape, options);
  if (!whole) {
    throw new UserError(
      `A convolution of whole numbers takes [N, H, W, C] images and one stride for both axes; received images ` +
        `[${x.shape.join(', ')}], a kernel [${kernel.shape.join(', ')}] and ${JSON.stringify(options)}.`,
    );
  }
  const all = { g: whole, rows: allTaps(whole.kernelHeight), columns: allTaps(whole.kernelWidth) };
  const seen = seeingTaps(whole, all.rows, all.columns) ?? all;
  const compute = (to: number, row: number): void => {
    const codes = codesOf(backend, x, input);
    const packed = packedFilter(backend, inputs, seen, options);
    convolve(backend, flatten(seen.g), { codes, packed, to, row, options });
  };
  const shape = [whole.batch, whole.outHeight, whole.outWidth, whole.cout];
  const reads = [x, kernel, bias, scale];
  if (output) return deferCodes(backend, shape, { grid: output, reads, compute });
  return backend.defer(shape, { reads, write: (to, row) => compute(to, row * 4) });
}

/** Runs a convolution from codes to codes or floats at `to`, `row` bytes from pixel to pixel. */
function convolve(
  backend: SimdBackend,
  g: Geometry,
  {
    codes,
    packed,
    to,
    row,
    options: { input, output, relu },
  }: { codes: number; packed: Packed; to: number; row: number; options: QuantizedConvOptions },
): void {
  const cell = cellOf(g.cin);
  const bandColumns = borderedColumns(g);
  // Bands: enough for all threads, and small enough for the cache if they have to be copied.
  const fitting = bandColumns ? Math.max(1, Math.floor(BAND_BYTES / (cell * g.stride * bandColumns))) : g.outHeight;
  const wanted = Math.ceil((4 * backend.pool.threads) / g.batch);
  // Makes whole tiles if each row is one pixel.
  const even = g.outWidth === 1 ? 6 : 1;
  const bandRows = Math.max(1, Math.min(fitting, Math.ceil(g.outHeight / wanted / even) * even));
  const bands = Math.ceil(g.outHeight / bandRows);
  const bandBytes = ((bandRows - 1) * g.stride + g.kernelHeight) * bandColumns * cell;
  const steps = (g.kernelHeight * g.kernelWidth * cell) / 4;
  backend.withBlock(steps * 4, (offsets) => {
    const pitch = ((bandColumns || g.width) * cell) / 4;
    backend.pool.kernels.pixelOffsets(offsets, 1, g.kernelHeight, (g.kernelWidth * cell) / 4, 1, pitch, 0, 1);
    const low = relu ? 0 : -(output?.zero ?? Infinity);
    const ends = [row, input.zero, Number(output !== null), low, 127 - (output?.zero ?? 0), output?.zero ?? 0];
    const image = [g.height, g.width, cell, g.top, g.left, bandColumns, g.kernelHeight, g.kernelWidth, g.stride];
    const joined = Number(joinsProducts(backend));
    const args = [codes, packed.filter, packed.start, packed.factors, to, offsets, ...image];
    backend.run(
      'convolveInt8',
      g.batch * bands,
      [...args, g.outHeight, g.outWidth, g.cout, ...ends, bandRows, bands, joined],
      {
        scratch: STAGE + bandBytes + 64,
      },
    );
  });
}

/** Pools codes directly: the maximum of values has the maximum of their codes. */
export function maxPoolCodes(backend: SimdBackend, x: tf.TensorInfo, p: Pool): tf.TensorInfo | undefined {
  const grid = backend.deferredValues(x)?.coded?.grid;
  if (!grid) return undefined;
  return deferCodes(backend, p.outShape, {
    grid,
    reads: [x],
    compute(to, row) {
      backend.run('poolCodes', p.batch * p.outHeight, [codesOf(backend, x, grid), to, row, ...p.args]);
    },
  });
}

/** Concatenates channels if all lie on one grid; a part that is not computed yet is computed in place. */
export function concatCodes(backend: SimdBackend, parts: tf.TensorInfo[], shape: number[]): tf.TensorInfo | undefined {
  const grids = parts.map((part) => backend.deferredValues(part)?.coded?.grid);
  const [grid] = grids;
  if (!grid || !grids.every((other) => other && sameGrid(other, grid))) return undefined;
  return deferCodes(backend, shape, {
    grid,
    reads: parts,
    compute(to, row) {
      for (const part of parts) {
        const channels = part.shape[part.shape.length - 1];
        const coded = backend.deferredValues(part)?.coded;
        if (coded?.channels === channels) coded.write(to, row);
        else {
          const args = [codesOf(backend, part, grid), cellOf(channels), to, row, channels];
          backend.run('copyCodes', pixelsOf(shape), args, { grain: Math.ceil(GRAIN / channels) });
        }
        to += channels;
      }
    },
  });
}

export const int8Kernels: OwnKernels = { SparsebookQuantizedConv: quantizedConv };
