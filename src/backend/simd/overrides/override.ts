import * as tf from '@tensorflow/tfjs';
import { mapInputs, type Inputs, type Outputs } from '../kernelCall.js';
import type { SimdBackend } from '../simdBackend.js';

/**
 * A fast kernel. It returns undefined where it does not apply (a layout, a dtype, a dilation); the cpu backend's kernel
 * then does the work.
 */
export type FastKernel<Attributes> = (
  backend: SimdBackend,
  inputs: Inputs,
  attributes: Attributes,
) => Outputs | undefined;

/** Fast kernels by tfjs's names for their operations, each with its own attributes. */
export type FastKernels = Record<string, FastKernel<never>>;

/** Kernels that only this backend has. */
export type OwnKernels = Record<string, (backend: SimdBackend, inputs: Inputs, attributes: never) => Outputs>;

/** Fixes inputs to the values they hold now: a variable may be assigned new ones before deferred work reads it. */
export function heldNow(inputs: Inputs): Inputs {
  if (!Object.values(inputs).some((tensor) => tensor instanceof tf.Variable)) return inputs;
  return mapInputs(inputs, ({ dataId, shape, dtype }) => ({ dataId, shape, dtype }));
}

/** The activation that tfjs fuses with a convolution or a product. */
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

/** Whether this backend has an activation; the cpu kernel refuses unknown ones. */
export function hasActivation({ activation = 'linear' }: ActivationAttributes): boolean {
  return activation === 'linear' || ACTIVATIONS.has(activation);
}

/** Applies an activation to y and disposes y; `alpha` has the slopes of prelu. */
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

/** Whether all tensors hold floats and none is empty, as every fast kernel requires. */
export function floats(...tensors: (tf.TensorInfo | undefined)[]): boolean {
  return tensors.every((t) => t === undefined || (t.dtype === 'float32' && !t.shape.includes(0)));
}

/** Whether tfjs is recording operations for a gradient. */
export function isRecording(): boolean {
  return (tf.engine() as unknown as { state: { gradientDepth: number } }).state.gradientDepth > 0;
}

/**
 * Whether a gradient of these tensors can be one of our kernels: on our backend, while nothing differentiates the
 * gradient.
 */
export function inOnePass(...tensors: tf.TensorInfo[]): boolean {
  return tf.getBackend() === 'simd' && !isRecording() && floats(...tensors);
}

interface EngineState {
  gradientDepth: number;
  activeScope: { name: string; id: number };
}

/**
 * Returns a function that disposes dy, for a gradient function to call once it no longer reads dy: tfjs itself would
 * keep it until the whole backward pass is over, half a gigabyte more for GoogleNet. A dy that the caller of tf.grad
 * passed in (it lies in another scope) is kept, as is every dy while a higher-order gradient is recorded.
 */
export function releaseAfterUse(dy: tf.Tensor): () => void {
  const { gradientDepth, activeScope } = (tf.engine() as unknown as { state: EngineState }).state;
  const ours = (dy as unknown as { scopeId: number }).scopeId === activeScope.id && activeScope.name === 'backward';
  return () => {
    if (ours && gradientDepth === 0) dy.dispose();
  };
}
