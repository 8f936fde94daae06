import * as tf from '@tensorflow/tfjs';

/**
 * The proximal operator of threshold * |x|: x * max(0, 1 - threshold / |x|), which moves every value towards 0 by
 * `threshold` and makes 0 of those within it. Any shape in, the same out; the caller disposes it.
 *
 * Beck and Teboulle 2009, equation 1.5; Ye et al. 2018, section 4.1.
 */
export function softThreshold(x: tf.Tensor, threshold: number): tf.Tensor {
  return tf.tidy(() => {
    // What is smaller than any threshold of use stands for 0 in the denominator.
    const size = x.abs().maximum(1e-16);
    return x.mul(tf.scalar(1).sub(tf.scalar(threshold).div(size)).maximum(0));
  });
}
