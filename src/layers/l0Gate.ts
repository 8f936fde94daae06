import * as tf from '@tensorflow/tfjs';
import { check, oneOf, wholeNumber } from '../rules.js';
import { drawMasks, gateFromConfig, gateStart, initialLogAlpha, type Gate, type GateStart } from './gate.js';
import { inferenceMask, probabilityNonZero, sampleMask, type HardConcrete } from './hardConcrete.js';
import { single, type CallOptions, type LayerOptions, type Weight } from './layer.js';

/** One mask per image and channel, or one per channel for the whole mini-batch (as in the paper's code). */
export type GateSampling = 'image' | 'batch';

/** How the gates of an `L0Gate` start and are sampled. */
export interface L0GateOptions extends LayerOptions, GateStart {
  sampling?: GateSampling;
  seed?: number;
  /** Keeps the gate open, with nothing to train: logAlpha is 999. */
  fixedOpen?: boolean;
}

const OPEN = 999;

/**
 * Multiplies each channel by a hard concrete mask (Louizos et al. 2018): sampled in training, deterministic otherwise.
 * docs/math-l0.md derives it.
 *
 * Input [N, ..., C], output the same shape; one weight, logAlpha [C]. A training call draws fresh noise from
 * (seed, draws) and counts the draw; `noise` in the call's options replaces it. Throws a UserError for options out of
 * range.
 */
export class L0Gate extends tf.layers.Layer implements Gate {
  static className = 'L0Gate';
  readonly hardConcrete: HardConcrete;
  readonly sampling: GateSampling;
  readonly droprate_init: number;
  readonly seed: number;
  readonly fixedOpen: boolean;
  draws = 0;
  private logAlphaWeight!: Weight;
  private readonly gated = new WeakSet<tf.Tensor>();

  constructor(options: L0GateOptions = {}) {
    super(options);
    const { droprate_init, hardConcrete } = gateStart(options);
    this.droprate_init = droprate_init;
    this.hardConcrete = hardConcrete;
    this.sampling = options.sampling ?? 'image';
    this.seed = options.seed ?? 0;
    this.fixedOpen = options.fixedOpen ?? false;
    check('sampling', this.sampling, oneOf('image', 'batch'));
    check('seed', this.seed, wholeNumber());
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const channels = (inputShape as tf.Shape).at(-1);
    const initializer = this.fixedOpen
      ? tf.initializers.constant({ value: OPEN })
      : initialLogAlpha(this.droprate_init, this.seed);
    this.logAlphaWeight = this.addWeight(
      'logAlpha',
      [channels ?? null],
      'float32',
      initializer,
      undefined,
      !this.fixedOpen,
    );
    this.built = true;
  }

  get logAlpha(): tf.Variable<tf.Rank.R1> {
    return this.logAlphaWeight.read() as tf.Variable<tf.Rank.R1>;
  }

  inferenceMask(): tf.Tensor {
    return inferenceMask(this.logAlpha, this.hardConcrete);
  }

  probabilityNonZero(): tf.Tensor {
    return probabilityNonZero(this.logAlpha, this.hardConcrete);
  }

  /**
   * The mask this call multiplies by, for a batch of n: [n, C] or [1, C] in training, [1, C] otherwise. A training call
   * without given noise counts one draw. The caller disposes it.
   */
  mask(n: number, { training, noise }: CallOptions): tf.Tensor2D {
    return tf.tidy(() => {
      const channels = this.logAlpha.size;
      if (!training) return this.inferenceMask().reshape([1, channels]);
      const given = noise?.[this.name];
      if (given) return sampleMask(this.logAlpha, given, this.hardConcrete) as tf.Tensor2D;
      const rows = this.sampling === 'batch' ? 1 : n;
      return drawMasks(this.logAlpha, { rows, seed: this.seed, draw: this.draws++, shape: this.hardConcrete });
    });
  }

  override call(inputs: tf.Tensor | tf.Tensor[], options: CallOptions): tf.Tensor {
    const x = single(inputs);
    if (this.gated.has(x)) return x;
    return tf.tidy(() => {
      const mask = this.mask(x.shape[0], options);
      const [rows, channels] = mask.shape;
      return x.mul(mask.reshape([rows, ...Array<number>(x.rank - 2).fill(1), channels]));
    });
  }

  /**
   * Tells the gate that the layer before it has already multiplied x by the mask, so that the gate returns x unchanged.
   */
  expectGated(x: tf.Tensor): void {
    this.gated.add(x);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { droprate_init, sampling, seed, fixedOpen } = this;
    const { temperature } = this.hardConcrete;
    return { ...super.getConfig(), droprate_init, temperature, sampling, seed, fixedOpen };
  }

  static override fromConfig = gateFromConfig;
}
tf.serialization.registerClass(L0Gate);
