import type * as tf from '@tensorflow/tfjs';
import type { Sparsifier, State } from '../../sparsity/sparsifier.js';
import type { Schema } from '../settings/schema.js';

/** What a method is built with besides its network. */
export interface MethodContext<All> {
  settings: All;
  /** The seed of its random numbers. */
  seed: number;
  /** The network whose weights decide what is pruned, where that is not the one that is trained. */
  rankedBy?: tf.LayersModel;
  /** The saved state of the methods of a run that goes on, or that is over. */
  saved?: State;
  /** Ends what a method measures before it is built. */
  signal?: AbortSignal;
}

/** A sparsity method in an experiment: its settings `S`, which may depend on those of an experiment in `All`. */
export interface Method<S, All> {
  settings: Schema<S, All>;
  /** Returns the network with the layers that the method needs; it replaces the given one, which is disposed. */
  prepare?(model: tf.LayersModel, context: MethodContext<All>): Promise<tf.LayersModel>;
  build(model: tf.LayersModel, context: MethodContext<All>): Promise<Sparsifier>;
  /**
   * The first epoch, counted from 0, after which nothing more is removed or unfrozen: from there on an epoch can be the
   * best.
   */
  settled?(settings: All): number;
}
