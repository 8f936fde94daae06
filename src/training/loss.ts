import * as tf from '@tensorflow/tfjs';
import type { Batch } from '../data/batches.js';
import { forward } from '../graph/gates.js';
import { activationOf } from '../graph/layerRole.js';
import { check, number } from '../rules.js';

/** The mean loss of logits [N, classes] against labels [N], before any penalty. The caller disposes it. */
export type Loss = (logits: tf.Tensor2D, labels: tf.Tensor1D) => tf.Scalar;

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** The share of each label that is divided equally among all classes, from 0 to less than 1. Default 0. */
  label_smoothing?: number;
}

/**
 * Mean cross-entropy in nats, -sum of t ln softmax(logits), with targets t = (1 - s) one-hot + s / classes for a label
 * smoothing s (Szegedy et al. 2016, section 7), as in PyTorch. Throws a UserError for an s outside of [0, 1).
 */
export function crossEntropy({ label_smoothing = 0 }: CrossEntropyOptions = {}): Loss {
  check('label_smoothing', label_smoothing, number({ min: 0, below: 1 }));
  return (logits, labels) =>
    tf.tidy(() => {
      const [, classes] = logits.shape;
      // tf.oneHot refuses a single class, whose share is 1.
      const targets = classes === 1 ? tf.ones(logits.shape) : tf.oneHot(labels, classes);
      return tf.losses.softmaxCrossEntropy(targets, logits, undefined, label_smoothing).asScalar();
    });
}

/** A batch as tensors, images [N, H, W, C] and labels [N]; the caller disposes both. */
export function inputOf({ images, labels, size, shape }: Batch): { x: tf.Tensor4D; labels: tf.Tensor1D } {
  return { x: tf.tensor4d(images, [size, ...shape]), labels: tf.tensor1d(labels, 'int32') };
}

/** Smaller probabilities are raised to this before their logarithm is taken. */
const LEAST = 1e-30;

/** The layer that computes a network's first output, also inside nested networks, and its activation. */
export function lastActivation(model: tf.LayersModel): { layer: string; activation: string } {
  let last: tf.layers.Layer = model;
  while (last instanceof tf.LayersModel) last = last.outputs[0].sourceLayer;
  return { layer: last.name, activation: last.getClassName() === 'Softmax' ? 'softmax' : activationOf(last) };
}

/**
 * A network's logits [N, classes] for images [N, H, W, C]. If the network ends with a softmax, they are the logarithms
 * of its probabilities, because softmax(ln p) = p. `options` are those of `forward`. The caller disposes them.
 */
export function logitsOf(model: tf.LayersModel, x: tf.Tensor, options?: Parameters<typeof forward>[2]): tf.Tensor2D {
  return tf.tidy(() => {
    const outputs = forward(model, x, options) as tf.Tensor2D;
    // Networks from Keras often output probabilities.
    return lastActivation(model).activation === 'softmax'
      ? (outputs.clipByValue(LEAST, 1).log() as tf.Tensor2D)
      : outputs;
  });
}

/** [N]: 1 for each row of logits [N, classes] that is largest at its label [N], else 0. The caller disposes it. */
export function isRight(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  return tf.tidy(() => logits.argMax<tf.Tensor1D>(1).equal(labels).toFloat() as tf.Tensor1D);
}
