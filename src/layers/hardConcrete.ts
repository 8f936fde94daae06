import * as tf from '@tensorflow/tfjs';
import { expectedOpen as fusedExpectedOpen, hasKernel } from '../backend/fusedOps.js';

/**
 * The shape of a hard concrete distribution, apart from its location logAlpha (Louizos et al. 2018, section 2.2);
 * docs/math-l0.md derives it.
 */
export interface HardConcrete {
  /** beta: near 0 the mask becomes a coin toss; near 1 and above it stays near its mean. */
  temperature: number;
  /** Left end of the stretched interval, below 0, so that the mask can be exactly 0 with a positive probability. */
  gamma: number;
  /** Right end of the stretched interval, above 1. */
  zeta: number;
  /** Uniform noise and probabilities keep this distance from 0 and 1, so that no logarithm is infinite. */
  epsilon: number;
}

/** The values used by the paper and by every network here. */
export const defaultHardConcrete: HardConcrete = { temperature: 2 / 3, gamma: -0.1, zeta: 1.1, epsilon: 1e-6 };

const stretch = (s: tf.Tensor, { gamma, zeta }: HardConcrete): tf.Tensor => s.mul(zeta - gamma).add(gamma);

/**
 * The stretched concrete variable before clipping: sigmoid((ln u - ln(1 - u) + logAlpha) / temperature) * (zeta -
 * gamma) + gamma.
 *
 * `logAlpha` is [C], `noise` u is uniform in (0, 1), [N, C] or [1, C]. Returns the noise's shape; the caller disposes
 * it.
 */
export function stretchedSample(logAlpha: tf.Tensor, noise: tf.Tensor, shape = defaultHardConcrete): tf.Tensor {
  return tf.tidy(() => {
    const logit = noise.log().sub(tf.sub(1, noise).log());
    return stretch(logit.add(logAlpha).div(shape.temperature).sigmoid(), shape);
  });
}

/**
 * A random mask in [0, 1]: the stretched sample, clipped (the paper's equations 10 and 11). It has a gradient with
 * respect to logAlpha where it is neither 0 nor 1.
 *
 * `logAlpha` is [C], `noise` is uniform in (0, 1), [N, C] or [1, C]. Returns the noise's shape; the caller disposes it.
 */
export function sampleMask(logAlpha: tf.Tensor, noise: tf.Tensor, shape = defaultHardConcrete): tf.Tensor {
  return tf.tidy(() => stretchedSample(logAlpha, noise, shape).clipByValue(0, 1));
}

/**
 * The mask without noise and without temperature: clip(sigmoid(logAlpha) * (zeta - gamma) + gamma, 0, 1) (equation 13).
 *
 * `logAlpha` and the result are [C]; the caller disposes the result. With the default shape the mask is exactly 0 for
 * logAlpha <= -2.3979 and exactly 1 for logAlpha >= 2.3979.
 */
export function inferenceMask(logAlpha: tf.Tensor, shape = defaultHardConcrete): tf.Tensor {
  return tf.tidy(() => stretch(logAlpha.sigmoid(), shape).clipByValue(0, 1));
}

/**
 * P(stretched sample <= x) = sigmoid(temperature * ln((x - gamma) / (zeta - x)) - logAlpha) for one x in (gamma, zeta),
 * kept epsilon away from 0 and 1.
 *
 * `logAlpha` and the result are [C]; the caller disposes the result.
 */
export function cumulativeProbability(logAlpha: tf.Tensor, x: number, shape = defaultHardConcrete): tf.Tensor {
  const { epsilon } = shape;
  const most = 1 - epsilon;
  return tf.tidy(() => tf.sub(logitOf(x, shape), logAlpha).sigmoid().clipByValue(epsilon, most));
}

const logitOf = (x: number, { temperature, gamma, zeta }: HardConcrete): number =>
  temperature * Math.log((x - gamma) / (zeta - x));

/**
 * P(mask != 0) = 1 - P(stretched sample <= 0) = sigmoid(logAlpha - temperature * ln(-gamma / zeta)) (equation 12).
 *
 * `logAlpha` and the result are [C]; the caller disposes the result.
 */
export function probabilityNonZero(logAlpha: tf.Tensor, shape = defaultHardConcrete): tf.Tensor {
  return tf.tidy(() => tf.sub(1, cumulativeProbability(logAlpha, 0, shape)));
}

/** With more gates than this, a backend's kernels for large tensors compute the sum faster. */
const FEW = 511;

/**
 * factor * sum of P(mask != 0) over all gates: the expected number of open gates (equation 12), or their cost. The
 * gates of a layer's channels take one operation if the backend has it, because a training step takes one sum per
 * layer.
 *
 * `logAlpha` may have any shape. Returns a scalar; the caller disposes it.
 */
export function expectedOpen(logAlpha: tf.Tensor, factor = 1, shape = defaultHardConcrete): tf.Scalar {
  if (logAlpha.size <= FEW && hasKernel('ExpectedOpen')) {
    return fusedExpectedOpen(logAlpha, { logit: logitOf(0, shape), epsilon: shape.epsilon, factor });
  }
  return tf.tidy(() => probabilityNonZero(logAlpha, shape).sum<tf.Scalar>().mul(factor));
}
