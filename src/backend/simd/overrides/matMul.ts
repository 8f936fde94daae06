import type { TensorInfo } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';
import type { SimdBackend } from '../simdBackend.js';
import { SimdBackend as Backend } from '../simdBackend.js';
import { floats, type FastKernel, type Inputs } from './override.js';

interface MatMulAttributes {
  transposeA: boolean;
  transposeB: boolean;
}

const WORTHWHILE = 4096;

/** The product of two matrices. */
export const batchMatMul: FastKernel<MatMulAttributes> = (backend, inputs, attributes) =>
  product(backend, inputs, attributes, false);

/** A dense layer: the product with a bias for each column, which the tiles start from, and its ReLU. */
export const fusedMatMul: FastKernel<MatMulAttributes & { activation?: string }> = (backend, inputs, attributes) => {
  const { activation = 'linear' } = attributes;
  return ['linear', 'relu'].includes(activation)
    ? product(backend, inputs, attributes, activation === 'relu')
    : undefined;
};

/** The product on the convolution's tiles: rows of a are pixels, columns of b output channels. */
function product(
  backend: SimdBackend,
  { a, b, bias }: Inputs,
  { transposeA, transposeB }: MatMulAttributes,
  relu: boolean,
): TensorInfo | undefined {
  if (!floats(a, b, bias) || a.shape.length < 2) return undefined;
  const [aRows, aColumns] = a.shape.slice(-2);
  const [bRows, bColumns] = b.shape.slice(-2);
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [inner, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  const [aBatch, bBatch] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  if (inner !== k || n > Backend.ZEROS || m * k * n < WORTHWHILE) return undefined;
  if (!tf.util.arraysEqual(aBatch, bBatch)) return undefined;
  if (bias && !(bias.shape.at(-1) === n && tf.util.sizeFromShape(bias.shape) === n)) return undefined;
  const y = backend.output([...aBatch, m, n]);
  const batches = aBatch.reduce((p, q) => p * q, 1);
  for (let i = 0; i < batches; i++) multiply(backend, i, { a, b, bias, y, m, k, n, transposeA, transposeB, relu });
  return y;
}

interface Product extends MatMulAttributes {
  a: TensorInfo;
  b: TensorInfo;
  bias?: TensorInfo;
  y: TensorInfo;
  m: number;
  k: number;
  n: number;
  relu: boolean;
}

function multiply(backend: SimdBackend, i: number, p: Product): void {
  const { a, b, bias, y, m, k, n, transposeA, transposeB, relu } = p;
  const panels = Math.ceil(n / 8);
  const packedBytes = panels * k * 8 * 4;
  const [pa, pb, py] = [
    backend.pointer(a) + i * m * k * 4,
    backend.pointer(b) + i * k * n * 4,
    backend.pointer(y) + i * m * n * 4,
  ];
  const start = bias ? backend.pointer(bias) : backend.zeros;
  backend.withBlock(packedBytes + k * 4, (packed) => {
    const offsets = packed + packedBytes;
    // b is a 1x1 filter; read transposed, [n, k] is one with its channels exchanged.
    const shape = transposeB ? [n, k] : [k, n];
    const grain = Math.ceil(4096 / k);
    backend.run('packFilter', panels, [pb, packed, 1, ...shape, 0, 1, 0, 1, 1, Number(transposeB)], { grain });
    backend.pool.kernels.pixelOffsets(offsets, 1, 1, k, transposeA ? m : 1, 0, 0, 1);
    const rowsPerItem = 24;
    const items = Math.ceil(m / rowsPerItem);
    const args = [pa, packed, start, py, offsets, m, transposeA ? 4 : k * 4, k, n, Number(relu), rowsPerItem];
    backend.run('multiplyRows', items, args, { grain: Math.ceil(65536 / (rowsPerItem * k * n)), scratch: 1024 });
  });
}
