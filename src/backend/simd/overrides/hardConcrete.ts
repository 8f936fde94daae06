import type { TensorInfo } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';
import type { HardConcreteOptions } from '../../fusedOps.js';
import type { SimdBackend } from '../simdBackend.js';
import type { Inputs } from './override.js';

export function hardConcreteSample(
  backend: SimdBackend,
  { logAlpha }: Inputs,
  options: HardConcreteOptions,
): TensorInfo {
  const { n, seed, offset, temperature, gamma, zeta } = options;
  const channels = logAlpha.shape[0];
  const mask = backend.output([n, channels]);
  const args = [backend.pointer(logAlpha), backend.pointer(mask), channels, seed, offset, temperature, gamma, zeta];
  backend.run('hardConcreteSample', n, args, { grain: Math.ceil(512 / channels) });
  return mask;
}

export function hardConcreteGrad(backend: SimdBackend, { dy, mask }: Inputs, options: HardConcreteOptions): TensorInfo {
  const [n, channels] = mask.shape;
  const { temperature, gamma, zeta } = options;
  const dlogAlpha = backend.output([channels]);
  const args = [
    backend.pointer(dy),
    backend.pointer(mask),
    backend.pointer(dlogAlpha),
    n,
    channels,
    temperature,
    gamma,
    zeta,
  ];
  backend.run('hardConcreteGradient', channels, args, { grain: Math.ceil(8192 / n) });
  return dlogAlpha;
}

export const hardConcreteGradient: tf.GradConfig = {
  kernelName: 'SparsebookHardConcreteSample',
  outputsToSave: [true],
  gradFunc: (dy, [mask], attrs) => ({
    logAlpha: () => tf.engine().runKernel('SparsebookHardConcreteSampleGrad', { dy: dy as tf.Tensor, mask }, attrs),
  }),
};
