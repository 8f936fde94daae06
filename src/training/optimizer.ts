import type * as tf from '@tensorflow/tfjs';
import type { State } from '../sparsity/sparsifier.js';

/** One variable's share in a step. */
export interface Update {
  /** Name of the variable in saved states: layer/weight, the same in every copy of the model. */
  key: string;
  variable: tf.Variable;
  /** Stays the caller's to dispose. */
  gradient: tf.Tensor;
  /** Learning rate of this variable at this step. */
  lr: number;
}

/** A rule for changing variables by their gradients, with a memory for each variable. */
export interface Optimizer {
  readonly name: string;
  /** Base learning rate, before the schedule. */
  readonly lr: number;
  /** Changes every variable of the updates in place. */
  step(updates: Update[]): void;
  /** A copy of the memory: what a checkpoint saves. */
  state(): State;
  /** Takes a saved memory back, in place of what there is. */
  restore(state: State): void;
  /** Frees the memory's tensors. */
  dispose(): void;
}
