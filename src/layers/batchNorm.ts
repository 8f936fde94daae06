import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { single, type CallOptions, type LayerOptions, type Weight } from './layer.js';
import { normaliseBy, normaliseByBatch } from './normalise.js';

export interface BatchNormOptions extends LayerOptions {
  /** Added to the variance under the root. Default 1e-5. */
  epsilon?: number;
  /** Share of the new batch in the running statistics: new = (1 - momentum) old + momentum batch. Default 0.1. */
  momentum?: number;
  /** Whether there is a gamma. Default true. */
  scale?: boolean;
  /** Whether there is a beta. Default true. */
  center?: boolean;
  /** 'relu' puts a ReLU behind the normalisation, which a backend can do in the same pass. Default 'linear'. */
  activation?: 'linear' | 'relu';
}

/**
 * Batch normalisation by PyTorch's conventions, optionally with its ReLU: batch statistics in training, which also
 * moves the running ones (unbiased variance); running statistics otherwise.
 *
 * Input [N, ..., C], same output; weights gamma, beta, movingMean, movingVariance, [C] each.
 */
export class BatchNorm extends tf.layers.Layer {
  static className = 'BatchNorm';
  readonly epsilon: number;
  readonly momentum: number;
  readonly scale: boolean;
  readonly center: boolean;
  readonly activation: 'linear' | 'relu';
  /** Set to true to normalise by the running statistics even in training, and leave them as they are. */
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
    if (!['linear', 'relu'].includes(this.activation)) {
      throw new UserError(`${this.name}: activation is 'linear' or 'relu', got '${this.activation}'`);
    }
    if (!(this.momentum >= 0 && this.momentum <= 1)) {
      throw new UserError(
        `${this.name}: momentum is the share of the new batch, between 0 and 1, got ${this.momentum}`,
      );
    }
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
      const { gamma, beta } = this;
      const settings = { epsilon: this.epsilon, relu: this.activation === 'relu' };
      if (!options.training || this.frozen) {
        const mean = this.movingMean.read() as tf.Tensor1D;
        return normaliseBy(x, mean, this.movingVariance.read() as tf.Tensor1D, gamma, beta, settings);
      }
      const { y, mean, variance } = normaliseByBatch(x, gamma, beta, settings);
      if (options.updateStatistics ?? true) this.updateStatistics(mean, variance, x.size / mean.size);
      return y;
    });
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape | tf.Shape[] {
    return inputShape;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { epsilon, momentum, scale, center, activation } = this;
    return { ...super.getConfig(), epsilon, momentum, scale, center, activation };
  }

  private updateStatistics(mean: tf.Tensor, variance: tf.Tensor, count: number): void {
    const { momentum } = this;
    const unbiased = count > 1 ? count / (count - 1) : 1;
    const mix = (old: tf.Tensor, batch: tf.Tensor, factor: number): tf.Tensor =>
      old.mul(1 - momentum).add(batch.mul(momentum * factor));
    this.movingMean.write(mix(this.movingMean.read(), mean, 1));
    this.movingVariance.write(mix(this.movingVariance.read(), variance, unbiased));
  }
}
tf.serialization.registerClass(BatchNorm);
