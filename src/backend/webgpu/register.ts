import * as tf from '@tensorflow/tfjs';
import { requestDevice } from './device.js';
import { loadPackage } from './loadPackage.js';
import { checkedBackend, type WebgpuBackend } from './webgpuBackend.js';

let registered: { backend: WebgpuBackend; device: string } | undefined;

/**
 * Registers the `webgpu` backend with tfjs, once, or in place of one that failed, and returns what it computes on. It
 * runs once `tf.setBackend('webgpu')` is called. A bundle for Node says how it loads tfjs's package. Throws a UserError
 * where a package or a device is missing.
 */
export async function registerWebgpu(load = loadPackage): Promise<string> {
  if (registered && !registered.backend.fault) return registered.device;
  const { device, info } = await requestDevice();
  const { WebGPUBackend } = await load();
  const backend = checkedBackend(WebGPUBackend, device, info);
  if (!registered) replaceKernels();
  // There is the package's own, or the one that failed.
  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => backend, 0);
  registered = { backend, device: info.description || info.device || info.vendor || 'an unnamed device' };
  return registered.device;
}

/** Kernels that compute something wrong, or lose NaN: without them tfjs refuses the operation by name. */
const WRONG = [
  'Acosh',
  'Asinh',
  'Atanh',
  'Bincount',
  'Cumprod',
  'Cumsum',
  'Prod',
  'SparseSegmentMean',
  'SparseSegmentSum',
];

/** Kernels that take NaN for a number on some devices, made of those that do not. */
const COMPOSED: Record<string, tf.KernelFunc> = {
  Sigmoid: ({ inputs: { x } }) =>
    tf.tidy(() =>
      tf
        .neg(x as tf.Tensor)
        .exp()
        .add(1)
        .reciprocal(),
    ),
  Softmax: ({ inputs: { logits }, attrs }) =>
    tf.tidy(() => {
      const axis = attrs!.dim as number;
      const powers = tf.sub(logits as tf.Tensor, tf.max(logits as tf.Tensor, axis, true)).exp();
      return powers.div(powers.sum(axis, true));
    }),
};

/** Lets every operation be watched, and sums be made of as many tensors at a time as the device binds. */
function replaceKernels(): void {
  for (const kernel of tf.getKernelsForBackend('webgpu')) {
    const { kernelName, kernelFunc } = kernel;
    tf.unregisterKernel(kernelName, 'webgpu');
    if (WRONG.includes(kernelName)) continue;
    const compute = kernelName === 'AddN' ? inParts(kernelFunc) : (COMPOSED[kernelName] ?? kernelFunc);
    tf.registerKernel({
      ...kernel,
      kernelFunc: (call) => (call.backend as WebgpuBackend).watch(kernelName, () => compute(call)),
    });
  }
}

/** A sum from the left, whose parts with their result are no more buffers than a shader may bind. */
function inParts(add: tf.KernelFunc): tf.KernelFunc {
  return ({ inputs, backend, attrs }) => {
    const webgpu = backend as WebgpuBackend;
    const most = webgpu.device.limits.maxStorageBuffersPerShaderStage - 1;
    const [first, ...rest] = inputs as unknown as tf.TensorInfo[];
    let sum = first;
    do {
      const part = [sum, ...rest.splice(0, most - 1)];
      const next = add({ inputs: part as unknown as tf.NamedTensorInfoMap, backend, attrs }) as tf.TensorInfo;
      if (sum !== first) webgpu.disposeData(sum.dataId);
      sum = next;
    } while (rest.length > 0);
    return sum;
  };
}
