import * as tf from '@tensorflow/tfjs';
import { conv2d, conv2dBackpropFilter, conv2dBackpropInput } from './overrides/conv2d.js';
import { override } from './overrides/override.js';
import { SimdBackend } from './simdBackend.js';
import { bestVariant, type Variant } from './wasm.js';

export interface SimdOptions {
  /** Threads that compute, the caller's included. */
  threads: number;
  /** Default: the best that this Node can compile. */
  variant?: Variant;
}

/** Registers the `simd` backend and its kernels with tfjs, in place of an earlier one. It runs once `tf.setBackend('simd')` is called. */
export function registerSimd({ threads, variant = bestVariant() }: SimdOptions): SimdBackend {
  const backend = new SimdBackend(variant, threads);
  if (tf.findBackendFactory('simd') !== null) tf.removeBackend('simd');
  else {
    tf.copyRegisteredKernels('cpu', 'simd');
    override('Conv2D', conv2d);
    override('Conv2DBackpropInput', conv2dBackpropInput);
    override('Conv2DBackpropFilter', conv2dBackpropFilter);
  }
  tf.registerBackend('simd', () => backend);
  return backend;
}
