import * as tf from '@tensorflow/tfjs';
import { fusedBatchNorm, fusedBatchNormInference, hasKernel, runningStatistics } from '../backend/fusedOps.js';
import type { FusedBatchNormInputs, FusedBatchNormOptions, RunningStatisticsOptions } from '../backend/fusedOps.js';
import { check, number } from '../rules.js';
import { checkActivation, single, type Activation, type CallOptions, type LayerOptions, type Weight } from './layer.js';
import type { L0Gate } from './l0Gate.js';

/** Options of a `BatchNorm`. */
export interface BatchNormOptions extends LayerOptions {
  /** Added to the variance under the root. Default 1e-5. */
  epsilon?: number;
  /** Share of the new batch in the running statistics: new = (1 - momentum) old + momentum batch. Default 0.1. */
  momentum?: number;
  /** Whether there is a gamma. Default true. */
  scale?: boolean;
  /** Whether there is a beta. Default true. */
  center?: boolean;
  /**
   * 'relu' or 'relu6' applies that function after the normalisation; a backend can do both in one pass. Default
   * 'linear'.
   */
  activation?: Activation;
}

const relus = { linear: false, relu: true, relu6: 6 } as const;

/**
 * Batch normalisation by PyTorch's conventions, optionally with its ReLU. Training uses the batch's statistics and
 * updates the running ones (unbiased variance); inference uses the running ones.
 *
 * A gate that the caller names in the options is multiplied in the same pass: the output is gated, and the gate returns
 * it unchanged. Input [N, ..., C], output the same shape; weights gamma, beta, movingMean, movingVariance, [C] each.
 * Throws a UserError for options out of range.
 */
export class BatchNorm extends tf.layers.Layer {
  static className = 'BatchNorm';
  readonly epsilon: number;
  readonly momentum: number;
  readonly scale: boolean;
  readonly center: boolean;
  readonly activation: Activation;
  /** Set to true to normalise by the running statistics even in training, and not change them. */
  frozen = false;
  private gammaWeight?: Weight;
  private betaWeight?: Weight;
  private movingMean!: Weight;
  private movingVariance!: Weight;

  constructor(options: BatchNormOptions = {}) {
    super(options);
    this.epsilon = options.epsilon ?? 1e-5;
    this.momentum = options.momentum ?? 0.1;
    this.scale = options.scale ?? true;
    this.center = options.center ?? true;
    this.activation = options.activation ?? 'linear';
    checkActivation(this.activation, this.name);
    // The share of the new batch.
    check(`${this.name}: momentum`, this.momentum, number({ min: 0, max: 1 }));
    check(`${this.name}: epsilon`, this.epsilon, number({ min: 0 }));
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const shape = [(inputShape as tf.Shape).at(-1) ?? null];
    const ones = tf.initializers.ones();
    const zeros = tf.initializers.zeros();
    if (this.scale) this.gammaWeight = this.addWeight('gamma', shape, 'float32', ones);
    if (this.center) this.betaWeight = this.addWeight('beta', shape, 'float32', zeros);
    this.movingMean = this.addWeight('movingMean', shape, 'float32', zeros, undefined, false);
    this.movingVariance = this.addWeight('movingVariance', shape, 'float32', ones, undefined, false);
    this.built = true;
  }

  /** The scale of each channel, [C], if there is one: the layer's own variable, not to be disposed. */
  get gamma(): tf.Variable<tf.Rank.R1> | undefined {
    return this.gammaWeight?.read() as tf.Variable<tf.Rank.R1> | undefined;
  }

  /** The shift of each channel, [C], if there is one: the layer's own variable, not to be disposed. */
  get beta(): tf.Variable<tf.Rank.R1> | undefined {
    return this.betaWeight?.read() as tf.Variable<tf.Rank.R1> | undefined;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], options: CallOptions): tf.Tensor {
    return tf.tidy(() => {
      const x = single(inputs);
      const gate = options.gates?.get(this) as L0Gate | undefined;
      const all = { x, gamma: this.gamma, beta: this.beta, gate: gate && maskRows(gate, x.shape[0], options) };
      const y = this.normalise(all, options);
      gate?.expectGated(y);
      return y;
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { epsilon, momentum, scale, center, activation } = this;
    return { ...super.getConfig(), epsilon, momentum, scale, center, activation };
  }

  private normalise(inputs: FusedBatchNormInputs, { training, updateStatistics = true }: CallOptions): tf.Tensor {
    const settings = { epsilon: this.epsilon, relu: relus[this.activation] };
    if (!training || this.frozen) {
      const [mean, variance] = [this.movingMean, this.movingVariance].map((weight) => weight.read() as tf.Tensor1D);
      return normaliseBy({ ...inputs, mean, variance }, settings);
    }
    const { y, mean, variance } = normaliseByBatch(inputs, settings);
    if (updateStatistics) this.updateStatistics(mean, variance, inputs.x.size / mean.size);
    return y;
  }

  private updateStatistics(mean: tf.Tensor, variance: tf.Tensor, count: number): void {
    const moving = { movingMean: this.movingMean.read(), movingVariance: this.movingVariance.read() };
    const options = { momentum: this.momentum, unbiased: count > 1 ? count / (count - 1) : 1 };
    const [newMean, newVariance] = movedStatistics({ mean, variance, ...moving }, options);
    this.movingMean.write(newMean);
    this.movingVariance.write(newVariance);
  }
}

/** Returns the gate's mask with a row for each image. */
function maskRows(gate: L0Gate, n: number, options: CallOptions): tf.Tensor2D {
  const mask = gate.mask(n, options);
  return mask.shape[0] === n ? mask : mask.tile([n, 1]);
}

tf.serialization.registerClass(BatchNorm);

/**
 * Batch normalisation by the statistics of the batch itself: relu?((x - mean) / sqrt(variance + epsilon) * gamma +
 * beta) * gate. Takes one pass if the backend has a kernel for it; otherwise composed from tf operations. The caller
 * disposes y, mean and biased variance.
 */
export function normaliseByBatch(
  inputs: FusedBatchNormInputs,
  options: FusedBatchNormOptions,
): ReturnType<typeof fusedBatchNorm> {
  if (hasKernel('FusedBatchNorm')) return fusedBatchNorm(inputs, options);
  const axes = Array.from({ length: inputs.x.rank - 1 }, (_, axis) => axis);
  return tf.tidy(() => {
    const moments = tf.moments(inputs.x, axes);
    const mean = moments.mean as tf.Tensor1D;
    const variance = moments.variance as tf.Tensor1D;
    return { y: compose({ ...inputs, mean, variance }, options), mean, variance };
  });
}

/** Returns [mean, variance], the running statistics after a batch. */
export function movedStatistics(
  inputs: Parameters<typeof runningStatistics>[0],
  { momentum, unbiased }: RunningStatisticsOptions,
): tf.Tensor[] {
  if (hasKernel('RunningStatistics')) return runningStatistics(inputs, { momentum, unbiased });
  const mix = (old: tf.Tensor, batch: tf.Tensor, factor: number): tf.Tensor =>
    old.mul(1 - momentum).add(batch.mul(momentum * factor));
  return [mix(inputs.movingMean, inputs.mean, 1), mix(inputs.movingVariance, inputs.variance, unbiased)];
}

/**
 * Batch normalisation by given statistics, [C] each; formula as in `normaliseByBatch`. The caller disposes the result.
 */
export function normaliseBy(
  inputs: FusedBatchNormInputs & { mean: tf.Tensor1D; variance: tf.Tensor1D },
  options: FusedBatchNormOptions,
): tf.Tensor {
  return hasKernel('FusedBatchNormInference') ? fusedBatchNormInference(inputs, options) : compose(inputs, options);
}

function compose(
  { x, mean, variance, gamma, beta, gate }: Parameters<typeof normaliseBy>[0],
  { epsilon, relu }: FusedBatchNormOptions,
): tf.Tensor {
  return tf.tidy(() => {
    // tf's gradient of batch normalisation needs a gamma and a beta.
    const [shift, scale] = [beta ?? tf.zerosLike(mean), gamma ?? tf.onesLike(mean)];
    const y = tf.batchNorm(x as tf.Tensor4D, mean, variance, shift, scale, epsilon);
    const active = relu === 6 ? y.relu6() : relu ? y.relu() : y;
    if (!gate) return active;
    const [n, channels] = gate.shape;
    return active.mul(gate.reshape([n, ...Array<number>(x.rank - 2).fill(1), channels]));
  });
}
