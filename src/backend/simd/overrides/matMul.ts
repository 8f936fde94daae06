import * as tf from '@tensorflow/tfjs';
import type { Relu } from '../../fusedOps.js';
import { SimdBackend } from '../simdBackend.js';
import { withPacked } from './convolve.js';
import type { Inputs } from '../kernelCall.js';
import {
  activated,
  floats,
  hasActivation,
  isRecording,
  type ActivationAttributes,
  type FastKernel,
  type FastKernels,
} from './override.js';

interface MatMulAttributes {
  transposeA: boolean;
  transposeB: boolean;
}

const batchMatMul: FastKernel<MatMulAttributes> = (backend, inputs, attributes) =>
  product(backend, inputs, attributes, false);

/**
 * A dense layer: the product with a bias for each column, from which the tiles start; ReLU and ReLU6 in the same pass,
 * other activations after it.
 */
const fusedMatMul: FastKernel<MatMulAttributes & ActivationAttributes> = (backend, inputs, attributes) => {
  if (!hasActivation(attributes)) return undefined;
  const { activation } = attributes;
  if (activation === 'relu') return product(backend, inputs, attributes, true);
  if (activation === 'relu6') return product(backend, inputs, attributes, 6);
  const y = product(backend, inputs, attributes, false);
  return y && activated(backend, y, attributes, inputs.preluActivationWeights);
};

/** The product on the convolution's tiles: rows of a are pixels, columns of b are output channels. */
function product(
  backend: SimdBackend,
  { a, b, bias }: Inputs,
  { transposeA, transposeB }: MatMulAttributes,
  relu: Relu,
): tf.TensorInfo | undefined {
  if (!floats(a, b, bias) || a.shape.length < 2) return undefined;
  const [aRows, aColumns] = a.shape.slice(-2);
  const [bRows, bColumns] = b.shape.slice(-2);
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [inner, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  const [aBatch, bBatch] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  if (inner !== k || n > SimdBackend.ZEROS || m * k * n === 0) return undefined;
  if (!tf.util.arraysEqual(aBatch, bBatch)) return undefined;
  if (bias && !(bias.shape.at(-1) === n && tf.util.sizeFromShape(bias.shape) === n)) return undefined;
  const y = backend.output([...aBatch, m, n]);
  const panels = Math.ceil(n / 8);
  const [pa, pb, py] = [a, b, y].map((tensor) => backend.pointer(tensor));
  const start = bias ? backend.pointer(bias) : backend.zeros;
  // b is a 1x1 filter; a transposed b [n, k] is a filter with its channels exchanged.
  const [cin, cout] = transposeB ? [n, k] : [k, n];
  // As with convolutions: while no gradient is recorded, the weights are likely to be used again.
  const batch = tf.util.sizeFromShape(aBatch);
  const kept = batch === 1 && !isRecording() ? { tensor: b, key: '' } : undefined;
  const form = { form: `product ${transposeB}`, bytes: panels * k * 8 * 4, offsets: k };
  const pack = (from: number, to: number): void =>
    backend.run('packFilter', panels, [from, to, 1, cin, cout, 0, 1, 0, 1, 1, Number(transposeB)], {
      grain: Math.ceil(4096 / k),
    });
  const rowsPerItem = 24;
  const shape = [m, transposeA ? 4 : k * 4, k, n, Number(relu), rowsPerItem];
  const grain = Math.ceil(65536 / (rowsPerItem * k * n));
  for (let i = 0; i < batch; i++) {
    const filter = { pointer: pb + i * k * n * 4, height: 1, width: 1, cin, cout, transposed: transposeB, kept };
    withPacked(backend, filter, form, pack, (packed, offsets) => {
      backend.pool.kernels.pixelOffsets(offsets, 1, 1, k, transposeA ? m : 1, 0, 0, 1);
      const args = [pa + i * m * k * 4, packed, start, py + i * m * n * 4, offsets, ...shape];
      backend.run('multiplyRows', Math.ceil(m / rowsPerItem), args, { grain, scratch: 1024 });
    });
  }
  return y;
}

export const products: FastKernels = { BatchMatMul: batchMatMul, _FusedMatMul: fusedMatMul };
