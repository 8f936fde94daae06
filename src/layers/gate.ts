import * as tf from '@tensorflow/tfjs';
import { hardConcreteSample, hasKernel } from '../backend/fusedOps.js';
import { deriveSeed, uniform } from '../backend/random.js';
import { check, number } from '../rules.js';
import { defaultHardConcrete, sampleMask, type HardConcrete } from './hardConcrete.js';
import { seededNormal, type Initializer } from './seededInitializer.js';

/** A layer with hard concrete gates, whatever they multiply: channels (`L0Gate`) or weights (`GatedConv2d`). */
export interface Gate extends tf.layers.Layer {
  readonly hardConcrete: HardConcrete;
  /** The location parameter of each gate: the layer's own variable, not to be disposed. */
  readonly logAlpha: tf.Variable;
  /** How many times the layer has drawn noise. With its seed, this is all that a resumed run needs to know. */
  draws: number;
  /** The deterministic mask of each gate, in logAlpha's shape; the caller disposes it. */
  inferenceMask(): tf.Tensor;
  /** P(mask != 0) of each gate, in logAlpha's shape; the caller disposes it. */
  probabilityNonZero(): tf.Tensor;
}

/** How gates start, and the shape of their distribution. */
export interface GateStart {
  /**
   * d: logAlpha starts at N(ln(1 - d) - ln d, 0.01). Note that d = 0.5 means P(mask != 0) = 0.832, not 0.5. Default
   * 0.5.
   */
  droprate_init?: number;
  /** Default 2/3. */
  temperature?: number;
}

/** Returns the start and the distribution, with defaults filled in. Throws a UserError for values out of range. */
export function gateStart({ droprate_init = 0.5, temperature = defaultHardConcrete.temperature }: GateStart): {
  droprate_init: number;
  hardConcrete: HardConcrete;
} {
  check('droprate_init', droprate_init, number({ above: 0, below: 1 }));
  check('temperature', temperature, number({ above: 0 }));
  return { droprate_init, hardConcrete: { ...defaultHardConcrete, temperature } };
}

/** Builds a gate from a saved config, whose snake_case keys tf.layers have turned into camelCase. */
export function gateFromConfig<T extends tf.serialization.Serializable>(
  kind: tf.serialization.SerializableConstructor<T>,
  { droprateInit, ...config }: tf.serialization.ConfigDict,
): T {
  return new kind(droprateInit === undefined ? config : { ...config, droprate_init: droprateInit });
}

/** The initializer of logAlpha: N(ln(1 - d) - ln d, 0.01) for the drop rate d. */
export function initialLogAlpha(droprate_init: number, seed: number): Initializer {
  return seededNormal(seed, Math.log(1 - droprate_init) - Math.log(droprate_init), 0.01);
}

/**
 * Draws `rows` masks [rows, C] of logAlpha [C]. The noise depends only on the seed and the number of the draw, so a
 * resumed run draws the same noise. The caller disposes the result.
 */
export function drawMasks(
  logAlpha: tf.Tensor1D,
  { rows, seed, draw, shape }: { rows: number; seed: number; draw: number; shape: HardConcrete },
): tf.Tensor2D {
  const own = deriveSeed(seed, draw);
  if (hasKernel('HardConcreteSample')) {
    const { temperature, gamma, zeta } = shape;
    return hardConcreteSample(logAlpha, { n: rows, seed: own, offset: 0, temperature, gamma, zeta });
  }
  return tf.tidy(() => {
    const { epsilon } = shape;
    const drawn = (i: number): number => Math.min(1 - epsilon, Math.max(epsilon, uniform(own, i)));
    const noise = Float32Array.from({ length: rows * logAlpha.size }, (_, i) => drawn(i));
    return sampleMask(logAlpha, tf.tensor2d(noise, [rows, logAlpha.size]), shape) as tf.Tensor2D;
  });
}
