import * as tf from '@tensorflow/tfjs';
import type { Batch } from '../data/batches.js';

/** A batch as tensors, images [N, H, W, C] and labels [N]; the caller disposes both. */
export function inputOf({ images, labels, size, shape }: Batch): { x: tf.Tensor4D; labels: tf.Tensor1D } {
  return { x: tf.tensor4d(images, [size, ...shape]), labels: tf.tensor1d(labels, 'int32') };
}

/** [N]: 1 for each row of logits [N, classes] that is largest at its label [N], else 0. The caller disposes it. */
export function isRight(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  return tf.tidy(() => logits.argMax<tf.Tensor1D>(1).equal(labels).toFloat() as tf.Tensor1D);
}

/** How many rows of logits [N, classes] are largest at their label [N]. The caller disposes the scalar. */
export function rightAnswers(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => isRight(logits, labels).sum().asScalar());
}
