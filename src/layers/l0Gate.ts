import * as tf from '@tensorflow/tfjs';
import { hardConcreteSample, hasKernel } from '../backend/fusedOps.js';
import { deriveSeed } from '../backend/random.js';
import { UserError } from '../errors.js';
import { gateNoise } from './gateNoise.js';
import {
  defaultHardConcrete,
  inferenceMask,
  probabilityNonZero,
  sampleMask,
  type HardConcrete,
} from './hardConcrete.js';
import { single, type CallOptions, type LayerOptions, type Weight } from './layer.js';
import { seededNormal } from './seededInitializer.js';

/** One mask for each image and channel, or one for each channel of the mini-batch (as in the paper's code). */
export type GateSampling = 'image' | 'batch';

export interface L0GateOptions extends LayerOptions {
  /** d: logAlpha starts at N(ln(1 - d) - ln d, 0.01). Note that d = 0.5 means P(mask != 0) = 0.832, not 0.5. */
  droprate_init?: number;
  temperature?: number;
  sampling?: GateSampling;
  seed?: number;
  /** A gate that stays open and has nothing to train: logAlpha is 999. */
  fixedOpen?: boolean;
}

const OPEN = 999;

/**
 * Multiplies each channel by a hard concrete mask (Louizos et al. 2018): sampled in training, deterministic otherwise.
 *
 * Input [N, ..., C], output the same shape; one weight, logAlpha [C]. A training call draws fresh noise from
 * (seed, draws) and counts the draw; `noise` in the call's options replaces it.
 */
export class L0Gate extends tf.layers.Layer {
  static className = 'L0Gate';
  readonly hardConcrete: HardConcrete;
  readonly sampling: GateSampling;
  readonly droprate_init: number;
  readonly seed: number;
  readonly fixedOpen: boolean;
  /** How many times this gate has drawn noise: with the seed, all that a resumed run needs to know. */
  draws = 0;
  private logAlphaWeight!: Weight;
  private readonly gated = new WeakSet<tf.Tensor>();

  constructor(options: L0GateOptions = {}) {
    super(options);
    this.droprate_init = options.droprate_init ?? 0.5;
    this.sampling = options.sampling ?? 'image';
    this.seed = options.seed ?? 0;
    this.fixedOpen = options.fixedOpen ?? false;
    this.hardConcrete = { ...defaultHardConcrete, temperature: options.temperature ?? defaultHardConcrete.temperature };
    if (!(this.droprate_init > 0 && this.droprate_init < 1)) {
      throw new UserError(`droprate_init is a probability between 0 and 1, got ${this.droprate_init}`);
    }
    if (!(this.hardConcrete.temperature > 0)) {
      throw new UserError(`temperature must be positive, got ${this.hardConcrete.temperature}`);
    }
    if (!['image', 'batch'].includes(this.sampling)) {
      throw new UserError(`sampling is 'image' or 'batch', got '${this.sampling}'`);
    }
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const channels = (inputShape as tf.Shape).at(-1);
    const mean = Math.log(1 - this.droprate_init) - Math.log(this.droprate_init);
    const initializer = this.fixedOpen
      ? tf.initializers.constant({ value: OPEN })
      : seededNormal(this.seed, mean, 0.01);
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

  /** The location parameter of each channel's mask, [C]: the layer's own variable, not to be disposed. */
  get logAlpha(): tf.Variable<tf.Rank.R1> {
    return this.logAlphaWeight.read() as tf.Variable<tf.Rank.R1>;
  }

  /** The deterministic mask of each channel, [C]; the caller disposes it. */
  inferenceMask(): tf.Tensor {
    return inferenceMask(this.logAlpha, this.hardConcrete);
  }

  /** P(mask != 0) of each channel, [C]; the caller disposes it. */
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
      return this.draw(this.sampling === 'batch' ? 1 : n, channels);
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

  /** Tells the gate that x has been multiplied by its mask already, by the layer before it: it will pass x on. */
  expectGated(x: tf.Tensor): void {
    this.gated.add(x);
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape | tf.Shape[] {
    return inputShape;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { droprate_init, sampling, seed, fixedOpen } = this;
    const { temperature } = this.hardConcrete;
    return { ...super.getConfig(), droprate_init, temperature, sampling, seed, fixedOpen };
  }

  /** tf.layers turn every snake_case key of a saved model to camelCase: turn the seed's spelling back. */
  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    { droprateInit, ...config }: tf.serialization.ConfigDict,
  ): T {
    return new cls(droprateInit === undefined ? config : { ...config, droprate_init: droprateInit });
  }

  private draw(rows: number, channels: number): tf.Tensor2D {
    // Seed and number of the draw decide the noise alone, so that a resumed run meets the same one.
    const seed = deriveSeed(this.seed, this.draws++);
    if (hasKernel('HardConcreteSample')) {
      const { temperature, gamma, zeta } = this.hardConcrete;
      return hardConcreteSample(this.logAlpha, { n: rows, seed, offset: 0, temperature, gamma, zeta });
    }
    const noise = tf.tensor2d(gateNoise(seed, rows * channels, this.hardConcrete.epsilon), [rows, channels]);
    return sampleMask(this.logAlpha, noise, this.hardConcrete) as tf.Tensor2D;
  }
}
tf.serialization.registerClass(L0Gate);
