import * as tf from '@tensorflow/tfjs';

/**
 * Makes sure that no other tensor shares a variable's values, before they are changed in place: tfjs lets clones and
 * assigned tensors share them, and a copy of the best weights so far must stay what it is.
 */
export function ownValues(variable: tf.Variable): void {
  if (tf.backend().refCount(variable.dataId) < 2) return;
  tf.tidy(() => variable.assign(variable.mul(1)));
}
