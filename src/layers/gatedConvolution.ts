import * as tf from '@tensorflow/tfjs';
import { convolve } from './convolve.js';
import { modeMask, type ExpectedCost, type GatedMode, type GatedPrior } from './gatedDense.js';
import { probabilityNonZero } from './hardConcrete.js';

/** A convolution with a gate on each output map: weights [K, K, in, out], bias [out], logAlpha [out]. */
export interface GatedConvolution {
  weights: tf.Tensor4D;
  bias?: tf.Tensor1D;
  logAlpha: tf.Tensor1D;
  padding?: number;
  strides?: number;
}

/**
 * The convolution of the paper's code: x [N, H, W, in] to [N, H', W', out], (x * weights + bias) mask. As in that code,
 * mode 'minibatch' leaves the bias out. The caller disposes the result.
 */
export function gatedConvolution(
  x: tf.Tensor4D,
  { weights, bias, logAlpha, padding = 0, strides = 1 }: GatedConvolution,
  mode: GatedMode,
  noise?: tf.Tensor,
): tf.Tensor4D {
  return tf.tidy(() => {
    const mask = modeMask(mode, logAlpha, noise);
    if (mode === 'minibatch') return convolve(x, weights.mul(mask.reshape([-1])), undefined, strides, padding);
    return convolve(x, weights, bias, strides, padding).mul(mask.reshape([mask.shape[0], 1, 1, -1]));
  });
}

/**
 * The layer's log prior, as for `gatedDensePrior` but with the gate on outputs: - sum of P(mask != 0) (weight_decay w^2 / 2
 * + lambda) over weights - sum of P(mask != 0) (weight_decay b^2 / 2 - lambda) over biases. The sign of lambda in the
 * last term, which rewards biases, is the paper's code's. The caller disposes the scalar.
 */
export function gatedConvolutionPrior({ weights, bias, logAlpha }: GatedConvolution, prior: GatedPrior): tf.Scalar {
  return tf.tidy(() => {
    const half = 0.5 * prior.weight_decay;
    let perOutput = weights.square().mul(half).add(prior.lambda).sum([0, 1, 2]);
    if (bias) perOutput = perOutput.add(bias.square().mul(half).sub(prior.lambda));
    return probabilityNonZero(logAlpha).mul(perOutput).sum().neg().asScalar();
  });
}

/**
 * With p expected open maps, n = K K in and `positions` of the output image: positions (2 n - 1) p operations and n p
 * weights; a bias adds positions p and p.
 *
 * `image` is [height, width] of the input. The paper's code hands over [channels, height] by mistake; so does whoever
 * wants its numbers.
 */
export function gatedConvolutionCost(
  { weights, bias, logAlpha, padding = 0, strides = 1 }: GatedConvolution,
  image: [number, number],
): ExpectedCost {
  const [height, width, inputs] = weights.shape;
  const open = tf.tidy(() => probabilityNonZero(logAlpha).sum().dataSync()[0]);
  const along = (side: number, window: number): number => (side - window + 2 * padding) / strides + 1;
  const positions = along(image[0], height) * along(image[1], width);
  const n = height * width * inputs;
  const extra = bias ? open : 0;
  return { flops: positions * ((2 * n - 1) * open + extra), l0: n * open + extra };
}
