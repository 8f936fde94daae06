import * as tf from '@tensorflow/tfjs';
import { check, oneOf } from '../rules.js';

/** A weight of a layer: a named variable. */
export type Weight = tf.layers.Layer['weights'][number];

/** The options of every tf.layers constructor: name, trainable, inputShape and so on. */
export type LayerOptions = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

/** The second argument of `model.apply(x, { training: true })`, passed on to each layer of the model. */
export interface CallOptions {
  /** Whether to use batch statistics and sampled gates, not running statistics and inference masks. Default false. */
  training?: boolean;
  /** Whether a training pass moves the running statistics of batch norm. Default true. */
  updateStatistics?: boolean;
  /** Uniform noise for gates by layer name, [N, C] or [1, C], replacing the noise that the gates would draw. */
  noise?: Record<string, tf.Tensor>;
  /** The gates that batch norms of this network multiply in their own pass, by the batch norm. Default none. */
  gates?: ReadonlyMap<tf.layers.Layer, tf.layers.Layer>;
}

/** The one tensor of a layer with one input, which tf.layers may wrap in an array. */
export function single<T>(inputs: T | T[]): T {
  return Array.isArray(inputs) ? inputs[0] : inputs;
}

/** Whether an axis in a layer's settings is the last of `rank` axes; Keras writes [3] as well as 3. */
export function isLastAxis(axis: unknown, rank: number): boolean {
  const axes = [axis].flat();
  return axes.length === 1 && [-1, rank - 1].includes(axes[0] as number);
}

/** The activations that a layer may apply in the same pass. */
export const activations = ['linear', 'relu', 'relu6'] as const;
/** One of `activations`. */
export type Activation = (typeof activations)[number];

/** Throws a UserError that names the layer for an activation that is not among those the layer can apply. */
export function checkActivation(
  activation: Activation,
  layer: string,
  possible: readonly Activation[] = activations,
): void {
  check(`${layer}: activation`, activation, oneOf(...possible));
}
