import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import type { Weight } from '../layers/layer.js';
import type { State } from './sparsifier.js';

/**
 * Masks that keep entries of weights at exactly 0 through training, whatever the optimizer: gradients are masked, so that
 * its memory takes in nothing of theirs, and weights are masked again after each step, since momentum and weight decay
 * move entries without a gradient.
 */
export class WeightMasks {
  private readonly masks = new Map<string, { weight: Weight; mask: tf.Tensor }>();

  /** Masks a weight by values of its shape, flat, 0 or 1, in place of any mask it has. Takes effect with `apply`. */
  set(weight: Weight, values: Float32Array): void {
    const size = weight.read().size;
    const name = weight.originalName;
    if (values.length !== size) {
      throw new UserError(`A mask of ${name} needs ${size} values, one an entry, got ${values.length}.`);
    }
    this.masks.get(name)?.mask.dispose();
    this.masks.set(name, { weight, mask: tf.keep(tf.tensor(values, weight.shape as number[])) });
  }

  /** The weights that have a mask. */
  get weights(): Weight[] {
    return [...this.masks.values()].map(({ weight }) => weight);
  }

  /** The mask of a weight, flat; undefined for one without. */
  get({ originalName }: Weight): Float32Array | undefined {
    return this.masks.get(originalName)?.mask.dataSync<'float32'>();
  }

  /** Makes masked entries 0. */
  apply(): void {
    tf.tidy(() => {
      for (const { weight, mask } of this.masks.values()) weight.write(weight.read().mul(mask));
    });
  }

  /** Replaces the gradients of masked weights in a map by variable name; those replaced are disposed. */
  maskGradients(gradients: tf.NamedTensorMap): void {
    for (const { weight, mask } of this.masks.values()) {
      const { name } = weight.read() as tf.Variable;
      if (!(name in gradients)) continue;
      const masked = gradients[name].mul(mask);
      gradients[name].dispose();
      gradients[name] = masked;
    }
  }

  /** Forgets all masks and frees them; the entries stay 0 until something moves them. */
  clear(): void {
    for (const { mask } of this.masks.values()) mask.dispose();
    this.masks.clear();
  }

  /** A copy of all masks: what a checkpoint saves. */
  state(): State {
    return Object.fromEntries(
      [...this.masks].map(([name, { mask }]) => [name, mask.dataSync<'float32'>().slice()] as const),
    );
  }

  /** Takes saved masks back. Throws a UserError for one of a weight that the model does not have. */
  restore(state: State, model: tf.LayersModel): void {
    this.clear();
    const weights = new Map(model.weights.map((weight) => [weight.originalName, weight]));
    for (const [name, values] of Object.entries(state)) {
      const weight = weights.get(name);
      if (!weight) throw new UserError(`The saved masks are of another network than ${model.name}: it has no ${name}.`);
      this.set(weight, values as Float32Array);
    }
  }
}
