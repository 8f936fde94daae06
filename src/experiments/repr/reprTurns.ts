import type * as tf from '@tensorflow/tfjs';
import { cosinesByLayer, reprEpoch, type ReprLengths, type Sparsifier } from '../../sparsity/index.js';

/** The cosines between the filters of each layer, by layer. */
export type LayerCosines = ReadonlyMap<string, number[][]>;

/** A moment at which filters go off or come back, and how the filters lay to each other before and after it. */
export interface ReprTurn {
  /** Epochs made by then. */
  epoch: number;
  turn: 'prune' | 'return';
  before: LayerCosines;
  after: LayerCosines;
}

/** A RePr sparsifier that adds each of its turns to a list. */
export function notingTurns(
  sparsifier: Sparsifier,
  model: tf.LayersModel,
  lengths: ReprLengths,
  turns: ReprTurn[],
): Sparsifier {
  return {
    ...sparsifier,
    beforeEpoch(epoch) {
      const { prunes, reinitialises } = reprEpoch(epoch, lengths);
      const before = prunes || reinitialises ? cosinesByLayer(model) : undefined;
      sparsifier.beforeEpoch?.(epoch);
      if (before) turns.push({ epoch, turn: prunes ? 'prune' : 'return', before, after: cosinesByLayer(model) });
    },
  };
}
