import type * as tf from '@tensorflow/tfjs';
import type { ChannelMasks, SmallerNetwork } from '../graph/channelGraph.js';

/** A part's state in a checkpoint: named numbers, strings, booleans, arrays and nested states. */
export interface State {
  [name: string]: number | string | boolean | null | Float32Array | State;
}

/** Variables that are trained with their own settings. */
export interface ParameterGroup {
  name: string;
  variables: tf.Variable[];
  /** Base learning rate instead of the optimizer's; schedules multiply it too. */
  lr?: number;
}

/** A method of making a network sparse. The trainer calls the hooks that a method has, in this order. */
export interface Sparsifier {
  readonly name: string;
  /** The network that the method was made for; if given, the trainer refuses any other network. */
  readonly model?: tf.LayersModel;
  readonly parameterGroups?: ParameterGroup[];
  /** Called before each epoch, counted from 0: pruning schedules and cycles. */
  beforeEpoch?(epoch: number): void;
  /** A term that is added to the loss; the trainer disposes it. */
  penalty?(): tf.Scalar;
  /**
   * May change the map of gradients (by variable name) in place, and disposes those it replaces or removes: masks,
   * frozen tensors. `decayed` means that the optimizer adds weight decay to the gradients and remembers the sum, which
   * it may do for hidden weights too.
   */
  onGradients?(gradients: tf.NamedTensorMap, decayed: boolean): void;
  /**
   * Called after the optimizer's step with the learning rate of that step, which is the base rate times the schedule's
   * factor: proximal steps, masks.
   */
  afterStep?(learningRate: number, factor: number): void;
  /** Whether `afterStep` reads values; the trainer then waits at every step until it can. Default false. */
  readonly readsAfterStep?: boolean;
  /**
   * Called after each epoch, before its event and its checkpoint, when values can be read: for measurements whose
   * results are part of the state.
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
  /** Everything that a resumed run needs apart from the model's weights. */
  state(): State;
  /** Restores what `state` returned. */
  restore(state: State): void;
  /**
   * What stays closed from the start of this epoch, counted from 0, to the end of the run: masks of weight entries,
   * flat, by the weight's name (layer/kernel); entries with mask 0 are exactly 0 from now on. In the mask of a gate
   * (gate/logAlpha), 0 means that it is closed, and open in training with less than this probability.
   */
  closedForGood?(epoch: number, probability: number): ReadonlyMap<string, Float32Array>;
  /**
   * Returns the same method for a smaller network: its steps and states are the smaller network's; its masks, counts
   * and costs are the whole network's. Without this hook, channels cannot be cut out in training.
   */
  inSmaller?(network: SmallerNetwork): Sparsifier;
  /** Frees the method's own tensors. */
  dispose?(): void;
}

/** Merges the masks of several methods into one map; masks with the same name are multiplied, value by value. */
export function products(all: readonly ChannelMasks[]): ChannelMasks {
  const masks = new Map<string, Float32Array>();
  for (const [name, mask] of all.flatMap((each) => [...each])) {
    const other = masks.get(name);
    masks.set(name, other ? mask.map((value, i) => value * other[i]) : mask);
  }
  return masks;
}

/** Counts the values of masks, and how many of them are closed. */
export function closedIn(masks: Iterable<Float32Array>): { channels: number; closed: number } {
  const counts = { channels: 0, closed: 0 };
  for (const mask of masks) {
    counts.channels += mask.length;
    counts.closed += mask.filter((value) => value === 0).length;
  }
  return counts;
}

/** Returns a method's part of a saved state: its entry in the state of combined methods, else the whole state. */
export function stateOf(state: State | undefined, name: string): State | undefined {
  return state && name in state ? (state[name] as State) : state;
}
