import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { weightNames } from '../graph/names.js';
import type { State } from '../sparsity/sparsifier.js';

export interface WeightAveragesOptions {
  /** Share of the old average in the new one, from 0 to less than 1. Default 0.999. */
  decay?: number;
}

/**
 * Exponential moving averages of a model's trainable weights (Polyak averaging), which often score better than the weights
 * of any one step. After step n, counted from 1: average <- d average + (1 - d) weight with d = min(decay, (1 + n) / (10 + n)),
 * so that early averages are not mostly start values, as TensorFlow's ExponentialMovingAverage with num_updates.
 *
 * Where a weight is exactly 0, its average counts as 0: a sparsity method has closed it, and an average that only comes
 * ever closer to 0 could never be cut out.
 */
export class WeightAverages {
  readonly decay: number;
  private readonly variables: Map<string, tf.Variable>;
  private readonly averages = new Map<string, tf.Tensor>();
  private steps = 0;

  /** Throws a UserError for a decay outside of [0, 1), and where two weights of the model have one name. */
  constructor(model: tf.LayersModel, { decay = 0.999 }: WeightAveragesOptions = {}) {
    if (!(decay >= 0 && decay < 1)) {
      throw new UserError(`The decay of weight averages must be at least 0 and below 1; received ${decay}.`);
    }
    this.decay = decay;
    const names = weightNames(model);
    this.variables = new Map(model.trainableWeights.map((w) => [names.get(w)!, w.read() as tf.Variable]));
  }

  /** To be called before the first step: the averages start as the weights are then, unless they were restored. */
  begin(): void {
    if (this.averages.size > 0) return;
    for (const [name, variable] of this.variables) this.averages.set(name, tf.keep(variable.clone()));
  }

  /** To be called after every step. */
  update(): void {
    this.steps++;
    const decay = Math.min(this.decay, (1 + this.steps) / (10 + this.steps));
    for (const [name, variable] of this.variables) {
      const old = this.averages.get(name)!;
      this.averages.set(name, tf.keep(tf.tidy(() => old.mul(decay).add(variable.mul(1 - decay)))));
      old.dispose();
    }
  }

  /**
   * Lets the model have the averages in place of its weights while `work` goes on, and its weights again when that is over,
   * however it ended. Before the first step these are the same.
   */
  async use<T>(work: () => Promise<T>): Promise<T> {
    const weights = [...this.averages].map(([name, average]) => {
      const variable = this.variables.get(name)!;
      const weight = variable.clone();
      tf.tidy(() => variable.assign(average.mul(variable.notEqual(0).toFloat())));
      return { variable, weight };
    });
    try {
      return await work();
    } finally {
      for (const { variable, weight } of weights) {
        variable.assign(weight);
        weight.dispose();
      }
    }
  }

  /** A copy of the averages: what a checkpoint saves. */
  state(): State {
    const values = [...this.averages].map(([name, t]) => [name, t.dataSync<'float32'>().slice()] as const);
    return { steps: this.steps, averages: Object.fromEntries(values) };
  }

  /** Takes saved averages back. Throws a UserError that names the weight if they are of another network. */
  restore(state: State): void {
    const saved = Object(state.averages) as Record<string, Float32Array | undefined>;
    for (const [name, { size }] of this.variables) {
      const values = saved[name];
      if (values?.length === size) continue;
      throw new UserError(
        `The saved averages need ${size} values for ${name}, got ${values?.length ?? 'none'}: they are of another network.`,
      );
    }
    this.dispose();
    this.steps = state.steps as number;
    for (const [name, { shape }] of this.variables) {
      this.averages.set(name, tf.keep(tf.tensor(saved[name]!.slice(), shape)));
    }
  }

  /** Frees the averages. */
  dispose(): void {
    tf.dispose([...this.averages.values()]);
    this.averages.clear();
    this.steps = 0;
  }
}
