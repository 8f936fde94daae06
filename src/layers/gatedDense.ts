import * as tf from '@tensorflow/tfjs';
import { defaultHardConcrete, inferenceMask, probabilityNonZero, sampleMask } from './hardConcrete.js';

/**
 * How the paper's own layers use their gates: in training one mask a mini-batch, which multiplies the weights, or one an
 * image, which multiplies activations; or the inference mask.
 */
export type GatedMode = 'minibatch' | 'image' | 'inference';

/** The mask of a mode: [1, C] for 'minibatch' and 'inference', [N, C] for 'image'; noise is [C] or [N, C]. */
export function modeMask(mode: GatedMode, logAlpha: tf.Tensor, noise?: tf.Tensor): tf.Tensor2D {
  const rows = mode === 'image' ? -1 : 1;
  return tf.tidy(() => {
    if (mode === 'inference') return inferenceMask(logAlpha).reshape<tf.Tensor2D>([1, -1]);
    if (!noise) throw new Error(`mode '${mode}' samples masks and needs noise`);
    return sampleMask(logAlpha, noise).reshape<tf.Tensor2D>([rows, logAlpha.size]);
  });
}

/** A dense layer with a gate on each input: weights [in, out], bias [out], logAlpha [in]. */
export interface GatedDense {
  weights: tf.Tensor2D;
  bias?: tf.Tensor1D;
  logAlpha: tf.Tensor1D;
}

/** The settings of the paper's prior: precision of the normal prior on weights, and the cost of one open weight. */
export interface GatedPrior {
  weight_decay: number;
  lambda: number;
}

/** (x * mask) weights + bias: x [N, in] to [N, out]. The caller disposes the result. */
export function gatedDense(x: tf.Tensor2D, layer: GatedDense, mode: GatedMode, noise?: tf.Tensor): tf.Tensor2D {
  return tf.tidy(() => {
    const y = tf.matMul<tf.Tensor2D>(x.mul(modeMask(mode, layer.logAlpha, noise)), layer.weights);
    return layer.bias ? y.add<tf.Tensor2D>(layer.bias) : y;
  });
}

/**
 * The layer's log prior, a negative number: - sum of P(mask != 0) (weight_decay w^2 / 2 + lambda) over weights
 * - weight_decay b^2 / 2 over biases. A model adds -1/N of it to the loss, N being the number of training images
 * (Louizos et al. 2018, section 2.1 and its code). The caller disposes the scalar.
 */
export function gatedDensePrior({ weights, bias, logAlpha }: GatedDense, prior: GatedPrior): tf.Scalar {
  return tf.tidy(() => {
    const perInput = weights
      .square()
      .mul(0.5 * prior.weight_decay)
      .add(prior.lambda)
      .sum(1);
    const onWeights = probabilityNonZero(logAlpha).mul(perInput).sum();
    const onBias = bias
      ? bias
          .square()
          .sum()
          .mul(0.5 * prior.weight_decay)
      : tf.scalar(0);
    return onWeights.add(onBias).neg().asScalar();
  });
}

/** What a gated layer is expected to cost: floating-point operations an image, and parameters left. */
export interface ExpectedCost {
  flops: number;
  l0: number;
}

/** With p expected open inputs: (2 p - 1) out operations and p out weights; a bias adds out to both. */
export function gatedDenseCost({ weights, bias, logAlpha }: GatedDense): ExpectedCost {
  const open = tf.tidy(() => probabilityNonZero(logAlpha, defaultHardConcrete).sum().dataSync()[0]);
  const out = weights.shape[1];
  const extra = bias ? out : 0;
  return { flops: (2 * open - 1) * out + extra, l0: open * out + extra };
}
