import * as tf from '@tensorflow/tfjs';
import { check, wholeNumber } from '../rules.js';
import { Conv2d, type Conv2dOptions } from './conv2d.js';
import { drawMasks, gateFromConfig, gateStart, initialLogAlpha, type Gate, type GateStart } from './gate.js';
import { inferenceMask, probabilityNonZero, sampleMask, type HardConcrete } from './hardConcrete.js';
import type { CallOptions, Weight } from './layer.js';

/** Options of a `GatedConv2d`. */
export interface GatedConv2dOptions extends Conv2dOptions, GateStart {
  /** Seed of the gates' start values and noise. Default 0. */
  gateSeed?: number;
}

/**
 * A convolution with a hard concrete gate on every entry of its kernel: unstructured L0 regularisation (Louizos et al.
 * 2018, section 2). The kernel is multiplied by one mask for the whole batch, sampled in training, deterministic
 * otherwise; the bias has no gate. See docs/math-l0.md, section 9.
 *
 * Shapes and weights are those of `Conv2d`, plus logAlpha in the kernel's shape. `noise` in the call's options, also in
 * that shape, replaces the noise that the layer would draw. Throws a UserError for options out of range.
 */
export class GatedConv2d extends Conv2d implements Gate {
  static override className = 'GatedConv2d';
  readonly hardConcrete: HardConcrete;
  readonly droprate_init: number;
  readonly gateSeed: number;
  draws = 0;
  private logAlphaWeight!: Weight;

  constructor(options: GatedConv2dOptions) {
    super(options);
    const { droprate_init, hardConcrete } = gateStart(options);
    this.droprate_init = droprate_init;
    this.hardConcrete = hardConcrete;
    this.gateSeed = options.gateSeed ?? 0;
    check('gateSeed', this.gateSeed, wholeNumber());
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    super.build(inputShape);
    const shape = [this.kernelSize, this.kernelSize, (inputShape as tf.Shape)[3] ?? 0, this.filters];
    this.logAlphaWeight = this.addWeight(
      'logAlpha',
      shape,
      'float32',
      initialLogAlpha(this.droprate_init, this.gateSeed),
    );
  }

  get logAlpha(): tf.Variable<tf.Rank.R4> {
    return this.logAlphaWeight.read() as tf.Variable<tf.Rank.R4>;
  }

  inferenceMask(): tf.Tensor {
    return inferenceMask(this.logAlpha, this.hardConcrete);
  }

  probabilityNonZero(): tf.Tensor {
    return probabilityNonZero(this.logAlpha, this.hardConcrete);
  }

  /** The kernel times the mask of this call, [K, K, Cin, Cout]. A training call without given noise counts one draw. */
  protected override filter({ training, noise }: CallOptions): tf.Tensor4D {
    return tf.tidy(() => {
      const kernel = super.filter({});
      if (!training) return kernel.mul(this.inferenceMask());
      const given = noise?.[this.name];
      if (given) return kernel.mul(sampleMask(this.logAlpha, given, this.hardConcrete));
      const settings = { rows: 1, seed: this.gateSeed, draw: this.draws++, shape: this.hardConcrete };
      return kernel.mul(drawMasks(this.logAlpha.flatten(), settings).reshape(kernel.shape));
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { droprate_init, gateSeed } = this;
    return { ...super.getConfig(), droprate_init, temperature: this.hardConcrete.temperature, gateSeed };
  }

  static override fromConfig = gateFromConfig;
}
tf.serialization.registerClass(GatedConv2d);
