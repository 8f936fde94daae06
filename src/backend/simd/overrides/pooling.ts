import * as tf from '@tensorflow/tfjs';
import type { SimdBackend } from '../simdBackend.js';
import type { Pool, WindowAttributes } from './geometry.js';
import { maxPoolCodes } from './int8.js';
import { floats, isRecording, type FastKernel, type FastKernels } from './override.js';

interface PoolAttributes extends WindowAttributes {
  filterSize: [number, number] | number;
}

/** Returns the geometry of a pool, or undefined where the fast kernels do not apply. */
function pool(
  xShape: number[],
  { filterSize, strides, pad, dilations, dimRoundingMode }: PoolAttributes,
): Pool | undefined {
  const info = tf.backend_util.computePool2DInfo(
    xShape as [number, number, number, number],
    filterSize,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
  );
  if (info.dilationHeight !== 1 || info.dilationWidth !== 1 || info.strideHeight !== info.strideWidth) return undefined;
  const { top, left } = info.padInfo;
  if (info.outHeight < 1 || info.outWidth < 1) return undefined;
  // Every window must see the image: it is enough to check the first and the last.
  const [lastRow, lastColumn] = [(info.outHeight - 1) * info.strideHeight, (info.outWidth - 1) * info.strideWidth];
  if (top >= info.filterHeight || left >= info.filterWidth) return undefined;
  if (lastRow - top >= info.inHeight || lastColumn - left >= info.inWidth) return undefined;
  const window = [info.filterHeight, info.filterWidth, info.strideHeight, top, left, info.outHeight, info.outWidth];
  return {
    batch: info.batchSize,
    args: [info.inHeight, info.inWidth, info.inChannels, ...window],
    outShape: info.outShape,
    outHeight: info.outHeight,
  };
}

/** The same for max pooling: a byte must hold the number of a tap. */
function maximumPool(xShape: number[], attributes: PoolAttributes): Pool | undefined {
  const p = pool(xShape, attributes);
  const [, , , height = 0, width = 0] = p?.args ?? [];
  return height * width <= 255 ? p : undefined;
}

/**
 * Whether dy has the shape of the output. tfjs's gradients ignore `dimRoundingMode`: a dy of another size is left to
 * its own kernels.
 */
const isOutput = (p: Pool, dy: tf.TensorInfo): boolean => tf.util.arraysEqual(dy.shape, p.outShape);

/** Computes the maxima and, if `positions` is not 0, which tap each came from: one byte per value. */
function findMaxima(backend: SimdBackend, p: Pool, x: number, y: number, positions: number): void {
  const [, , channels, kh, kw, , , , , outWidth] = p.args;
  const three = kh === 3 && kw === 3;
  const scratch = three ? 3 * 2 * 4 * outWidth * (channels + 3) + 64 : undefined;
  backend.run(three ? 'maxPool3' : 'maxPool', p.batch * p.outHeight, [x, y, positions, ...p.args], { scratch });
}

const maxPool: FastKernel<PoolAttributes> = (backend, { x }, attributes) => {
  const p = floats(x) ? maximumPool(x.shape, attributes) : undefined;
  if (!p) return undefined;
  const codes = isRecording() ? undefined : maxPoolCodes(backend, x, p);
  if (codes) return codes;
  const y = backend.output(p.outShape);
  // The gradient needs the positions of the maxima; without a tape there is no gradient.
  const positions = isRecording() ? backend.heap.allocate(tf.util.sizeFromShape(p.outShape)) : 0;
  findMaxima(backend, p, backend.pointer(x), backend.pointer(y), positions);
  if (positions) backend.dataOf(y).companion = positions;
  return y;
};

const maxPoolGrad: FastKernel<PoolAttributes> = (backend, { dy, input, output }, attributes) => {
  const p = floats(dy, input, output) ? maximumPool(input.shape, attributes) : undefined;
  if (!p || !isOutput(p, dy)) return undefined;
  const dx = backend.output(input.shape);
  const scatter = (positions: number): void => {
    const args = [backend.pointer(dy), positions, backend.pointer(dx), ...p.args];
    backend.run('maxPoolGradient', p.batch, args, { scratch: 1024 });
  };
  const kept = backend.dataOf(output).companion;
  if (kept !== undefined) scatter(kept);
  else {
    backend.withBlock(tf.util.sizeFromShape(p.outShape), (positions) => {
      findMaxima(backend, p, backend.pointer(input), backend.pointer(output), positions);
      scatter(positions);
    });
  }
  return dx;
};

const avgPool: FastKernel<PoolAttributes> = (backend, { x }, attributes) => {
  const p = floats(x) ? pool(x.shape, attributes) : undefined;
  if (!p) return undefined;
  const y = backend.output(p.outShape);
  backend.run('averagePool', p.batch * p.outHeight, [backend.pointer(x), backend.pointer(y), ...p.args]);
  return y;
};

const avgPoolGrad: FastKernel<PoolAttributes> = (backend, { dy, input }, attributes) => {
  const p = floats(dy, input) ? pool(input.shape, attributes) : undefined;
  if (!p || !isOutput(p, dy)) return undefined;
  const dx = backend.output(input.shape);
  backend.run('averagePoolGradient', p.batch, [backend.pointer(dy), backend.pointer(dx), ...p.args]);
  return dx;
};

export const pools: FastKernels = {
  MaxPool: maxPool,
  MaxPoolGrad: maxPoolGrad,
  AvgPool: avgPool,
  AvgPoolGrad: avgPoolGrad,
};
