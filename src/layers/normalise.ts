import * as tf from '@tensorflow/tfjs';
import { fusedBatchNorm, fusedBatchNormInference, hasKernel } from '../backend/fusedOps.js';

/** What batch normalisation works on and with: x [N, ..., C]; gamma and beta [C], 1 and 0 if left out. */
export interface NormaliseInputs {
  x: tf.Tensor;
  gamma?: tf.Tensor1D;
  beta?: tf.Tensor1D;
  /** A mask [N, C] that the result is multiplied by, after the ReLU. */
  gate?: tf.Tensor2D;
}

export interface NormaliseOptions {
  epsilon: number;
  /** Whether negative values become 0. */
  relu: boolean;
}

/** y and the statistics of this batch: mean and biased variance, [C] each. The caller disposes all three. */
export type Normalised = {
  y: tf.Tensor;
  mean: tf.Tensor1D;
  variance: tf.Tensor1D;
};

/**
 * Batch normalisation by the statistics of the batch itself: relu?((x - mean) / sqrt(variance + epsilon) * gamma + beta)
 * * gate. One pass where the backend has a kernel for it, otherwise composed from tf operations.
 */
export function normaliseByBatch(inputs: NormaliseInputs, options: NormaliseOptions): Normalised {
  if (hasKernel('FusedBatchNorm')) return fusedBatchNorm(inputs, options);
  const axes = Array.from({ length: inputs.x.rank - 1 }, (_, axis) => axis);
  return tf.tidy(() => {
    const moments = tf.moments(inputs.x, axes);
    const mean = moments.mean as tf.Tensor1D;
    const variance = moments.variance as tf.Tensor1D;
    return { y: compose({ ...inputs, mean, variance }, options), mean, variance };
  });
}

/** Batch normalisation by given statistics, [C] each; formula as in `normaliseByBatch`. The caller disposes the result. */
export function normaliseBy(
  inputs: NormaliseInputs & { mean: tf.Tensor1D; variance: tf.Tensor1D },
  options: NormaliseOptions,
): tf.Tensor {
  return hasKernel('FusedBatchNormInference') ? fusedBatchNormInference(inputs, options) : compose(inputs, options);
}

function compose(
  { x, mean, variance, gamma, beta, gate }: NormaliseInputs & { mean: tf.Tensor1D; variance: tf.Tensor1D },
  { epsilon, relu }: NormaliseOptions,
): tf.Tensor {
  return tf.tidy(() => {
    // tf's gradient of batch normalisation cannot do without a gamma.
    const y = tf.batchNorm(x as tf.Tensor4D, mean, variance, beta, gamma ?? tf.onesLike(mean), epsilon);
    const active = relu ? y.relu() : y;
    if (!gate) return active;
    const [n, channels] = gate.shape;
    return active.mul(gate.reshape([n, ...Array<number>(x.rank - 2).fill(1), channels]));
  });
}
