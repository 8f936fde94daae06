import type * as tf from '@tensorflow/tfjs';
import type { ChannelMasks } from '../models/channelMasks.js';

/** What a checkpoint can hold of a part: named numbers, texts, flags, arrays, and more of the same. */
export interface State {
  [name: string]: number | string | boolean | null | Float32Array | State;
}

/** Variables that are trained with settings of their own. */
export interface ParameterGroup {
  name: string;
  variables: tf.Variable[];
  /** Base learning rate in place of the optimizer's; schedules multiply it too. */
  lr?: number;
}

/** One method of making a network sparse. The trainer calls whichever hooks a method has, in this order. */
export interface Sparsifier {
  /** The method's name, as shown to people. */
  readonly name: string;
  /** Variables with settings of their own. */
  readonly parameterGroups?: ParameterGroup[];
  /** Called before each epoch, counted from 0: pruning schedules and cycles. */
  beforeEpoch?(epoch: number): void;
  /** A term that is added to the loss; the trainer disposes it. */
  penalty?(): tf.Scalar;
  /** May change gradients in place of the map (by variable name), disposing those it replaces: masks, frozen tensors. */
  onGradients?(gradients: tf.NamedTensorMap): void;
  /** Called after the optimizer's step with the learning rate it used: proximal steps, masks applied anew. */
  afterStep?(learningRate: number): void;
  /** The mask of every channel the method decides about, between 0 (removed) and 1. */
  channelMasks(): ChannelMasks;
  /** The mask of every single weight the method decides about, flat, by the weight's name (layer/kernel); 0 is removed. */
  weightMasks?(): ReadonlyMap<string, Float32Array>;
  /** Numbers about the method that the epoch's event carries. */
  summary?(): Record<string, number>;
  /** Everything that a resumed run needs and that is not a weight of the model. */
  state(): State;
  /** Takes back what `state` gave. */
  restore(state: State): void;
  /** Frees the method's own tensors. */
  dispose?(): void;
}
