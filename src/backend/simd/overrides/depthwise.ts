import * as tf from '@tensorflow/tfjs';
import type { SimdBackend } from '../simdBackend.js';
import { convolveForward, isOutput, MAX_CHANNELS } from './conv2d.js';
import { bandsOf, withPacked, type Filter, type Whole } from './convolve.js';
import { deferFilterGradient, partialSums, PIXELS, roundUp, withGradient } from './filterGradient.js';
import { borderedColumns, convolutionGeometry, type Geometry, type WindowAttributes } from './geometry.js';
import {
  activated,
  floats,
  hasActivation,
  type ActivationAttributes,
  type FastKernel,
  type FastKernels,
} from './override.js';

/**
 * Calls `use` with an input that has a channel for each output, and its geometry: if a filter has several outputs per
 * channel, each channel is repeated that many times.
 */
function withChannels(backend: SimdBackend, g: Geometry, x: number, use: (x: number, g: Geometry) => void): void {
  const { cin, cout } = g;
  if (cin === cout) return use(x, g);
  const multiplier = cout / cin;
  const values = g.batch * g.height * g.width * cin;
  backend.withBlock(values * multiplier * 4, (repeated) => {
    for (let m = 0; m < multiplier; m++) {
      backend.run('copyColumns', values, [x, 4, repeated + m * 4, multiplier * 4, 1], { grain: 16384 });
    }
    use(repeated, { ...g, cin: cout });
  });
}

/** Calls `use` with the filter [taps, channels], multiplied by the channels' factors if it has any. */
function withFilter(backend: SimdBackend, filter: Filter, use: (pointer: number) => void): void {
  if (filter.scale === undefined) return use(filter.pointer);
  const rows = { ...filter, cin: 1 };
  const n = filter.height * filter.width * filter.cout;
  const pack = (from: number, to: number): void => backend.heap.floats(to, n).set(backend.heap.floats(from, n));
  withPacked(backend, rows, { form: 'depthwise', bytes: n * 4, offsets: 0 }, pack, use);
}

/**
 * A call of the kernel: y = relu?(x * w + bias), with as many input channels as output channels and `tap` bytes from
 * one row of w to the next.
 */
interface Pass extends Omit<Whole, 'filter'> {
  w: number;
  tap: number;
  /** Steps from pixel to pixel of the input, with zeros between them. */
  spread: number;
}

function run(backend: SimdBackend, { g, x, w, tap, bias, relu, y, row, spread }: Pass): void {
  const columns = spread > 1 ? g.outWidth + g.kernelWidth - 1 : borderedColumns(g);
  const { bandRows, bands, bandBytes } = bandsOf(backend, g, columns);
  withTables(backend, g, columns, bandRows, (tables) => {
    const shape = [...shapeOf(g, columns), spread, g.outHeight, g.outWidth, row * 4, Number(relu), bandRows, bands];
    const args = [x, w, tap, bias, y, ...tables, ...shape, backend.zeros];
    backend.run('depthwise', g.batch * bands, args, { scratch: 1024 + bandBytes, images: g.batch });
  });
}

const shapeOf = (g: Geometry, columns: number): number[] => {
  const { height, width, cin, top, left, kernelHeight, kernelWidth, stride } = g;
  return [height, width, cin, top, left, columns, kernelHeight, kernelWidth, stride];
};

/**
 * Calls `use` with tables of the offsets of taps in a band of `columns` columns (0: the image itself), and of the
 * starts of the output pixels' windows.
 */
function withTables(
  backend: SimdBackend,
  { kernelHeight, kernelWidth, cin, width, outWidth, stride }: Geometry,
  columns: number,
  bandRows: number,
  use: (tables: [taps: number, places: number]) => void,
): void {
  const taps = kernelHeight * kernelWidth;
  backend.withBlock(4 * (taps + bandRows * outWidth), (offsets) => {
    const places = offsets + 4 * taps;
    const pitch = cin * (columns || width);
    backend.pool.kernels.pixelOffsets(offsets, 1, kernelHeight, kernelWidth, cin, pitch, 0, 1);
    backend.pool.kernels.pixelOffsets(places, 1, bandRows, outWidth, cin, pitch, 0, stride);
    use([offsets, places]);
  });
}

function computeForward(backend: SimdBackend, { filter, ...whole }: Whole): void {
  withFilter(backend, filter, (w) =>
    withChannels(backend, whole.g, whole.x, (x, g) => run(backend, { ...whole, g, x, w, tap: g.cout * 4, spread: 1 })),
  );
}

/**
 * Returns dx: the convolution of dy, with zeros between its pixels if there is a stride, with the mirrored filter.
 * Deferred, since operations that follow can use it while it is in the cache.
 */
function backwardInput(backend: SimdBackend, g: Geometry, dy: tf.TensorInfo, filter: tf.TensorInfo): tf.TensorInfo {
  const { kernelHeight, kernelWidth, cin, cout } = g;
  const back = {
    ...{ ...g, cin: cout, height: g.outHeight, width: g.outWidth, outHeight: g.height, outWidth: g.width, stride: 1 },
    ...{ top: kernelHeight - 1 - g.top, left: kernelWidth - 1 - g.left },
  };
  const to = (y: number, row: number): void => {
    const w = backend.pointer(filter) + (kernelHeight * kernelWidth - 1) * cout * 4;
    const pass = { g: back, w, tap: -cout * 4, bias: backend.zeros, relu: false, row, y, spread: g.stride };
    withGradient(backend, dy, (x) => run(backend, { ...pass, x }));
  };
  const shape = [g.batch, g.height, g.width, g.cin];
  if (cin === cout) return backend.defer(shape, { reads: [dy, filter], write: to });
  const dx = backend.output(shape);
  const values = g.batch * g.height * g.width * cin;
  backend.withBlock(values * (cout / cin) * 4, (sums) => {
    to(sums, cout);
    backend.run('sumMiddle', values, [sums, backend.pointer(dx), cout / cin, 1, 1], { grain: 4096 });
  });
  return dx;
}

/** Returns dw, summed over chunks of images whose number depends on the shape alone. */
function filterGradient(
  backend: SimdBackend,
  whole: Geometry,
  { x, dy }: { x: tf.TensorInfo; dy: tf.TensorInfo },
  shape: number[],
): tf.TensorInfo {
  const compute = (dw: number): void =>
    withChannels(backend, whole, backend.passing(x), (px, g) => {
      const { batch, outHeight, outWidth, cout } = g;
      const taps = g.kernelHeight * g.kernelWidth;
      const accumulatorBytes = 4 * roundUp(taps, backend.rows) * roundUp(cout, 8);
      const chunks = partialSums(batch, batch * outHeight * outWidth, 2 * PIXELS, accumulatorBytes);
      const columns = borderedColumns(g);
      const bandRows = Math.min(outHeight, Math.max(1, Math.floor(PIXELS / outWidth)));
      const bandBytes = 4 * ((bandRows - 1) * g.stride + g.kernelHeight) * columns * cout;
      backend.withBlock(chunks * accumulatorBytes, (accumulators) => {
        withTables(backend, g, columns, bandRows, (tables) => {
          const args = [px, backend.passing(dy), accumulators, ...tables, ...shapeOf(g, columns)];
          const out = [outHeight, outWidth, bandRows];
          const options = { chunks, scratch: 1024 + bandBytes, images: batch };
          backend.run('depthwiseFilter', batch, [...args, ...out], options);
        });
        // Read as a filter with one row, one input channel and `cout` outputs.
        const rows = [taps, 1, cout, 0, 1, 0, taps];
        backend.after(() => backend.run('sumFilterChunks', taps, [accumulators, chunks, dw, ...rows]));
      });
    });
  return deferFilterGradient(backend, shape, [x, dy], compute);
}

/** Returns the geometry, or undefined where the fast kernels do not apply. */
function geometry(x: number[], filter: number[], attributes: WindowAttributes): Geometry | undefined {
  const g = convolutionGeometry(x, filter, attributes, true);
  return g && g.cout <= MAX_CHANNELS ? g : undefined;
}

const depthwise: FastKernel<WindowAttributes> = (backend, { x, filter }, attributes) => {
  const g = floats(x, filter) ? geometry(x.shape, filter.shape, attributes) : undefined;
  return g && convolveForward(backend, g, x, filter, undefined, computeForward);
};

const fusedDepthwise: FastKernel<WindowAttributes & ActivationAttributes> = (
  backend,
  { x, filter, bias, preluActivationWeights },
  attributes,
) => {
  if (!floats(x, filter, bias) || !hasActivation(attributes)) return undefined;
  const g = geometry(x.shape, filter.shape, attributes);
  if (!g || (bias && !tf.util.arraysEqual(bias.shape, [g.cout]))) return undefined;
  const y = convolveForward(backend, g, x, filter, bias, computeForward);
  return activated(backend, y, attributes, preluActivationWeights);
};

const depthwiseBackpropInput: FastKernel<WindowAttributes & { inputShape: number[] }> = (
  backend,
  { dy, filter },
  attributes,
) => {
  const g = floats(dy, filter) ? geometry(attributes.inputShape, filter.shape, attributes) : undefined;
  return g && isOutput(g, dy) ? backwardInput(backend, g, dy, filter) : undefined;
};

const depthwiseBackpropFilter: FastKernel<WindowAttributes & { filterShape: number[] }> = (
  backend,
  { x, dy },
  attributes,
) => {
  const g = floats(x, dy) ? geometry(x.shape, attributes.filterShape, attributes) : undefined;
  if (!g || !isOutput(g, dy)) return undefined;
  return filterGradient(backend, g, { x, dy }, attributes.filterShape);
};

export const depthwiseConvolutions: FastKernels = {
  DepthwiseConv2dNative: depthwise,
  FusedDepthwiseConv2D: fusedDepthwise,
  DepthwiseConv2dNativeBackpropInput: depthwiseBackpropInput,
  DepthwiseConv2dNativeBackpropFilter: depthwiseBackpropFilter,
};
