import * as tf from '@tensorflow/tfjs';
import type { SimdBackend } from '../simdBackend.js';
import type { Inputs } from '../kernelCall.js';
import { floats, inOnePass, type FastKernel, type FastKernels } from './override.js';

const { sizeFromShape } = tf.util;

/** Below this many values the plain kernel is as fast. */
export const FEW = 512;
const GRAIN_VECTORS = 4096;

/**
 * Whether n values are left to the plain kernel, which gives the same bits; never in a plan, because a plain kernel
 * would keep its threads from taking images of their own.
 */
export const isLeft = ({ recording }: SimdBackend, n: number): boolean => n === 0 || (n < FEW && !recording);

/** The largest float below 6. */
const BELOW_6 = 6 - 2 ** -21;

/** The numbers of the operations in kernels/elementwise.ts. */
const BINARY = { Add: 0, Sub: 1, Multiply: 2, RealDiv: 3 } as const;
const UNARY = { Relu: 0, Neg: 1, Square: 2, Sqrt: 3, Abs: 4, Step: 5, Relu6: 6 } as const;

/**
 * How `small` repeats in `large`: as [outer, middle, inner], where small lacks the middle axes. Undefined if it repeats
 * in another way.
 */
function repetition(large: number[], small: number[]): { middle: number; inner: number } | undefined {
  const padded = [...Array<number>(large.length - small.length).fill(1), ...small];
  const repeated = large.map((n, i) => padded[i] !== n);
  const first = repeated.indexOf(true);
  const last = repeated.lastIndexOf(true);
  if (first < 0) return undefined;
  for (let i = first; i <= last; i++) if (padded[i] !== 1) return undefined;
  return { middle: sizeFromShape(large.slice(first, last + 1)), inner: sizeFromShape(large.slice(last + 1)) };
}

function binary(name: keyof typeof BINARY): FastKernel<unknown> {
  const commutes = name === 'Add' || name === 'Multiply';
  return (backend, inputs) => {
    let { a, b } = inputs;
    if (!floats(a, b)) return undefined;
    const n = sizeFromShape(a.shape);
    if (tf.util.arraysEqual(a.shape, b.shape)) {
      if (isLeft(backend, n)) return undefined;
      return name === 'Add' ? sum(backend, a, b) : dense(backend, BINARY[name], a, b);
    }
    const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    if (isLeft(backend, sizeFromShape(shape))) return undefined;
    if (commutes && sizeFromShape(b.shape) > n) [a, b] = [b, a];
    if (!tf.util.arraysEqual(a.shape, shape)) return undefined;
    const way = repetition(a.shape, b.shape);
    if (!way) return undefined;
    const y = backend.output(shape);
    const rows = sizeFromShape(shape) / way.inner;
    const args = [BINARY[name], backend.pointer(a), backend.pointer(b), backend.pointer(y), way.middle, way.inner];
    backend.run('binary', rows, args, { grain: Math.ceil((4 * GRAIN_VECTORS) / way.inner) });
    return y;
  };
}

/** Runs a kernel on vectors of n values, with n as its last argument; image by image if images are whole vectors. */
export function runDense(backend: SimdBackend, kernel: string, args: number[], n: number, images?: number): void {
  const apart = images && n % (4 * images) === 0 ? images : undefined;
  backend.run(kernel, Math.ceil(n / 4), [...args, n], { grain: GRAIN_VECTORS, images: apart });
}

function dense(backend: SimdBackend, operation: number, a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo {
  const y = backend.output(a.shape);
  combine(backend, operation, a, b, backend.pointer(y));
  return y;
}

function combine(backend: SimdBackend, operation: number, a: tf.TensorInfo, b: tf.TensorInfo, to: number): void {
  const args = [operation, backend.pointer(a), backend.pointer(b), to];
  runDense(backend, 'binaryDense', args, sizeFromShape(a.shape), a.shape[0]);
}

/**
 * Returns a + b; deferred if a or b is, since the operation that follows can often take their work while it is in the
 * cache: the convolution in a residual block, the batch normalisation on the way back.
 */
function sum(backend: SimdBackend, a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo {
  if (backend.recording || !(backend.deferred(a) ?? backend.deferred(b))) return dense(backend, BINARY.Add, a, b);
  const make = (): number => {
    const to = backend.heap.allocate(sizeFromShape(a.shape) * 4);
    combine(backend, BINARY.Add, a, b, to);
    return to;
  };
  return deferSum(backend, a, b) ?? backend.defer(a.shape, { reads: [a, b], make });
}

/**
 * Returns a block with a tensor's values, for the caller to change and own: the tensor's own block if only the caller's
 * deferred work still refers to it.
 */
function takeBlock(backend: SimdBackend, tensor: tf.TensorInfo): number {
  const pointer = backend.pointer(tensor);
  const data = backend.dataOf(tensor);
  if (data.refCount === 1) {
    data.pointer = undefined;
    return pointer;
  }
  const copy = backend.allocate(tf.util.sizeFromShape(tensor.shape));
  const [images] = tensor.shape;
  const row = tf.util.sizeFromShape(tensor.shape) / images;
  backend.run('copyColumns', images, [pointer, row * 4, copy, row * 4, row], { images });
  return copy;
}

/**
 * Returns a + b if one of them is a deferred convolution; the sum is deferred too: when it is computed, the convolution
 * can add to the other tensor's values in place, unless these are still used elsewhere. Gradients of a tensor with
 * several consumers are such sums.
 */
function deferSum(backend: SimdBackend, a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo | undefined {
  // The base gives its block away, so choose the tensor that already has one.
  const [base, term] = backend.deferred(a) ? [b, a] : [a, b];
  if (!backend.deferred(term)?.addTo || a.dataId === b.dataId) return undefined;
  const make = (): number => {
    const sum = takeBlock(backend, base);
    addInto(backend, term, sum);
    return sum;
  };
  const addTo = (to: number): void => {
    addInto(backend, base, to);
    addInto(backend, term, to);
  };
  return backend.defer(a.shape, { reads: [base, term], make, addTo });
}

function addInto(backend: SimdBackend, tensor: tf.TensorInfo, to: number): void {
  const work = backend.deferred(tensor);
  if (work?.addTo) return work.addTo(to);
  const args = [BINARY.Add, to, backend.pointer(tensor), to];
  runDense(backend, 'binaryDense', args, sizeFromShape(tensor.shape), tensor.shape[0]);
}

const addN: FastKernel<unknown> = (backend, inputs: Inputs) => {
  const parts = Object.values(inputs);
  if (!floats(...parts) || parts.length < 2 || isLeft(backend, sizeFromShape(parts[0].shape))) return undefined;
  const sum = dense(backend, BINARY.Add, parts[0], parts[1]);
  const at = backend.pointer(sum);
  for (const part of parts.slice(2)) {
    runDense(backend, 'binaryDense', [BINARY.Add, at, backend.pointer(part), at], sizeFromShape(sum.shape));
  }
  return sum;
};

/** `alpha` is the value of Step at 0 and below; the other operations have no attributes. */
interface UnaryAttributes {
  alpha?: number;
}

function unary(name: keyof typeof UNARY): FastKernel<UnaryAttributes> {
  return (backend, { x }, { alpha = 0 } = {}) => {
    const n = sizeFromShape(x.shape);
    if (!floats(x) || isLeft(backend, n) || alpha !== 0) return undefined;
    const relu = name === 'Relu' || (name === 'Relu6' && 6);
    const work = relu ? backend.deferred(x)?.then?.({ relu }) : undefined;
    if (work) return backend.defer(x.shape, work);
    const y = backend.output(x.shape);
    runDense(backend, 'unary', [UNARY[name], backend.pointer(x), backend.pointer(y)], n);
    return y;
  };
}

/** Returns dx = dy where y > 0 and, for ReLU6, y < 6, else 0. */
export function reluGrad(backend: SimdBackend, { dy, y }: Inputs, { most }: { most: number }): tf.TensorInfo {
  const dx = backend.output(y.shape);
  backend.together(y, () => {
    const args = [...[dy, y, dx].map((tensor) => backend.pointer(tensor)), most];
    runDense(backend, 'reluGradient', args, sizeFromShape(y.shape), y.shape[0]);
  });
  return dx;
}

/**
 * The gradients of ReLU and ReLU6, computed from their output for every backend, while tfjs computes them from their
 * input: if a convolution also applies the ReLU, that input never exists. A gradient that may itself be differentiated
 * is composed of operations that tfjs can differentiate.
 */
export const reluGradients: tf.GradConfig[] = (['Relu', 'Relu6'] as const).map((kernelName) => {
  const slope = (y: tf.Tensor): tf.Tensor => (kernelName === 'Relu' ? y.step() : y.step().mul(y.neg().add(6).step()));
  return {
    kernelName,
    outputsToSave: [true],
    gradFunc: (dys, [y]) => {
      const dy = dys as tf.Tensor;
      const fused = inOnePass(dy, y);
      const most = kernelName === 'Relu' ? Infinity : BELOW_6;
      return {
        x: () => (fused ? tf.engine().runKernel('SparsebookReluGrad', { dy, y }, { most }) : tf.mul(dy, slope(y))),
      };
    },
  };
});

const named = <Name extends string>(names: object, make: (name: Name) => FastKernel<never>): FastKernels =>
  Object.fromEntries((Object.keys(names) as Name[]).map((name) => [name, make(name)]));

export const elementwise: FastKernels = {
  ...named(BINARY, binary),
  ...named(UNARY, unary),
  AddN: addN,
};
