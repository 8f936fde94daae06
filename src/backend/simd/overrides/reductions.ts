import * as tf from '@tensorflow/tfjs';
import type { SimdBackend } from '../simdBackend.js';
import { FEW, isLeft } from './elementwise.js';
import type { Inputs } from '../kernelCall.js';
import { floats, inOnePass, type FastKernel, type FastKernels, type OwnKernels } from './override.js';

const { sizeFromShape } = tf.util;

const GRAIN_FLOATS = 16384;

/** The gradient of a mean, for every backend: tfjs's own fills a tensor as large as x with ones in JavaScript. */
export const meanGradient: tf.GradConfig = {
  kernelName: 'Mean',
  inputsToSave: ['x'],
  gradFunc: (dys, [x], attributes) => {
    const dy = dys as tf.Tensor;
    const axes = tf.util.parseAxisParam((attributes as { axis: number | number[] }).axis, x.shape);
    const kept = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
    return {
      x: () =>
        dy
          .div(x.size / dy.size)
          .reshape(kept)
          .broadcastTo(x.shape),
    };
  },
};

/** The most partial sums of a sum over rows: fixed, so that any number of threads adds in the same order. */
const CHUNKS = 16;

/** y [columns] = factor * the column sums of x [rows, columns]. */
export function sumColumns(
  backend: SimdBackend,
  x: number,
  rows: number,
  columns: number,
  y: number,
  factor = 1,
): void {
  const chunks = Math.max(1, Math.min(CHUNKS, rows, Math.floor((rows * columns) / 4096)));
  backend.withBlock(chunks * (columns + 3) * 8, (sums) => {
    backend.run('sumRows', rows, [x, columns, sums], { chunks });
    backend.pool.kernels.finishSums(sums, chunks, columns, y, factor);
  });
}

/**
 * Returns a shape as [outer, middle, inner] with the axes in the middle; undefined if there are no axes or they are not
 * neighbours.
 */
function around(shape: number[], axis: number | number[]): [outer: number, middle: number, inner: number] | undefined {
  const axes = tf.util.parseAxisParam(axis, shape).sort((a, b) => a - b);
  const [first, last] = [axes[0], axes[axes.length - 1]];
  if (axes.length === 0 || last - first + 1 !== axes.length) return undefined;
  const sides = [shape.slice(0, first), shape.slice(first, last + 1), shape.slice(last + 1)];
  return sides.map(sizeFromShape) as [number, number, number];
}

/** Returns a shape without some axes, or with 1 in their place. */
function withoutAxes(shape: number[], axis: number | number[], keepDims: boolean): number[] {
  const axes = tf.util.parseAxisParam(axis, shape);
  return shape.flatMap((n, i) => (!axes.includes(i) ? [n] : keepDims ? [1] : []));
}

/** A sum (or mean) over neighbouring axes: the first ones (a bias gradient), the middle (global pooling), the last. */
function sum(mean: boolean): FastKernel<{ axis: number | number[]; keepDims: boolean }> {
  return (backend, { x }, { axis, keepDims }) => {
    const sides = around(x.shape, axis);
    if (!floats(x) || sizeFromShape(x.shape) < FEW || !sides) return undefined;
    const [outer, middle, inner] = sides;
    const y = backend.output(withoutAxes(x.shape, axis, keepDims));
    const factor = mean ? 1 / middle : 1;
    if (outer === 1 && inner > 1) sumColumns(backend, backend.pointer(x), middle, inner, backend.pointer(y), factor);
    else {
      const args = [backend.pointer(x), backend.pointer(y), middle, inner, factor];
      backend.run('sumMiddle', outer, args, { grain: Math.ceil(GRAIN_FLOATS / (middle * inner)) });
    }
    return y;
  };
}

/** The maximum over neighbouring axes, with the plain kernel's bits. */
const max: FastKernel<{ reductionIndices: number | number[]; keepDims: boolean }> = (
  backend,
  { x },
  { reductionIndices, keepDims },
) => {
  const sides = around(x.shape, reductionIndices);
  if (!floats(x) || isLeft(backend, sizeFromShape(x.shape)) || !sides) return undefined;
  const [outer, middle, inner] = sides;
  const y = backend.output(withoutAxes(x.shape, reductionIndices, keepDims));
  const args = [backend.pointer(x), backend.pointer(y), middle, inner];
  backend.run('maxMiddle', outer, args, { grain: Math.ceil(GRAIN_FLOATS / (middle * inner)) });
  return y;
};

function maxGrad(backend: SimdBackend, { dy, x, y }: Inputs, { axis }: { axis: number | number[] }): tf.TensorInfo {
  const [outer, middle, inner] = around(x.shape, axis)!;
  const dx = backend.output(x.shape);
  const args = [...[dy, x, y, dx].map((tensor) => backend.pointer(tensor)), middle, inner];
  backend.run('maxMiddleGradient', outer * middle, args, { grain: Math.ceil(GRAIN_FLOATS / inner) });
  return dx;
}

const plainMaxGradient = tf.getGradient('Max');

/** tfjs's gradient, which passes dy to every maximum, in one pass where that applies. */
export const maxGradient: tf.GradConfig = {
  ...plainMaxGradient,
  gradFunc: (dys, saved, attributes) => {
    const [dy, [x, y]] = [dys as tf.Tensor, saved];
    const axis = (attributes as { reductionIndices: number | number[] }).reductionIndices;
    const fused = inOnePass(dy, x, y) && around(x.shape, axis);
    if (!fused) return plainMaxGradient.gradFunc(dys, saved, attributes);
    return { x: () => tf.engine().runKernel('SparsebookMaxGrad', { dy, x, y }, { axis }) };
  },
};

export const reductions: FastKernels = { Sum: sum(false), Mean: sum(true), Max: max };

export const reductionKernels: OwnKernels = { SparsebookMaxGrad: maxGrad };
