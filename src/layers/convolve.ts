import * as tf from '@tensorflow/tfjs';
import { convBias, hasKernel } from '../backend/fusedOps.js';
import { tfPadding, type Padding } from './padding.js';

/**
 * Convolution plus bias: x [N, H, W, Cin], filter [K, K, Cin, Cout], bias [Cout] or none, to [N, H', W', Cout]. The
 * caller disposes the result.
 */
export function convolve(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D | undefined,
  strides: number,
  padding: Padding,
): tf.Tensor4D {
  const pad = tfPadding(padding);
  if (bias && hasKernel('ConvBias')) return convBias({ x, filter, bias }, { strides, pad });
  return tf.tidy(() => {
    const y = tf.conv2d(x, filter, strides, pad);
    return bias ? y.add(bias) : y;
  });
}
