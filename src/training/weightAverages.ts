import * as tf from '@tensorflow/tfjs';
import { readable } from '../backend/readable.js';
import type { Batch } from '../data/batches.js';
import { UserError } from '../errors.js';
import { check, number } from '../rules.js';
import { weightNames } from '../graph/names.js';
import type { Weight } from '../layers/layer.js';
import type { State } from '../sparsity/sparsifier.js';
import { normsOf, takeStatistics } from './statistics.js';

/** How slowly averages move. */
export interface WeightAveragesOptions {
  /** Share of the old average in the new one, from 0 to less than 1. Default 0.999. */
  decay?: number;
}

/**
 * Exponential moving averages of a model's trainable weights (Polyak averaging), which often score better than the
 * weights of any one step. After step n, counted from 1: average <- d average + (1 - d) weight with d = min(decay, (1 +
 * n) / (10 + n)), so that early averages do not consist mostly of initial values, as in TensorFlow's
 * ExponentialMovingAverage with num_updates.
 *
 * If a weight is exactly 0, its average counts as 0: a sparsity method has closed it, and an average that only
 * approaches 0 could never be cut out. Running statistics are not averaged, because the averages would not fit the
 * averaged network: its statistics are recomputed from training images.
 */
export class WeightAverages {
  readonly decay: number;
  /** The averaged weights, by name. */
  private readonly trained: ReadonlyMap<string, Weight>;
  /** The weights that fit only one set of the others, by name: the running statistics of batch norms. */
  private readonly fitted: ReadonlyMap<string, Weight>;
  private readonly averages = new Map<Weight, tf.Tensor>();
  private readonly statistics = new Map<Weight, tf.Tensor>();
  private steps = 0;
  /** The number of steps after which the statistics were computed. */
  private statisticsOf = 0;
  private images?: () => Iterable<Batch>;
  private inUse = false;

  /** Throws a UserError for a decay outside [0, 1), and if two weights of the model have the same name. */
  constructor(
    readonly model: tf.LayersModel,
    { decay = 0.999 }: WeightAveragesOptions = {},
  ) {
    check('decay', decay, number({ min: 0, below: 1 }));
    this.decay = decay;
    const names = weightNames(model);
    const named = (weights: Weight[]): Map<string, Weight> => new Map(weights.map((w) => [names.get(w)!, w]));
    this.trained = named(model.trainableWeights);
    this.fitted = named(
      normsOf(model).flatMap(({ weights }) => weights.filter((w) => !model.trainableWeights.includes(w))),
    );
  }

  /**
   * Call this before the first step: averages start from the weights, unless they were restored. `images` returns the
   * batches from which running statistics are computed, always the same ones; without it there are only restored
   * statistics.
   */
  begin(images?: () => Iterable<Batch>): void {
    this.images = images;
    if (this.averages.size > 0) return;
    for (const weight of this.trained.values()) keep(this.averages, weight, weight.read().clone());
  }

  /** New averages of another network with the same decay; the caller disposes them. */
  of(model: tf.LayersModel): WeightAverages {
    const averages = new WeightAverages(model, { decay: this.decay });
    averages.images = this.images;
    return averages;
  }

  /** Call this after every step. */
  update(): void {
    this.steps++;
    const decay = Math.min(this.decay, (1 + this.steps) / (10 + this.steps));
    for (const [weight, old] of this.averages) {
      const average = tf.tidy(() => old.mul(decay).add(weight.read().mul(1 - decay)));
      keep(this.averages, weight, average);
    }
  }

  /**
   * Runs `work` while the model has the averaged weights and their statistics, and restores its own afterwards, even if
   * `work` throws. Evaluate, count or compact the averaged network inside `work`. Before the first step both sets of
   * weights are the same.
   */
  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.inUse) return work();
    const weights = [...this.trained.values(), ...this.fitted.values()];
    const before = weights.map((weight) => ({ weight, values: weight.read().clone() }));
    this.inUse = true;
    try {
      for (const [weight, average] of this.averages) {
        tf.tidy(() => void weight.write(average.mul(weight.read().notEqual(0).toFloat())));
      }
      await this.fitStatistics();
      return await work();
    } finally {
      this.inUse = false;
      for (const { weight, values } of before) {
        weight.write(values);
        values.dispose();
      }
    }
  }

  /** A copy of the averages and of the statistics that fit them: what a checkpoint saves. */
  state(): Promise<State> {
    const copy = (values: Map<Weight, tf.Tensor>, names: ReadonlyMap<string, Weight>): State =>
      Object.fromEntries(
        [...names].flatMap(([name, weight]) => {
          const tensor = values.get(weight);
          return tensor ? [[name, tensor.dataSync<'float32'>().slice()] as const] : [];
        }),
      );
    return this.use(async () => {
      await readable();
      return {
        steps: this.steps,
        averages: copy(this.averages, this.trained),
        statisticsOf: this.statisticsOf,
        statistics: copy(this.statistics, this.fitted),
      };
    });
  }

  /** Restores saved averages. Throws a UserError that names the weight if they belong to another network. */
  restore(state: State): void {
    const [averages, statistics] = [Object(state.averages) as State, Object(state.statistics) as State];
    const wanted = [
      ...[...this.trained].map(([name, weight]) => ({ name, weight, saved: averages[name], values: this.averages })),
      ...[...this.fitted]
        .filter(([name]) => name in statistics)
        .map(([name, weight]) => ({ name, weight, saved: statistics[name], values: this.statistics })),
    ];
    for (const { name, weight, saved } of wanted) {
      const { size } = weight.read();
      if (saved instanceof Float32Array && saved.length === size) continue;
      throw new UserError(
        `The saved averages must have ${size} values for ${name}; received ${(saved as Float32Array | undefined)?.length ?? 'none'}: they are of another network.`,
      );
    }
    this.dispose();
    this.steps = state.steps as number;
    this.statisticsOf = (state.statisticsOf as number | undefined) ?? 0;
    for (const { weight, saved, values } of wanted) {
      keep(values, weight, tf.tensor((saved as Float32Array).slice(), weight.read().shape));
    }
  }

  dispose(): void {
    for (const values of [this.averages, this.statistics]) {
      tf.dispose([...values.values()]);
      values.clear();
    }
    this.steps = 0;
    this.statisticsOf = 0;
  }

  /**
   * Writes running statistics of its own to the averaged network, whose weights must be in place: new ones if a step
   * was made since the last computation.
   */
  private async fitStatistics(): Promise<void> {
    if (this.images && this.statisticsOf !== this.steps && this.fitted.size > 0) {
      await takeStatistics(this.model, this.images());
      for (const weight of this.fitted.values()) keep(this.statistics, weight, weight.read().clone());
      this.statisticsOf = this.steps;
    }
    for (const [weight, values] of this.statistics) weight.write(values);
  }
}

/** Stores a tensor in place of the previous one, which is disposed. */
function keep(values: Map<Weight, tf.Tensor>, weight: Weight, tensor: tf.Tensor): void {
  values.get(weight)?.dispose();
  values.set(weight, tf.keep(tensor));
}
