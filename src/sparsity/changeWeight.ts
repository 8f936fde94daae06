import * as tf from '@tensorflow/tfjs';
import type { Weight } from '../layers/layer.js';

/** Changes the values of a weight, flat, in place. */
export function changeWeight(weight: Weight, change: (values: Float32Array) => void): void {
  const values = weight.read().dataSync<'float32'>().slice();
  change(values);
  tf.tidy(() => void weight.write(tf.tensor(values, weight.shape as number[])));
}
