import * as tf from '@tensorflow/tfjs';
import {
  batchNormGradients,
  fusedBatchNorm,
  fusedBatchNormGrad,
  fusedBatchNormInference,
} from './overrides/batchNorm.js';
import { conv2d, conv2dBackpropFilter, conv2dBackpropInput } from './overrides/conv2d.js';
import { concat, slice, splitV } from './overrides/copies.js';
import {
  addN,
  binary,
  binaryKernels,
  reduction,
  reluGrad,
  reluGradient,
  unary,
  unaryKernels,
} from './overrides/elementwise.js';
import {
  adamWStep,
  biasGrad,
  convBias,
  convBiasGradient,
  hardConcreteGrad,
  hardConcreteGradient,
  hardConcreteSample,
  sgdStep,
} from './overrides/fused.js';
import { batchMatMul, fusedMatMul } from './overrides/matMul.js';
import { override, type Inputs, type Outputs } from './overrides/override.js';
import { avgPool, avgPoolGrad, maxPool, maxPoolGrad } from './overrides/pooling.js';
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
  else registerKernels();
  tf.registerBackend('simd', () => backend);
  return backend;
}

function registerKernels(): void {
  tf.copyRegisteredKernels('cpu', 'simd');
  override('Conv2D', conv2d);
  override('Conv2DBackpropInput', conv2dBackpropInput);
  override('Conv2DBackpropFilter', conv2dBackpropFilter);
  override('MaxPool', maxPool);
  override('MaxPoolGrad', maxPoolGrad);
  override('AvgPool', avgPool);
  override('AvgPoolGrad', avgPoolGrad);
  override('Concat', concat);
  override('SplitV', splitV);
  override('Slice', slice);
  override('BatchMatMul', batchMatMul);
  override('_FusedMatMul', fusedMatMul);
  override('Sum', reduction(false));
  override('Mean', reduction(true));
  override('AddN', addN);
  for (const name of binaryKernels) override(name, binary(name));
  for (const name of unaryKernels) override(name, unary(name));

  add('SparsebookConvBias', convBias);
  add('SparsebookBiasGrad', biasGrad);
  for (const prefix of ['SparsebookFused', 'SparsebookGated']) {
    add(`${prefix}BatchNorm`, fusedBatchNorm);
    add(`${prefix}BatchNormInference`, fusedBatchNormInference);
  }
  add('SparsebookFusedBatchNormGrad', fusedBatchNormGrad);
  add('SparsebookReluGrad', reluGrad);
  add('SparsebookHardConcreteSample', hardConcreteSample);
  add('SparsebookHardConcreteSampleGrad', hardConcreteGrad);
  add('SparsebookAdamWStep', adamWStep);
  add('SparsebookSgdStep', sgdStep);
  for (const gradient of [convBiasGradient, reluGradient, hardConcreteGradient, ...batchNormGradients])
    tf.registerGradient(gradient);
}

/** A kernel that only this backend has. */
function add<Attributes>(
  kernelName: string,
  kernel: (backend: SimdBackend, inputs: Inputs, attributes: Attributes) => Outputs,
): void {
  tf.registerKernel({
    kernelName,
    backendName: 'simd',
    kernelFunc: ({ backend, inputs, attrs }) => kernel(backend as SimdBackend, inputs as Inputs, attrs as Attributes),
  });
}
