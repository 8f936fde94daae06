import type { SimdBackend } from '../simdBackend.js';
import * as tf from '@tensorflow/tfjs';
import {
  convolveDirect,
  convolveWinograd,
  trimPass,
  type ConvolutionPass,
  type Filter,
  type Whole,
} from './convolve.js';
import { allTaps, convolutionGeometry, prefersWinograd } from './geometry.js';
import type { Geometry, Taps, WindowAttributes } from './geometry.js';
import type { Outputs } from '../kernelCall.js';
import {
  activated,
  floats,
  hasActivation,
  isRecording,
  type ActivationAttributes,
  type FastKernel,
  type FastKernels,
} from './override.js';
import type { Relu } from '../../fusedOps.js';
import type { Affine } from '../tensorData.js';
import { filterGradient, withGradient } from './filterGradient.js';

/** The widest output for which the backend's zeros can stand in for a bias. */
export const MAX_CHANNELS = 16384;

/**
 * Returns y = x * filter (+ bias), computed by `compute`, for geometries that the fast kernels cover; deferred, since
 * operations that follow can often be done in the same pass.
 */
export function convolveForward(
  backend: SimdBackend,
  g: Geometry,
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  bias?: tf.TensorInfo,
  compute = computeForward,
): tf.TensorInfo {
  const reads = bias ? [x, filter, bias] : [x, filter];
  // While a gradient is recorded, the filter is about to change; otherwise it is likely to be used again.
  const keep = !isRecording();
  const write = (to: number, row: number, relu: Relu, affine?: Affine): void => {
    const shift = bias ? backend.pointer(bias) : backend.zeros;
    const f: Filter = {
      ...filterOf(backend, g, filter),
      scale: affine?.scale,
      kept: keep ? { tensor: filter, key: affine?.key ?? '' } : undefined,
    };
    const whole = { g, x: backend.passing(x), filter: f, relu, y: to, row };
    if (!affine) return compute(backend, { ...whole, bias: shift });
    backend.withBlock((g.cout + 8) * 4, (bias) => {
      const [from, by, offset] = [shift, affine.scale, affine.shift].map((at) => backend.heap.floats(at, g.cout));
      const values = backend.heap.floats(bias, g.cout);
      for (let c = 0; c < g.cout; c++) values[c] = from[c] * by[c] + offset[c];
      compute(backend, { ...whole, bias });
    });
  };
  return backend.defer([g.batch, g.outHeight, g.outWidth, g.cout], {
    reads,
    write: (to, row) => write(to, row, false),
    then: ({ affine, relu, block }) => ({
      reads,
      block,
      write: (to, row) => write(to, row, relu, affine),
    }),
  });
}

function filterOf(backend: SimdBackend, g: Geometry, filter: tf.TensorInfo): Filter {
  const { kernelHeight: height, kernelWidth: width, cin, cout } = g;
  return { pointer: backend.pointer(filter), height, width, cin, cout, transposed: false };
}

function computeForward(backend: SimdBackend, whole: Whole): void {
  const { g, bias, relu, y, row } = whole;
  // Winograd's tiles have no ReLU6.
  if (backend.winograd && relu !== 6 && prefersWinograd(g, 1)) return convolveWinograd(backend, whole);
  const pass = trimPass({
    ...whole,
    rows: allTaps(g.kernelHeight),
    columns: allTaps(g.kernelWidth),
    step: { image: g.outHeight * g.outWidth * row, row: g.outWidth * row, pixel: row },
  });
  if (pass) convolveDirect(backend, pass);
  else backend.run('fillRows', g.batch * g.outHeight * g.outWidth, [bias, y, row * 4, g.cout, Number(relu)]);
}

/**
 * Returns dx, the gradient of the input. With stride 1 it is one convolution of dy with the mirrored filter; with
 * stride s it is s * s convolutions, each with the taps that meet every s-th pixel.
 */
function convolveBackwardInput(
  backend: SimdBackend,
  g: Geometry,
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
): tf.TensorInfo {
  if (isPointwise(g)) return deferPointwise(backend, g, dy, filter);
  const shape = [g.batch, g.height, g.width, g.cin];
  const back = { batch: g.batch, height: g.outHeight, width: g.outWidth, cin: g.cout, cout: g.cin, stride: 1 };
  const { stride: s } = g;
  if (backend.winograd && prefersWinograd(g)) {
    const last = g.kernelHeight - 1;
    const mirrored = { ...g, ...back, top: last - g.top, left: last - g.left, outHeight: g.height, outWidth: g.width };
    const write = (y: number, row: number): void => {
      const f: Filter = { ...filterOf(backend, g, filter), transposed: true };
      const ends = { bias: backend.zeros, relu: false, y, row } as const;
      withGradient(backend, dy, (x) => convolveWinograd(backend, { g: mirrored, x, filter: f, ...ends }));
    };
    return backend.defer(shape, { reads: [dy, filter], write });
  }
  const dx = backend.output(shape);
  const f: Filter = { ...filterOf(backend, g, filter), transposed: true };
  const to = backend.pointer(dx);
  const passes: (ConvolutionPass | undefined)[] = [];
  for (let i = 0; i < Math.min(s, g.height); i++) {
    for (let j = 0; j < Math.min(s, g.width); j++) {
      const rows = phase(i, g.top, g.kernelHeight, s, g.height);
      const columns = phase(j, g.left, g.kernelWidth, s, g.width);
      const kernel = { kernelHeight: rows.taps.count, kernelWidth: columns.taps.count };
      const out = { outHeight: rows.size, outWidth: columns.size };
      passes.push(
        trimPass({
          g: { ...back, ...kernel, ...out, top: rows.pad, left: columns.pad },
          x: backend.pointer(dy),
          filter: f,
          rows: rows.taps,
          columns: columns.taps,
          bias: backend.zeros,
          relu: false,
          y: to + 4 * (i * g.width + j) * g.cin,
          step: { image: g.height * g.width * g.cin, row: s * g.width * g.cin, pixel: s * g.cin },
        }),
      );
    }
  }
  if (passes.includes(undefined)) backend.heap.floats(to, g.batch * g.height * g.width * g.cin).fill(0);
  for (const pass of passes) if (pass) convolveDirect(backend, pass);
  return dx;
}

function isPointwise(g: Geometry): boolean {
  const { kernelHeight, kernelWidth, stride, height, width, outHeight, outWidth } = g;
  return kernelHeight === 1 && kernelWidth === 1 && stride === 1 && height === outHeight && width === outWidth;
}

/** Returns the input gradient of a 1x1 convolution, deferred: it is often one of several gradients that are added. */
function deferPointwise(backend: SimdBackend, g: Geometry, dy: tf.TensorInfo, filter: tf.TensorInfo): tf.TensorInfo {
  const run = (y: number, row: number, bias: number): void => {
    const pass: Omit<ConvolutionPass, 'x'> = {
      g: { ...g, cin: g.cout, cout: g.cin },
      filter: { ...filterOf(backend, g, filter), transposed: true },
      rows: allTaps(1),
      columns: allTaps(1),
      bias,
      relu: false,
      y,
      step: { image: g.height * g.width * row, row: g.width * row, pixel: row },
    };
    withGradient(backend, dy, (x) => convolveDirect(backend, { ...pass, x }));
  };
  return backend.defer([g.batch, g.height, g.width, g.cin], {
    reads: [dy, filter],
    write: (to, row) => run(to, row, backend.zeros),
    addTo: (to) => run(to, g.cin, 0),
  });
}

/**
 * Returns the taps that pixels offset, offset + s, ... of one axis of the input met in the forward pass, last tap
 * first.
 */
function phase(
  offset: number,
  pad: number,
  kernel: number,
  s: number,
  size: number,
): { size: number; taps: Taps; pad: number } {
  const lowest = (offset + pad) % s;
  const count = Math.max(0, Math.ceil((kernel - lowest) / s));
  const base = (offset + pad - lowest) / s;
  return {
    size: Math.ceil((size - offset) / s),
    taps: { first: lowest + (count - 1) * s, count, step: -s },
    pad: count - 1 - base,
  };
}

/** Whether dy has the shape of the output. tfjs also accepts other sizes, which are left to its own kernel. */
export function isOutput(g: Geometry, { shape }: tf.TensorInfo): boolean {
  return shape[0] === g.batch && shape[1] === g.outHeight && shape[2] === g.outWidth && shape[3] === g.cout;
}

const conv2d: FastKernel<WindowAttributes> = (backend, { x, filter }, attributes): Outputs | undefined => {
  if (!floats(x, filter)) return undefined;
  const g = convolutionGeometry(x.shape, filter.shape, attributes);
  return g && g.cout <= MAX_CHANNELS ? convolveForward(backend, g, x, filter) : undefined;
};

/** The operation of `tf.layers.conv2d` outside of training: the convolution, its bias and its activation at once. */
const fusedConv2d: FastKernel<WindowAttributes & ActivationAttributes> = (
  backend,
  { x, filter, bias, preluActivationWeights },
  attributes,
): Outputs | undefined => {
  if (!floats(x, filter, bias) || !hasActivation(attributes)) return undefined;
  const g = convolutionGeometry(x.shape, filter.shape, attributes);
  if (!g || g.cout > MAX_CHANNELS || (bias && !tf.util.arraysEqual(bias.shape, [g.cout]))) return undefined;
  return activated(backend, convolveForward(backend, g, x, filter, bias), attributes, preluActivationWeights);
};

const conv2dBackpropInput: FastKernel<WindowAttributes & { inputShape: number[] }> = (
  backend,
  { dy, filter },
  attributes,
): Outputs | undefined => {
  if (!floats(dy, filter)) return undefined;
  const g = convolutionGeometry(attributes.inputShape, filter.shape, attributes);
  return g && g.cin <= MAX_CHANNELS && isOutput(g, dy) ? convolveBackwardInput(backend, g, dy, filter) : undefined;
};

const conv2dBackpropFilter: FastKernel<WindowAttributes & { filterShape: number[] }> = (
  backend,
  { x, dy },
  attributes,
): Outputs | undefined => {
  if (!floats(x, dy)) return undefined;
  const g = convolutionGeometry(x.shape, attributes.filterShape, attributes);
  return g && isOutput(g, dy) ? filterGradient(backend, g, x, dy) : undefined;
};

export const convolutions: FastKernels = {
  Conv2D: conv2d,
  FusedConv2D: fusedConv2d,
  Conv2DBackpropInput: conv2dBackpropInput,
  Conv2DBackpropFilter: conv2dBackpropFilter,
};
