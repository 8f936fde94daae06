import * as tf from '@tensorflow/tfjs';
import type { Batch } from '../data/batches.js';
import { imageSize } from '../data/imageSet.js';

/** A batch as tensors; the caller disposes both. */
export function inputOf({ images, labels, size }: Batch): { x: tf.Tensor4D; labels: tf.Tensor1D } {
  return { x: tf.tensor4d(images, [size, imageSize, imageSize, 3]), labels: tf.tensor1d(labels, 'int32') };
}

/** How many rows of logits [N, classes] are largest at their label [N]. The caller disposes the scalar. */
export function rightAnswers(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => logits.argMax(1).equal(labels).sum().asScalar().toFloat());
}
