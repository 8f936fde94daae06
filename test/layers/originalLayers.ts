import * as tf from '@tensorflow/tfjs';
import { computedValues } from 'sparsebook/backend/readable.js';
import { convolve } from 'sparsebook/layers/conv2d.js';
import { inferenceMask, probabilityNonZero, sampleMask } from 'sparsebook/layers/hardConcrete.js';

/**
 * How the paper's own layers use their gates: in training one mask per mini-batch, which multiplies the weights, or one
 * per image, which multiplies activations; or the inference mask.
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

/** The settings of the paper's prior: the precision of the normal prior on weights, and the cost of one open weight. */
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
    const half = 0.5 * prior.weight_decay;
    const perInput = weights.square().mul(half).add(prior.lambda).sum(1);
    const onWeights = probabilityNonZero(logAlpha).mul(perInput).sum();
    return (bias ? onWeights.add(bias.square().sum().mul(half)) : onWeights).neg().asScalar();
  });
}

/** The expected cost of a gated layer: floating-point operations per image, and parameters left. */
export interface ExpectedCost {
  flops: number;
  l0: number;
}

/** With p expected open inputs: (2 p - 1) out operations and p out weights; a bias adds out to both. */
export function gatedDenseCost({ weights, bias, logAlpha }: GatedDense): ExpectedCost {
  const open = computedValues(() => probabilityNonZero(logAlpha).sum())[0];
  const out = weights.shape[1];
  const extra = bias ? out : 0;
  return { flops: (2 * open - 1) * out + extra, l0: open * out + extra };
}

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
 * The layer's log prior, as for `gatedDensePrior` but with the gate on outputs: - sum of P(mask != 0) (weight_decay w^2
 * / 2 + lambda) over weights - sum of P(mask != 0) (weight_decay b^2 / 2 - lambda) over biases. The sign of lambda in
 * the last term, which rewards biases, is the paper's code's. The caller disposes the scalar.
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
 * `image` is [height, width] of the input. The paper's code passes [channels, height] by mistake; so does a caller who
 * wants its numbers.
 */
export function gatedConvolutionCost(
  { weights, bias, logAlpha, padding = 0, strides = 1 }: GatedConvolution,
  image: [number, number],
): ExpectedCost {
  const [height, width, inputs] = weights.shape;
  const open = computedValues(() => probabilityNonZero(logAlpha).sum())[0];
  const along = (side: number, window: number): number => (side - window + 2 * padding) / strides + 1;
  const positions = along(image[0], height) * along(image[1], width);
  const n = height * width * inputs;
  const extra = bias ? open : 0;
  return { flops: positions * ((2 * n - 1) * open + extra), l0: n * open + extra };
}
