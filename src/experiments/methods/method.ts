import type * as tf from '@tensorflow/tfjs';
import type { Sparsifier, State } from '../../sparsity/sparsifier.js';
import type { Schema } from '../settings/schema.js';

/** What a method is built with besides its network. */
export interface MethodContext<All> {
  settings: All;
  /** The seed of its random numbers. */
  seed: number;
  /** The network whose weights decide what is pruned, if that is not the trained one. */
  rankedBy?: tf.LayersModel;
  /** The saved state of the methods of a run that continues or is finished. */
  saved?: State;
  /** Ends the measurements that a method makes before it is built. */
  signal?: AbortSignal;
}

/** A sparsity method in an experiment; its settings `S` may depend on the experiment's settings in `All`. */
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
