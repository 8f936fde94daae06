import { setImmediate } from '#platform';
import * as tf from '@tensorflow/tfjs';
import type { Batch } from '../data/batches.js';
import { forward, gatesOf } from '../graph/gates.js';
import { isBatchNorm, type BatchNormLayer } from '../graph/kernels.js';
import { leafLayers } from '../graph/names.js';
import { BatchNorm } from '../layers/batchNorm.js';
import { inputOf } from './loss.js';

/** Copies of the state that a training-mode pass changes: `undo` restores it; call `dispose` in either case. */
export interface PassMemory {
  undo(): void;
  dispose(): void;
}

/**
 * Copies the state that a training-mode pass changes in a network: the weights that are not trained, such as running
 * statistics, and the gates' counts of draws.
 */
export function beforePass(model: tf.LayersModel): PassMemory {
  // Clones share the values that a pass replaces.
  const statistics = model.nonTrainableWeights.map((weight) => ({ weight, before: weight.read().clone() }));
  const draws = gatesOf(model).map((gate) => ({ gate, before: gate.draws }));
  return {
    undo: () => {
      for (const { weight, before } of statistics) weight.write(before);
      for (const { gate, before } of draws) gate.draws = before;
    },
    dispose: () => tf.dispose(statistics.map(({ before }) => before)),
  };
}

/** Runs work that uses a network in training mode, and restores the state that this changed. */
export function unchanged<T>(model: tf.LayersModel, work: () => T): T {
  const memory = beforePass(model);
  try {
    return work();
  } finally {
    memory.undo();
    memory.dispose();
  }
}

/** The batch norms of a network, ours and those of tf.layers. */
export const normsOf = (model: tf.LayersModel): BatchNormLayer[] => leafLayers(model).filter(isBatchNorm);

/**
 * Recomputes the running statistics of a network's batch norms: each becomes the mean of its batch statistics over all
 * batches, with gates and dropout as in training (torch.optim.swa_utils.update_bn). Frozen batch norms and the gates'
 * counts of draws stay as they are. Yields to the event loop after every batch.
 */
export async function takeStatistics(model: tf.LayersModel, images: Iterable<Batch>): Promise<void> {
  const norms = (normsOf(model) as { momentum?: number }[]).map((norm) => ({ norm, momentum: norm.momentum }));
  const draws = gatesOf(model).map((gate) => ({ gate, before: gate.draws }));
  let taken = 0;
  try {
    for (const batch of images) {
      taken++;
      // tf.layers' momentum is the share of the old value, ours the share of the new one.
      for (const { norm } of norms) norm.momentum = norm instanceof BatchNorm ? 1 / taken : 1 - 1 / taken;
      tf.tidy(() => void forward(model, inputOf(batch).x, { training: true, seed: taken }));
      await setImmediate();
    }
  } finally {
    for (const { norm, momentum } of norms) norm.momentum = momentum;
    for (const { gate, before } of draws) gate.draws = before;
  }
}
