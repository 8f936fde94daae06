import type * as tf from '@tensorflow/tfjs';
import type { Weight } from '../layers/layer.js';

/** The kernels of a model's convolutions and dense layers, in the model's order: what is pruned and frozen. */
export function prunableWeights(model: tf.LayersModel): Weight[] {
  return model.trainableWeights.filter(({ originalName }) => originalName.endsWith('/kernel'));
}
