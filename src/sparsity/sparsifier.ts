import type * as tf from '@tensorflow/tfjs';
import type { ChannelMasks, SmallerNetwork } from '../graph/channelGraph.js';

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
  readonly name: string;
  /** The network that it was made for, if it says so: the trainer then refuses another one. */
  readonly model?: tf.LayersModel;
  readonly parameterGroups?: ParameterGroup[];
  /** Called before each epoch, counted from 0: pruning schedules and cycles. */
  beforeEpoch?(epoch: number): void;
  /** A term that is added to the loss; the trainer disposes it. */
  penalty?(): tf.Scalar;
  /**
   * May change gradients in place of the map (by variable name), disposing those it replaces: masks, frozen tensors.
   * `decayed` says that the optimizer adds weight decay to them and remembers the sum, which it may do for hidden
   * weights too.
   */
  onGradients?(gradients: tf.NamedTensorMap, decayed: boolean): void;
  /**
   * Called after the optimizer's step with the learning rate it used, which is its own times the schedule's factor:
   * proximal steps, masks applied anew.
   */
  afterStep?(learningRate: number, factor: number): void;
  /** Whether `afterStep` reads values: the trainer then waits until it can, at every step. Default false. */
  readonly readsAfterStep?: boolean;
  /**
   * Called after each epoch, before its event and its checkpoint, when values can be read: measurements, whose results
   * are a part of the state.
   */
  afterEpoch?(): Promise<void>;
  /** The mask of every channel the method decides about, between 0 (removed) and 1. */
  channelMasks(): ChannelMasks;
  /**
   * The mask of every single weight the method decides about, flat, by the weight's name (layer/kernel); 0 is removed.
   */
  weightMasks?(): ReadonlyMap<string, Float32Array>;
  /** Numbers about the method that the epoch's event carries. */
  summary?(): Record<string, number>;
  /** Everything that a resumed run needs and that is not a weight of the model. */
  state(): State;
  /** Restores what `state` returned. */
  restore(state: State): void;
  /**
   * What stays closed from before this epoch, counted from 0, to the end of the run: by a weight's name (layer/kernel)
   * a mask of its entries, flat, in which a 0 is exactly 0 from now on. Of a gate (gate/logAlpha) a 0 is one that is
   * closed, and open in training with less than that probability.
   */
  closedForGood?(epoch: number, probability: number): ReadonlyMap<string, Float32Array>;
  /**
   * The same method for a smaller network: its steps and states are the smaller network's, its masks, counts and costs
   * those of the whole one. Without this hook, channels cannot be cut out in training.
   */
  inSmaller?(network: SmallerNetwork): Sparsifier;
  /** Frees the method's own tensors. */
  dispose?(): void;
}

/** The masks of several methods in one map; where two have one name, their product, value by value. */
export function products(all: readonly ChannelMasks[]): ChannelMasks {
  const masks = new Map<string, Float32Array>();
  for (const [name, mask] of all.flatMap((each) => [...each])) {
    const other = masks.get(name);
    masks.set(name, other ? mask.map((value, i) => value * other[i]) : mask);
  }
  return masks;
}

/** How many values masks have, and how many of those are closed. */
export function closedIn(masks: Iterable<Float32Array>): { channels: number; closed: number } {
  const counts = { channels: 0, closed: 0 };
  for (const mask of masks) {
    counts.channels += mask.length;
    counts.closed += mask.filter((value) => value === 0).length;
  }
  return counts;
}

/** One method's part of a saved state: its entry in the state of combined methods, else the whole state. */
export function stateOf(state: State | undefined, name: string): State | undefined {
  return state && name in state ? (state[name] as State) : state;
}
