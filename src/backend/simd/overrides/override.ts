import * as tf from '@tensorflow/tfjs';
import { mapInputs, type Inputs, type Outputs } from '../kernelCall.js';
import type { SimdBackend } from '../simdBackend.js';

/**
 * A fast kernel. It answers undefined where it does not apply (a layout, a dtype, a dilation); the cpu backend's kernel
 * then does the work.
 */
export type FastKernel<Attributes> = (
  backend: SimdBackend,
  inputs: Inputs,
  attributes: Attributes,
) => Outputs | undefined;

/** Fast kernels by the names that tfjs has for what they do, each with attributes of its own. */
export type FastKernels = Record<string, FastKernel<never>>;

/** Kernels that only this backend has. */
export type OwnKernels = Record<string, (backend: SimdBackend, inputs: Inputs, attributes: never) => Outputs>;

/** Inputs by the values they hold now: a variable can be assigned others before work that was put off reads it. */
export function heldNow(inputs: Inputs): Inputs {
  if (!Object.values(inputs).some((tensor) => tensor instanceof tf.Variable)) return inputs;
  return mapInputs(inputs, ({ dataId, shape, dtype }) => ({ dataId, shape, dtype }));
}

/** What tfjs fuses behind a convolution or a product. */
export interface ActivationAttributes {
  activation?: string;
  leakyreluAlpha?: number;
}

/** The kernels of the activations that tfjs fuses. */
const ACTIVATIONS = new Map([
  ['relu', 'Relu'],
  ['relu6', 'Relu6'],
  ['elu', 'Elu'],
  ['sigmoid', 'Sigmoid'],
  ['leakyrelu', 'LeakyRelu'],
  ['prelu', 'Prelu'],
]);

/** Whether this backend has an activation; another one is the cpu kernel's to refuse. */
export function hasActivation({ activation = 'linear' }: ActivationAttributes): boolean {
  return activation === 'linear' || ACTIVATIONS.has(activation);
}

/** The activation of y, which it disposes; prelu's slopes are `alpha`. */
export function activated(
  backend: SimdBackend,
  y: tf.TensorInfo,
  { activation = 'linear', leakyreluAlpha }: ActivationAttributes,
  alpha?: tf.TensorInfo,
): tf.TensorInfo {
  const name = ACTIVATIONS.get(activation);
  if (!name) return y;
  const inputs: Inputs = { x: y, ...(alpha && { alpha }) };
  const { kernelFunc } = tf.getKernel(name, 'simd');
  const result = kernelFunc({ inputs, backend, attrs: name === 'LeakyRelu' ? { alpha: leakyreluAlpha! } : {} });
  backend.disposeIntermediateTensorInfo(y);
  return result as tf.TensorInfo;
}

/** Whether all tensors hold floats and none is empty: what every fast kernel asks for. */
export function floats(...tensors: (tf.TensorInfo | undefined)[]): boolean {
  return tensors.every((t) => t === undefined || (t.dtype === 'float32' && !t.shape.includes(0)));
}

/** Whether tfjs records operations for a gradient just now. */
export function isRecording(): boolean {
  return (tf.engine() as unknown as { state: { gradientDepth: number } }).state.gradientDepth > 0;
}

/** Whether a gradient of these can be one of our kernels: on our backend, where nothing differentiates the gradient. */
export function inOnePass(...tensors: tf.TensorInfo[]): boolean {
  return tf.getBackend() === 'simd' && !isRecording() && floats(...tensors);
}

interface EngineState {
  gradientDepth: number;
  activeScope: { name: string; id: number };
}

/**
 * Prepares, inside of a gradient function, to dispose its dy once it is no longer read: tfjs itself would keep it until
 * the whole backward pass is over, half a gigabyte more for GoogleNet. What the caller of tf.grad passed in (it lies in
 * another scope) is kept, and everything while a higher-order gradient is recorded.
 */
export function releaseAfterUse(dy: tf.Tensor): () => void {
  const { gradientDepth, activeScope } = (tf.engine() as unknown as { state: EngineState }).state;
  const ours = (dy as unknown as { scopeId: number }).scopeId === activeScope.id && activeScope.name === 'backward';
  return () => {
    if (ours && gradientDepth === 0) dy.dispose();
  };
}
