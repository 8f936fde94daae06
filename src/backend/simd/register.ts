import * as tf from '@tensorflow/tfjs';
import { activationGradients, activationKernels, activations } from './overrides/activations.js';
import { batchNormGradients, batchNormKernels } from './overrides/batchNorm.js';
import { convolutions } from './overrides/conv2d.js';
import { copies, copiesInJavaScript } from './overrides/copies.js';
import { depthwiseConvolutions } from './overrides/depthwise.js';
import { elementwise, reluGrad, reluGradients } from './overrides/elementwise.js';
import { fusedGradients, fusedKernels } from './overrides/fused.js';
import { int8Kernels } from './overrides/int8.js';
import { products } from './overrides/matMul.js';
import type { Inputs } from './kernelCall.js';
import { heldNow, type FastKernel, type FastKernels, type OwnKernels } from './overrides/override.js';
import { pools } from './overrides/pooling.js';
import { maxGradient, meanGradient, reductionKernels, reductions } from './overrides/reductions.js';
import { SimdBackend } from './simdBackend.js';
import { bestVariant, type Variant } from './wasm.js';

/**
 * Replacements for the cpu backend's kernels where they apply: `fast` ones only run jobs on all threads, `plain` ones
 * compute in JavaScript as the cpu backend does.
 */
const fast: FastKernels = {
  ...convolutions,
  ...depthwiseConvolutions,
  ...pools,
  ...copies,
  ...products,
  ...elementwise,
  ...reductions,
  ...activations,
};
const plain: FastKernels = copiesInJavaScript;
const own: OwnKernels = {
  ...batchNormKernels,
  ...activationKernels,
  ...reductionKernels,
  ...fusedKernels,
  ...int8Kernels,
  SparsebookReluGrad: reluGrad,
};
const gradients = [
  meanGradient,
  maxGradient,
  ...reluGradients,
  ...activationGradients,
  ...fusedGradients,
  ...batchNormGradients,
];

interface SimdOptions {
  /** Threads that compute, including the caller's. */
  threads: number;
  /** Default: the best that this engine can compile. */
  variant?: Variant;
}

/**
 * Registers the `simd` backend and its kernels with tfjs, in place of an earlier one. It computes once
 * `tf.setBackend('simd')` is called.
 */
export function registerSimd({ threads, variant = bestVariant() }: SimdOptions): SimdBackend {
  const backend = new SimdBackend(variant, threads);
  if (tf.findBackendFactory('simd') !== null) tf.removeBackend('simd');
  else registerKernels();
  tf.registerBackend('simd', () => backend);
  return backend;
}

/** Registers the cpu backend's kernels, with ours in their place, and the kernels that only this backend has. */
function registerKernels(): void {
  const [fastByName, plainByName] = [fast, plain].map((kernels) => new Map(Object.entries(kernels)));
  for (const config of tf.getKernelsForBackend('cpu')) {
    const better = plainByName.get(config.kernelName);
    const kernelFunc: tf.KernelFunc = (call) =>
      better?.(call.backend as SimdBackend, call.inputs as Inputs, call.attrs as never) ?? config.kernelFunc(call);
    register({ ...config, kernelFunc }, fastByName.get(config.kernelName));
  }
  for (const [kernelName, kernel] of Object.entries(own)) {
    const kernelFunc: tf.KernelFunc = ({ backend, inputs, attrs }) =>
      kernel(backend as SimdBackend, inputs as Inputs, attrs as never);
    register({ kernelName, backendName: 'simd', kernelFunc }, kernel);
  }
  gradients.forEach(tf.registerGradient);
}

/** Registers a kernel, which is computed by `fast` if that is given and applies. */
function register(config: tf.KernelConfig, fast?: FastKernel<never>): void {
  const kernelFunc: tf.KernelFunc = (call) => {
    const [backend, inputs] = [call.backend as SimdBackend, heldNow(call.inputs as Inputs)];
    return backend.compute({
      name: config.kernelName,
      inputs,
      fast: () => fast?.(backend, inputs, call.attrs as never),
      plain: (inputs) => config.kernelFunc({ ...call, inputs }),
    });
  };
  tf.registerKernel({ ...config, backendName: 'simd', kernelFunc });
}
