import * as tf from '@tensorflow/tfjs';
import { requestDevice } from './device.js';
import { loadPackage } from './loadPackage.js';
import { checkedBackend, type WebgpuBackend } from './webgpuBackend.js';

let registered: { backend: WebgpuBackend; device: string } | undefined;

/**
 * Registers the `webgpu` backend with tfjs, once or in place of one that failed, and returns the name of its device.
 * The backend computes once `tf.setBackend('webgpu')` is called. A bundle for Node passes its own way to load tfjs's
 * package. Throws a UserError if a package or a device is missing.
 */
export async function registerWebgpu(load = loadPackage): Promise<string> {
  if (registered && !registered.backend.fault) return registered.device;
  const { device, info } = await requestDevice();
  const { WebGPUBackend } = await load();
  const backend = checkedBackend(WebGPUBackend, device, info);
  if (!registered) replaceKernels();
  // The existing backend is the package's own, or the one that failed.
  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => backend, 0);
  registered = { backend, device: info.description || info.device || info.vendor || 'an unnamed device' };
  return registered.device;
}

/** Kernels that compute wrong values, or lose NaN: without them tfjs refuses the operation by name. */
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

/** Replacements for kernels that take NaN for a number on some devices, composed of kernels that do not. */
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

/** Makes the backend watch every operation, and add as many tensors at a time as the device can bind. */
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

/** Adds from the left, in parts that need, with their result, no more buffers than a shader can bind. */
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
