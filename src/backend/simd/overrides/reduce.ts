import * as tf from '@tensorflow/tfjs';
import type { SimdBackend } from '../simdBackend.js';
import { floats, type FastKernel } from './override.js';

const WORTHWHILE = 512;
/** Partial sums of a sum over rows: fixed, so that any number of threads adds in the same order. */
const CHUNKS = 16;

const product = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);

/** y [columns] = factor * the column sums of x [rows, columns]. */
export function sumColumns(
  backend: SimdBackend,
  x: number,
  rows: number,
  columns: number,
  y: number,
  factor = 1,
): void {
  const chunks = Math.max(1, Math.min(CHUNKS, Math.floor((rows * columns) / 4096)));
  backend.withBlock(chunks * (columns + 3) * 8, (sums) => {
    backend.run('sumRows', rows, [x, columns, sums], { chunks: Math.min(chunks, rows) });
    backend.pool.kernels.finishSums(sums, Math.min(chunks, rows), columns, y, factor);
  });
}

/** A sum (or mean) over neighbouring axes: the first ones (a bias gradient), the middle (global pooling), the last. */
export function reduction(mean: boolean): FastKernel<{ axis: number | number[]; keepDims: boolean }> {
  return (backend, { x }, { axis, keepDims }) => {
    if (!floats(x) || product(x.shape) < WORTHWHILE) return undefined;
    const axes = tf.util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
    const [first, last] = [axes[0], axes[axes.length - 1]];
    if (axes.length === 0 || last - first + 1 !== axes.length) return undefined;
    const outer = product(x.shape.slice(0, first));
    const middle = product(x.shape.slice(first, last + 1));
    const inner = product(x.shape.slice(last + 1));
    const shape = x.shape.flatMap((n, i) => (i < first || i > last ? [n] : keepDims ? [1] : []));
    const y = backend.output(shape);
    const factor = mean ? 1 / middle : 1;
    if (outer === 1 && inner > 1) sumColumns(backend, backend.pointer(x), middle, inner, backend.pointer(y), factor);
    else {
      const args = [backend.pointer(x), backend.pointer(y), middle, inner, factor];
      backend.run('sumMiddle', outer, args, { grain: Math.ceil(16384 / (middle * inner)) });
    }
    return y;
  };
}
