import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { leafLayers, weightNames } from '../graph/names.js';
import type { Weight } from '../layers/layer.js';

const lastPart = ({ originalName }: Weight): string => originalName.split('/').at(-1) ?? '';
/** kernel, depthwise_kernel, pointwise_kernel, recurrent_kernel. */
const isKernel = (weight: Weight): boolean => /(^|_)kernel$/.test(lastPart(weight));
/** Weights with more than one axis that are not kernels: gates, maps of biases, slopes. */
const others = ['logAlpha', 'map', 'alpha'];

/**
 * The kernels of a model's layers, in the model's order; these are pruned and frozen. A separable convolution has two.
 *
 * Throws a UserError that names the layer if it is unknown whether a weight with more than one axis is a kernel.
 */
export function prunableWeights(model: tf.LayersModel): Weight[] {
  for (const layer of leafLayers(model)) {
    const unknown = layer.trainableWeights.find(
      (weight) => weight.shape.length > 1 && !isKernel(weight) && !others.includes(lastPart(weight)),
    );
    if (!unknown) continue;
    throw new UserError(
      `The layer ${layer.name} (${layer.getClassName()}) has the weight ${unknown.originalName}, and it is not known ` +
        "whether that is a kernel: call it kernel, or set the layer's trainable to false to leave it out.",
    );
  }
  return model.trainableWeights.filter(isKernel);
}

/** `prunableWeights`, but throws a UserError that names `method` if there are none. */
export function somePrunableWeights(model: tf.LayersModel, method: string): Weight[] {
  const weights = prunableWeights(model);
  if (weights.length > 0) return weights;
  throw new UserError(`${model.name} must have kernels that can be trained for ${method}; it has none.`);
}

/** How many entries weights have, and how many of them are exactly 0. */
export interface ZeroCount {
  entries: number;
  zeros: number;
}

/** Counts the zeros of all weights together. */
export function countZeros(weights: readonly Weight[]): ZeroCount {
  const count: ZeroCount = { entries: 0, zeros: 0 };
  for (const weight of weights) {
    const values = weight.read().dataSync<'float32'>();
    count.entries += values.length;
    for (const value of values) if (value === 0) count.zeros++;
  }
  return count;
}

/** Counts the zeros of each kernel of a network, by the kernel's name, in the network's order. */
export function zeroCounts(model: tf.LayersModel): Map<string, ZeroCount> {
  const names = weightNames(model);
  return new Map(prunableWeights(model).map((kernel) => [names.get(kernel)!, countZeros([kernel])]));
}
