import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { namedWeights, weightNames } from '../graph/names.js';
import type { Weight } from '../layers/layer.js';
import type { State } from './sparsifier.js';

/** Changes the values of a weight, flat, in place. */
export function changeWeight(weight: Weight, change: (values: Float32Array) => void): void {
  const values = weight.read().dataSync<'float32'>().slice();
  change(values);
  tf.tidy(() => void weight.write(tf.tensor(values, weight.shape as number[])));
}

/**
 * Masks that keep entries of weights at exactly 0 through training, whatever the optimizer: gradients are masked, so that
 * its memory takes in nothing of theirs, and weights are masked again after each step, since momentum and weight decay
 * move entries without a gradient.
 */
export class WeightMasks {
  private readonly masks = new Map<Weight, tf.Tensor>();

  /** Throws a UserError where two weights of the model have one name. */
  constructor(private readonly model: tf.LayersModel) {
    namedWeights(model);
  }

  /** Masks a weight by values of its shape, flat, 0 or 1, in place of any mask it has. Takes effect with `apply`. */
  set(weight: Weight, values: Float32Array): void {
    const size = weight.read().size;
    if (values.length !== size) {
      throw new UserError(`A mask of ${weight.originalName} needs ${size} values, one an entry, got ${values.length}.`);
    }
    this.masks.get(weight)?.dispose();
    this.masks.set(weight, tf.keep(tf.tensor(values, weight.shape as number[])));
  }

  /** The weights that have a mask. */
  get weights(): Weight[] {
    return [...this.masks.keys()];
  }

  /** The mask of a weight, flat; undefined for one without. */
  get(weight: Weight): Float32Array | undefined {
    return this.masks.get(weight)?.dataSync<'float32'>();
  }

  /** Makes masked entries 0. */
  apply(): void {
    tf.tidy(() => {
      for (const [weight, mask] of this.masks) weight.write(weight.read().mul(mask));
    });
  }

  /** Replaces the gradients of masked weights in a map by variable name; those replaced are disposed. */
  maskGradients(gradients: tf.NamedTensorMap): void {
    for (const [weight, mask] of this.masks) {
      const { name } = weight.read() as tf.Variable;
      if (!(name in gradients)) continue;
      const masked = gradients[name].mul(mask);
      gradients[name].dispose();
      gradients[name] = masked;
    }
  }

  /** Forgets all masks and frees them; the entries stay 0 until something moves them. */
  clear(): void {
    tf.dispose([...this.masks.values()]);
    this.masks.clear();
  }

  /** A copy of all masks by the weights' names: what a checkpoint saves. */
  state(): Record<string, Float32Array> {
    const names = weightNames(this.model);
    return Object.fromEntries(
      [...this.masks].map(([weight, mask]) => [names.get(weight)!, mask.dataSync<'float32'>().slice()] as const),
    );
  }

  /** Takes saved masks back. Throws a UserError for one of a weight that the model does not have. */
  restore(state: State): void {
    this.clear();
    const { model } = this;
    const weights = namedWeights(model);
    for (const [name, values] of Object.entries(state)) {
      const weight = weights.get(name);
      if (!weight) throw new UserError(`The saved masks are of another network than ${model.name}: it has no ${name}.`);
      this.set(weight, values as Float32Array);
    }
  }
}
