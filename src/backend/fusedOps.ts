import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { uniform } from './random.js';

/** The operations that the fast backend computes in one pass where others need several. */
type FusedKernel =
  | 'FusedBatchNorm'
  | 'FusedBatchNormInference'
  | 'RunningStatistics'
  | 'ConvBias'
  | 'QuantizedConv'
  | 'AdamWStep'
  | 'SgdStep'
  | 'MuonStep'
  | 'HardConcreteSample'
  | 'Sigmoid'
  | 'Swish'
  | 'Gelu'
  | 'Dropout'
  | 'ExpectedOpen';

/** Prefix of the kernels' names in tfjs, whose own FusedBatchNorm is something else. */
const PREFIX = 'Sparsebook';

/** Whether the active backend has a fused kernel; if not, compose the operation from tf operations. */
export function hasKernel(name: FusedKernel): boolean {
  return tf.getKernel(PREFIX + name, tf.getBackend()) !== undefined;
}

/** Inputs that kernels take as integers; all others must be floats. */
const WHOLE = ['QuantizedConv kernel', 'QuantizedConv bias'];

/**
 * Runs a kernel of the active backend; the caller disposes the result. Throws a UserError for inputs of other dtypes.
 */
export function runFused<T extends tf.Tensor | tf.Tensor[]>(
  name: FusedKernel | 'GatedBatchNorm' | 'GatedBatchNormInference',
  inputs: Record<string, tf.Tensor | undefined>,
  attributes: Record<string, unknown>,
): T {
  const given = Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined));
  for (const key in given) {
    const { dtype } = given[key]!;
    if (dtype === 'float32' || WHOLE.includes(`${name} ${key}`)) continue;
    throw new UserError(`${key} of ${name} must be a tensor of float32; received ${dtype}. Use tf.cast first.`);
  }
  return tf
    .engine()
    .runKernel(PREFIX + name, given as tf.NamedTensorMap, attributes as Parameters<tf.KernelFunc>[0]['attrs']);
}

/**
 * The inputs of batch normalisation: x [N, ..., C]; gamma and beta [C], 1 and 0 if left out; gate [N, C], a mask
 * applied after the ReLU.
 */
export interface FusedBatchNormInputs {
  x: tf.Tensor;
  gamma?: tf.Tensor1D;
  beta?: tf.Tensor1D;
  gate?: tf.Tensor2D;
}

/** Whether negative values become 0 (ReLU); 6: values above 6 also become 6 (ReLU6). */
export type Relu = boolean | 6;

export interface FusedBatchNormOptions {
  /** Added to the variance. */
  epsilon: number;
  /** The activation applied before the gate. */
  relu: Relu;
}

/** tfjs saves the inputs that a gradient names, so gamma and beta must be there. */
function withDefaults({ x, gamma, beta, ...rest }: FusedBatchNormInputs): Record<string, tf.Tensor | undefined> {
  const channels = x.shape[x.shape.length - 1];
  const { gate } = rest;
  if (gate && (gate.shape[0] !== x.shape[0] || gate.shape[1] !== channels)) {
    throw new UserError(
      `A gate must have one row for each image and one column for each channel, [${x.shape[0]}, ${channels}]; received [${gate.shape.join(', ')}].`,
    );
  }
  return { x, gamma: gamma ?? tf.ones([channels]), beta: beta ?? tf.zeros([channels]), ...rest };
}

/**
 * y = relu?(gamma (x - mean) / sqrt(variance + epsilon) + beta) * gate, with the mean and the biased variance [C] of
 * this batch; missing inputs are 1, 0, 1. Differentiable in x, gamma, beta and gate through y (mean and variance carry
 * no gradient). The caller disposes all three.
 */
export function fusedBatchNorm(
  inputs: FusedBatchNormInputs,
  { epsilon, relu }: FusedBatchNormOptions,
): { y: tf.Tensor; mean: tf.Tensor1D; variance: tf.Tensor1D } {
  const name = inputs.gate ? 'GatedBatchNorm' : 'FusedBatchNorm';
  const [y, mean, variance] = tf.tidy(() => runFused<tf.Tensor[]>(name, withDefaults(inputs), { epsilon, relu }));
  return { y, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}

/** fusedBatchNorm with given mean and variance [C], as at test time. Differentiable in x, gamma, beta and gate. */
export function fusedBatchNormInference(
  inputs: FusedBatchNormInputs & { mean: tf.Tensor1D; variance: tf.Tensor1D },
  { epsilon, relu }: FusedBatchNormOptions,
): tf.Tensor {
  const name = inputs.gate ? 'GatedBatchNormInference' : 'FusedBatchNormInference';
  // A default gamma, created for this call, must not look like a new gamma to the kernel.
  return tf.tidy(() =>
    runFused<tf.Tensor>(name, withDefaults(inputs), { epsilon, relu, scaled: inputs.gamma !== undefined }),
  );
}

export interface RunningStatisticsOptions {
  /** Share of the batch in the result. */
  momentum: number;
  /** The factor that makes the batch's variance unbiased: count / (count - 1). */
  unbiased: number;
}

/**
 * Returns [(1 - momentum) movingMean + momentum mean, (1 - momentum) movingVariance + momentum unbiased variance], all
 * [C]. Not differentiable. The caller disposes both.
 */
export function runningStatistics(
  inputs: Record<'mean' | 'variance' | 'movingMean' | 'movingVariance', tf.Tensor>,
  options: RunningStatisticsOptions,
): tf.Tensor[] {
  return runFused<tf.Tensor[]>('RunningStatistics', inputs, { ...options });
}

interface ConvBiasOptions {
  strides: number | [number, number];
  pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
}

/** Returns x [N, H, W, Cin] * filter [h, w, Cin, Cout] + bias [Cout]. Differentiable in all three. */
export function convBias(
  inputs: { x: tf.Tensor4D; filter: tf.Tensor4D; bias: tf.Tensor1D },
  { strides, pad }: ConvBiasOptions,
): tf.Tensor4D {
  return runFused<tf.Tensor4D>('ConvBias', inputs, { strides, pad, dataFormat: 'NHWC', dilations: 1 });
}

/** A grid on which values are stored as integers: value = (code - zero) * scale, with codes of 7 bits, 0 to 127. */
export interface Grid {
  scale: number;
  zero: number;
}

export interface QuantizedConvOptions extends ConvBiasOptions {
  /** The grid that the image is rounded to before it is convolved. */
  input: Grid;
  /** The grid that the result is rounded to; null leaves it as it is. */
  output: Grid | null;
  /** Whether negative values become 0. */
  relu: boolean;
}

/**
 * An integer convolution: x [N, H, W, Cin] rounded to the grid `input`, kernel [h, w, Cin, Cout] of int32 within
 * -127..127, bias [Cout] of int32 in units of input.scale * scale, and scale [Cout], the value of 1 in the kernel. Sums
 * are exact. Not differentiable.
 */
export function quantizedConv(
  inputs: { x: tf.Tensor4D; kernel: tf.Tensor4D; bias: tf.Tensor1D; scale: tf.Tensor1D },
  options: QuantizedConvOptions,
): tf.Tensor4D {
  return hasKernel('QuantizedConv') ? runFused('QuantizedConv', inputs, { ...options }) : composedConv(inputs, options);
}

/** The largest product of two codes, and the largest integer up to which floats count exactly. */
const [PRODUCT, EXACT] = [127 * 127, 2 ** 24];

/**
 * The same composed of tf operations, with the same bits where these round correctly: floats hold integers, and few
 * enough channels are convolved at a time that every sum is exact.
 */
function composedConv(
  { x, kernel, bias, scale }: Parameters<typeof quantizedConv>[0],
  { input, output, relu, strides, pad }: QuantizedConvOptions,
): tf.Tensor4D {
  return tf.tidy(() => {
    const rounded = (values: tf.Tensor, { zero }: Grid): tf.Tensor =>
      values.round().add(zero).clipByValue(0, 127).sub(zero);
    const codes = rounded(x.mul(1 / input.scale), input);
    const [height, width, channels] = kernel.shape;
    const most = Math.max(1, Math.floor(EXACT / PRODUCT / (height * width)));
    const parts: tf.Tensor4D[] = [];
    for (let c = 0; c < channels; c += most) {
      const size = Math.min(most, channels - c);
      const from = codes.slice([0, 0, 0, c], [-1, -1, -1, size]) as tf.Tensor4D;
      const by = kernel.slice([0, 0, c, 0], [-1, -1, size, -1]).cast<tf.Tensor4D>('float32');
      parts.push(tf.conv2d(from, by, strides, pad).cast('int32'));
    }
    const sums = parts.reduce<tf.Tensor>((sum, part) => sum.add(part), bias).cast('float32');
    const y = sums.mul(scale.mul(input.scale / (output?.scale ?? 1)));
    const positive = relu ? y.relu() : y;
    return (output ? rounded(positive, output).mul(output.scale) : positive) as tf.Tensor4D;
  });
}

export interface HardConcreteOptions {
  /** The number of masks to draw: one per image. */
  n: number;
  /**
   * The noise of image i and channel c is uniform(seed, offset + i * C + c) of random.ts, clipped to [1e-6, 1 - 1e-6].
   */
  seed: number;
  offset: number;
  temperature: number;
  gamma: number;
  zeta: number;
}

/**
 * Returns masks [n, C] for logAlpha [C]: clip(s (zeta - gamma) + gamma, 0, 1) with s = sigmoid((ln u - ln(1 - u) +
 * logAlpha) / temperature) (Louizos et al., arXiv 1712.01312). Differentiable in logAlpha.
 */
export function hardConcreteSample(logAlpha: tf.Tensor1D, options: HardConcreteOptions): tf.Tensor2D {
  return runFused<tf.Tensor2D>('HardConcreteSample', { logAlpha }, { ...options });
}

/**
 * Returns y = 1 / (1 + e^-x) (Sigmoid), x / (1 + e^-x) (Swish) or x (1 + erf(x / sqrt(2))) / 2 (Gelu). Differentiable.
 * The caller disposes it.
 */
export function activated(x: tf.Tensor, name: 'Sigmoid' | 'Swish' | 'Gelu'): tf.Tensor {
  return runFused<tf.Tensor>(name, { x }, {});
}

/**
 * Returns y_i = x_i / (1 - rate) where uniform(seed, i) of random.ts is at least `rate`, else 0. Differentiable. The
 * caller disposes it.
 */
export function dropout(x: tf.Tensor, options: { rate: number; seed: number }): tf.Tensor {
  if (hasKernel('Dropout')) return runFused<tf.Tensor>('Dropout', { x }, options);
  const { rate, seed } = options;
  const factors = Float32Array.from({ length: x.size }, (_, i) => (uniform(seed, i) < rate ? 0 : 1 / (1 - rate)));
  return tf.tidy(() => x.mul(tf.tensor(factors, x.shape)));
}

export interface ExpectedOpenOptions {
  /**
   * temperature * ln(-gamma / zeta): subtracted from logAlpha to give the logit of the probability that the gate is
   * open.
   */
  logit: number;
  /** Probabilities stay at least this far from 0 and 1. */
  epsilon: number;
  factor: number;
}

/**
 * Returns factor * the sum of P(mask != 0) over the gates of logAlpha, a scalar (layers/hardConcrete.ts).
 * Differentiable in logAlpha, once. The caller disposes it.
 */
export function expectedOpen(logAlpha: tf.Tensor, options: ExpectedOpenOptions): tf.Scalar {
  return runFused<tf.Scalar>('ExpectedOpen', { logAlpha }, { ...options });
}
