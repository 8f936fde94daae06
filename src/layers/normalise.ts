import * as tf from '@tensorflow/tfjs';

export interface NormaliseOptions {
  epsilon: number;
  relu: boolean;
}

/** y and the statistics of this batch: mean and biased variance, [C] each. The caller disposes all three. */
export type Normalised = {
  y: tf.Tensor;
  mean: tf.Tensor1D;
  variance: tf.Tensor1D;
};

/**
 * Batch normalisation by the statistics of the batch itself: (x - mean) / sqrt(variance + epsilon) * gamma + beta, then
 * ReLU if asked for.
 *
 * x is [N, ..., C]; gamma and beta are [C] or left out (1 and 0).
 */
export function normaliseByBatch(
  x: tf.Tensor,
  gamma: tf.Tensor1D | undefined,
  beta: tf.Tensor1D | undefined,
  options: NormaliseOptions,
): Normalised {
  const axes = Array.from({ length: x.rank - 1 }, (_, axis) => axis);
  return tf.tidy(() => {
    const moments = tf.moments(x, axes);
    const mean = moments.mean as tf.Tensor1D;
    const variance = moments.variance as tf.Tensor1D;
    return { y: normaliseBy(x, mean, variance, gamma, beta, options), mean, variance };
  });
}

/** Batch normalisation by given statistics, mean and variance [C]; shapes and formula as in `normaliseByBatch`. */
export function normaliseBy(
  x: tf.Tensor,
  mean: tf.Tensor1D,
  variance: tf.Tensor1D,
  gamma: tf.Tensor1D | undefined,
  beta: tf.Tensor1D | undefined,
  { epsilon, relu }: NormaliseOptions,
): tf.Tensor {
  return tf.tidy(() => {
    // Without a scale tf.batchNorm has no gradient.
    const scale = gamma ?? tf.onesLike(mean);
    const y = tf.batchNorm(x as tf.Tensor4D, mean, variance, beta, scale, epsilon);
    return relu ? y.relu() : y;
  });
}
