import type { TensorInfo } from '@tensorflow/tfjs';
import type { AdamWOptions, SgdOptions } from '../../fusedOps.js';
import type { SimdBackend } from '../simdBackend.js';
import type { Inputs } from './override.js';

const GRAIN_VECTORS = 4096;

const size = (t: TensorInfo): number => t.shape.reduce((a, b) => a * b, 1);

export function adamWStep(backend: SimdBackend, { param, grad, m, v }: Inputs, options: AdamWOptions): TensorInfo[] {
  backend.settleAll();
  const { learningRate, beta1, beta2, epsilon, weightDecay, step } = options;
  const n = size(param);
  const rate = learningRate / (1 - beta1 ** step);
  const root = 1 / Math.sqrt(1 - beta2 ** step);
  const pointers = [param, grad, m, v].map((t) => backend.pointer(t));
  const args = [
    ...pointers,
    n,
    beta1,
    1 - beta1,
    beta2,
    1 - beta2,
    rate,
    root,
    epsilon,
    1 - learningRate * weightDecay,
  ];
  backend.run('adamW', Math.ceil(n / 4), args, { grain: GRAIN_VECTORS });
  return [];
}

export function sgdStep(backend: SimdBackend, { param, grad, velocity }: Inputs, options: SgdOptions): TensorInfo[] {
  backend.settleAll();
  const n = size(param);
  const pointers = [backend.pointer(param), backend.pointer(grad), backend.pointerOrNull(velocity)];
  const { learningRate, momentum, nesterov, weightDecay } = options;
  const args = [...pointers, n, learningRate, momentum, Number(nesterov), weightDecay];
  backend.run('sgd', Math.ceil(n / 4), args, { grain: GRAIN_VECTORS });
  return [];
}
