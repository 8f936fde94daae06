import * as tf from '@tensorflow/tfjs';
import type { Batch } from '../data/batches.js';
import { imageSize } from '../data/imageSet.js';

/** A batch as tensors; the caller disposes both. */
export function inputOf({ images, labels, size }: Batch): { x: tf.Tensor4D; labels: tf.Tensor1D } {
  return { x: tf.tensor4d(images, [size, imageSize, imageSize, 3]), labels: tf.tensor1d(labels, 'int32') };
}

/**
 * Mean cross-entropy in nats and number of right answers of logits [N, classes] against labels [N]. The caller disposes
 * both scalars.
 */
export function batchScores(logits: tf.Tensor2D, labels: tf.Tensor1D): { crossEntropy: tf.Scalar; right: tf.Scalar } {
  return tf.tidy(() => {
    const crossEntropy = tf.losses.softmaxCrossEntropy(tf.oneHot(labels, logits.shape[1]), logits).asScalar();
    const right = logits.argMax(1).equal(labels).sum().asScalar();
    return { crossEntropy, right: right.toFloat() };
  });
}
