import * as tf from '@tensorflow/tfjs';
import { batchNormGradients, batchNormKernels } from './overrides/batchNorm.js';
import { convolutions } from './overrides/conv2d.js';
import { copies } from './overrides/copies.js';
import { depthwiseConvolutions } from './overrides/depthwise.js';
import { elementwise, reluGrad, reluGradient } from './overrides/elementwise.js';
import { convBiasGradient, fusedKernels, hardConcreteGradient } from './overrides/fused.js';
import { products } from './overrides/matMul.js';
import { heldNow, override, type FastKernels, type Inputs, type OwnKernels } from './overrides/override.js';
import { pools } from './overrides/pooling.js';
import { SimdBackend } from './simdBackend.js';
import { bestVariant, type Variant } from './wasm.js';

/** What replaces the cpu backend's kernels where it applies. */
const fast: FastKernels = {
  ...convolutions,
  ...depthwiseConvolutions,
  ...pools,
  ...copies,
  ...products,
  ...elementwise,
};
const own: OwnKernels = { ...batchNormKernels, ...fusedKernels, SparsebookReluGrad: reluGrad };
const gradients = [convBiasGradient, reluGradient, hardConcreteGradient, ...batchNormGradients];

interface SimdOptions {
  /** Threads that compute, the caller's included. */
  threads: number;
  /** Default: the best that this Node can compile. */
  variant?: Variant;
}

/** Registers the `simd` backend and its kernels with tfjs, in place of an earlier one. It runs once `tf.setBackend('simd')` is called. */
export function registerSimd({ threads, variant = bestVariant() }: SimdOptions): SimdBackend {
  const backend = new SimdBackend(variant, threads);
  if (tf.findBackendFactory('simd') !== null) tf.removeBackend('simd');
  else registerKernels();
  tf.registerBackend('simd', () => backend);
  return backend;
}

function registerKernels(): void {
  tf.copyRegisteredKernels('cpu', 'simd');
  for (const [name, kernel] of Object.entries(fast)) override(name, kernel);
  for (const [kernelName, kernel] of Object.entries(own)) {
    tf.registerKernel({
      kernelName,
      backendName: 'simd',
      kernelFunc: ({ backend, inputs, attrs }) =>
        kernel(backend as SimdBackend, heldNow(inputs as Inputs), attrs as never),
    });
  }
  gradients.forEach(tf.registerGradient);
}
