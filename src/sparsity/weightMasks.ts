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
 * Masks that keep entries of weights at exactly 0 through training, whatever the optimizer: gradients are masked, and
 * weights are masked again after each step, since momentum and weight decay move entries without a gradient.
 *
 * In torch.nn.utils.prune a mask only hides an entry: weight decay continues to use the hidden value, and if it enters
 * the optimizer's memory, it affects the entry once the mask is lifted. For such optimizers hidden values are kept here
 * too.
 */
export class WeightMasks {
  private readonly masks = new Map<Weight, tf.Tensor>();
  /** The values that masked entries would have without the masks; 0 elsewhere. */
  private readonly hidden = new Map<Weight, tf.Tensor>();
  /** Whether weights currently have their hidden values, as during the optimizer's step. */
  private revealed = false;

  /** Throws a UserError if two weights of the model have the same name. */
  constructor(private readonly model: tf.LayersModel) {
    namedWeights(model);
  }

  /** Sets or replaces the mask of a weight: 0 or 1 for each entry, flat. Takes effect with `apply`. */
  set(weight: Weight, values: Float32Array): void {
    this.put(this.masks, weight, values);
  }

  /** The weights that have a mask. */
  get weights(): Weight[] {
    return [...this.masks.keys()];
  }

  /** The mask of a weight, flat; undefined if it has none. */
  get(weight: Weight): Float32Array | undefined {
    return this.masks.get(weight)?.dataSync<'float32'>();
  }

  /**
   * Sets the entries that new masks close to 0, and keeps their values until it is known whether the optimizer needs
   * them.
   */
  hide(): void {
    for (const [weight, mask] of this.masks) {
      const [values, before] = [weight.read(), this.hidden.get(weight)];
      const closed = tf.tidy(() => {
        const masked = values.mul(mask);
        const closed = values.sub(masked);
        weight.write(masked);
        return before ? closed.add(before) : closed;
      });
      before?.dispose();
      this.hidden.set(weight, tf.keep(closed));
    }
    this.revealed = false;
  }

  /** Makes masked entries 0 again after a step. */
  apply(): void {
    if (this.revealed) return this.hide();
    tf.tidy(() => {
      for (const [weight, mask] of this.masks) weight.write(weight.read().mul(mask));
    });
  }

  /**
   * Replaces the gradients of masked weights in a map by variable name and disposes the old ones. If the optimizer
   * remembers weight decay (`decayed`), hidden entries are restored for it until `apply`.
   */
  maskGradients(gradients: tf.NamedTensorMap, decayed = false): void {
    this.revealed = decayed;
    if (decayed)
      for (const [weight, values] of this.hidden) tf.tidy(() => void weight.write(weight.read().add(values)));
    this.forget();
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
    this.forget();
  }

  private forget(): void {
    tf.dispose([...this.hidden.values()]);
    this.hidden.clear();
  }

  /** A copy of all masks by the weights' names, for checkpoints. */
  state(): Record<string, Float32Array> {
    return this.named(this.masks);
  }

  /** A copy of the hidden values, where they are kept, by the weights' names, for checkpoints. */
  hiddenState(): Record<string, Float32Array> {
    return this.named(this.hidden);
  }

  /** Restores saved masks and hidden values. Throws a UserError for a weight that the model does not have. */
  restore(masks: State, hidden: State = {}): void {
    this.clear();
    const { model } = this;
    const weights = namedWeights(model);
    for (const [state, tensors] of [
      [masks, this.masks],
      [hidden, this.hidden],
    ] as const) {
      for (const [name, values] of Object.entries(state)) {
        const weight = weights.get(name);
        if (!weight) {
          throw new UserError(`The saved masks are of another network than ${model.name}: it has no ${name}.`);
        }
        this.put(tensors, weight, values as Float32Array);
      }
    }
  }

  private put(tensors: Map<Weight, tf.Tensor>, weight: Weight, values: Float32Array): void {
    const size = weight.read().size;
    if (values.length !== size) {
      throw new UserError(
        `A mask of ${weight.originalName} must have ${size} values, one an entry; received ${values.length}.`,
      );
    }
    tensors.get(weight)?.dispose();
    tensors.set(weight, tf.keep(tf.tensor(values, weight.shape as number[])));
  }

  private named(tensors: ReadonlyMap<Weight, tf.Tensor>): Record<string, Float32Array> {
    const names = weightNames(this.model);
    return Object.fromEntries(
      [...tensors].map(([weight, tensor]) => [names.get(weight)!, tensor.dataSync<'float32'>().slice()] as const),
    );
  }
}
