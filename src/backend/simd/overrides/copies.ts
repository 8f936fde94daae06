import * as tf from '@tensorflow/tfjs';
import type { SimdBackend } from '../simdBackend.js';
import { concatCodes } from './int8.js';
import type { Inputs } from '../kernelCall.js';
import { floats, type FastKernel, type FastKernels } from './override.js';
import type { Strided } from '../tensorData.js';

const { sizeFromShape } = tf.util;

/** The fewest floats that are worth a chunk of their own. */
const GRAIN_FLOATS = 16384;

function copyColumns(backend: SimdBackend, from: Strided, to: Strided, columns: number, rows: number): void {
  const args = [from.pointer, from.row * 4, to.pointer, to.row * 4, columns];
  backend.run('copyColumns', rows, args, { grain: Math.ceil(GRAIN_FLOATS / columns) });
}

/** A shape divided at one axis: `rows` rows of `row` floats; one step along the axis is `step` floats. */
function along(shape: number[], axis: number): { rows: number; row: number; step: number } {
  const [rows, row, step] = [shape.slice(0, axis), shape.slice(axis), shape.slice(axis + 1)].map(sizeFromShape);
  return { rows, row, step };
}

const concat: FastKernel<{ axis: number }> = (backend, inputs: Inputs, { axis }) => {
  const parts = Object.values(inputs);
  if (!floats(...parts) || parts.length < 2) return undefined;
  const [$axis] = tf.util.parseAxisParam(axis, parts[0].shape);
  const shapes = parts.map((t) => t.shape);
  tf.backend_util.assertParamsConsistent(shapes, $axis);
  const shape = tf.backend_util.computeOutShape(shapes, $axis);
  const codes = $axis === shape.length - 1 ? concatCodes(backend, parts, shape) : undefined;
  if (codes) return codes;
  const y = backend.output(shape);
  const { rows, row } = along(y.shape, $axis);
  let pointer = backend.pointer(y);
  for (const part of parts) {
    const columns = along(part.shape, $axis).row;
    const work = $axis === y.shape.length - 1 ? backend.deferred(part) : undefined;
    if (work?.write) work.write(pointer, row);
    else copyColumns(backend, { pointer: backend.pointer(part), row: columns }, { pointer, row }, columns, rows);
    pointer += columns * 4;
  }
  return y;
};

function takeAlong(backend: SimdBackend, x: tf.TensorInfo, axis: number, begin: number, size: number): tf.TensorInfo {
  const { rows, row, step } = along(x.shape, axis);
  const y = backend.output(x.shape.map((n, i) => (i === axis ? size : n)));
  const from = { pointer: backend.pointer(x) + begin * step * 4, row };
  copyColumns(backend, from, { pointer: backend.pointer(y), row: size * step }, size * step, rows);
  return y;
}

/** Returns channels [begin, begin + size) of x, which are copied only if they are needed side by side. */
function viewColumns(backend: SimdBackend, x: tf.TensorInfo, begin: number, size: number): tf.TensorInfo {
  const shape = [...x.shape.slice(0, -1), size];
  const view = { pointer: backend.pointer(x) + begin * 4, row: x.shape[x.shape.length - 1] };
  const rows = sizeFromShape(shape) / size;
  const write = (pointer: number, row: number): void => copyColumns(backend, view, { pointer, row }, size, rows);
  return backend.defer(shape, { reads: [x], view, write });
}

const splitV: FastKernel<{ numOrSizeSplits: number[] | number; axis: number }> = (
  backend,
  { x },
  { numOrSizeSplits, axis },
) => {
  if (!floats(x)) return undefined;
  const [$axis] = tf.util.parseAxisParam(axis, x.shape);
  const sizes = tf.backend_util.prepareSplitSize(x, numOrSizeSplits, $axis);
  if (sizes.some((size) => size < 1)) return undefined;
  const last = $axis === x.shape.length - 1;
  let begin = 0;
  return sizes.map((size) => {
    const from = begin;
    begin += size;
    return last ? viewColumns(backend, x, from, size) : takeAlong(backend, x, $axis, from, size);
  });
};

/**
 * Returns images [N, H, W, C] with a border of zeros if top and left are negative, or the part of them that begins at
 * top and left.
 */
function framed(
  backend: SimdBackend,
  x: tf.TensorInfo,
  [top, left]: number[],
  [rows, columns]: number[],
): tf.TensorInfo {
  const [n, height, width, channels] = x.shape;
  const y = backend.output([n, rows, columns, channels]);
  const args = [backend.pointer(x), backend.pointer(y), height, width, channels, top, left, rows, columns];
  backend.run('padImages', n, args, { grain: Math.ceil(GRAIN_FLOATS / (rows * columns * channels)), images: n });
  return y;
}

/** Adds a border of zeros around images. */
const pad: FastKernel<{ paddings: [number, number][]; constantValue: number }> = (
  backend,
  { x },
  { paddings, constantValue },
) => {
  if (!floats(x) || x.shape.length !== 4 || constantValue !== 0) return undefined;
  if (paddings.flat().some((n) => n < 0) || [paddings[0], paddings[3]].flat().some((n) => n > 0)) return undefined;
  const [rows, columns] = [1, 2].map((axis) => x.shape[axis] + paddings[axis][0] + paddings[axis][1]);
  return framed(backend, x, [-paddings[1][0], -paddings[2][0]], [rows, columns]);
};

/** A slice that cuts one axis only (a batch, some channels), or rows and columns of images. */
const slice: FastKernel<{ begin: number | number[]; size: number | number[] }> = (backend, { x }, { begin, size }) => {
  if (!floats(x) || x.shape.length === 0) return undefined;
  const [$begin, $size] = tf.slice_util.parseSliceParams(x, begin, size);
  const cut = x.shape.flatMap((n, i) => ($size[i] === n ? [] : [i]));
  if (cut.some((i) => $size[i] < 1 || $begin[i] < 0 || $begin[i] + $size[i] > x.shape[i])) return undefined;
  if (cut.length === 1) return takeAlong(backend, x, cut[0], $begin[cut[0]], $size[cut[0]]);
  const ofImages = x.shape.length === 4 && cut.join() === '1,2';
  return ofImages ? framed(backend, x, $begin.slice(1, 3), $size.slice(1, 3)) : undefined;
};

/** The attributes of a resizing of images. */
interface Resizing {
  size: [rows: number, columns: number];
  alignCorners: boolean;
}

/** Repeats x along neighbouring axes of length 1, as a broadcast does. */
const tile: FastKernel<{ reps: number[] }> = (backend, { x }, { reps }) => {
  const repeated = reps.flatMap((n, i) => (n === 1 ? [] : [i]));
  const [first, last] = [repeated[0], repeated[repeated.length - 1]];
  const shape = x.shape.map((n, i) => n * reps[i]);
  if (!floats(x) || repeated.length === 0 || shape.includes(0)) return undefined;
  if (x.shape.slice(first, last + 1).some((n) => n !== 1)) return undefined;
  const [outer, inner] = [x.shape.slice(0, first), x.shape.slice(last + 1)].map(sizeFromShape);
  return repeatRows(backend, x, shape, { outer, inner });
};

/** Repeats each row of x, read as [outer, inner], as often as the shape of the result requires. */
function repeatRows(
  backend: SimdBackend,
  x: tf.TensorInfo,
  shape: number[],
  { outer, inner }: { outer: number; inner: number },
): tf.TensorInfo {
  const y = backend.output(shape);
  const middle = sizeFromShape(shape) / (outer * inner);
  const args = [backend.pointer(x), backend.pointer(y), middle, inner];
  backend.run('repeatMiddle', outer, args, { grain: Math.ceil(GRAIN_FLOATS / (middle * inner)) });
  return y;
}

/** Repeats each pixel the same number of times: first along its row, then whole rows. */
const resizeNearest: FastKernel<Resizing> = (backend, { images }, { size, alignCorners }) => {
  const [n, rows, columns, channels] = images.shape;
  const [height, width] = size;
  if (!floats(images) || alignCorners || height % rows !== 0 || width % columns !== 0) return undefined;
  const wide = repeatRows(backend, images, [n, rows, width, channels], { outer: n * rows * columns, inner: channels });
  const y = repeatRows(backend, wide, [n, height, width, channels], { outer: n * rows, inner: width * channels });
  backend.disposeIntermediateTensorInfo(wide);
  return y;
};

/**
 * Copies the values of x that lie `steps` apart along the axes of `shape`, from the value at `start`, a row at a time.
 */
function walked(
  backend: SimdBackend,
  x: tf.TensorInfo,
  { shape, steps, start = 0 }: { shape: number[]; steps: number[]; start?: number },
): tf.TensorInfo {
  const y = backend.output(shape);
  const [from, to] = [x, y].map((tensor) => backend.heap.floats(backend.pointer(tensor), sizeFromShape(x.shape)));
  const last = shape.length - 1;
  const [length, step] = [shape[last], steps[last]];
  const index = new Int32Array(last);
  let at = start;
  for (let next = 0; next < to.length;) {
    for (let i = 0, read = at; i < length; i++, read += step) to[next++] = from[read];
    for (let axis = last - 1; axis >= 0; axis--) {
      at += steps[axis];
      if (++index[axis] < shape[axis]) break;
      at -= index[axis] * steps[axis];
      index[axis] = 0;
    }
  }
  return y;
}

/** How many floats apart the values of x are along each axis. */
const stridesOf = ({ shape }: tf.TensorInfo): number[] => [...tf.util.computeStrides(shape), 1];

const transpose: FastKernel<{ perm: number[] }> = (backend, { x }, { perm }) => {
  if (!floats(x) || x.shape.length < 2) return undefined;
  const strides = stridesOf(x);
  return walked(backend, x, { shape: perm.map((axis) => x.shape[axis]), steps: perm.map((axis) => strides[axis]) });
};

const reverse: FastKernel<{ dims: number | number[] }> = (backend, { x }, { dims }) => {
  if (!floats(x) || x.shape.length < 2) return undefined;
  const turned = new Set(tf.util.parseAxisParam(dims, x.shape));
  const strides = stridesOf(x);
  const start = [...turned].reduce((sum, axis) => sum + (x.shape[axis] - 1) * strides[axis], 0);
  return walked(backend, x, { shape: x.shape, steps: strides.map((n, axis) => (turned.has(axis) ? -n : n)), start });
};

export const copies: FastKernels = {
  Concat: concat,
  SplitV: splitV,
  Slice: slice,
  PadV2: pad,
  Tile: tile,
  ResizeNearestNeighbor: resizeNearest,
};
export const copiesInJavaScript: FastKernels = { Transpose: transpose, Reverse: reverse };
