import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { bestEpoch, type EpochEvent, type TrainingEvent } from '../training/events.js';
import type { ExperimentRun } from './experiment.js';

export interface KeepingOptions {
  /** Ends the run between two steps. */
  signal?: AbortSignal;
  /** The first epoch, counted from 0, that can be the best: a network that is still being pruned is better and not yet sparse. */
  from?: number;
}

/**
 * Trains a run and, when it is finished, gives its network the weights of the epoch that did best on the validation images;
 * its last event says which. An interrupted run keeps its weights, so that it can go on.
 *
 * Throws a UserError for a run with averages of the weights, which belong to the last step.
 */
export async function* keepingBest(
  run: ExperimentRun,
  { signal, from = 0 }: KeepingOptions = {},
): AsyncGenerator<TrainingEvent, void, void> {
  if (run.averages) throw new UserError('keepingBest is for runs without averages: leave ema_decay out.');
  const epochs: EpochEvent[] = [];
  let kept: tf.Tensor[] = [];
  try {
    for await (const event of run.events(signal)) {
      if (event.type === 'epoch') {
        epochs.push(event);
        if (bestEpoch(epochs, { from }) === event) {
          tf.dispose(kept);
          kept = run.model.getWeights().map((weight) => weight.clone());
        }
      }
      const best = bestEpoch(epochs, { from });
      if (event.type !== 'end' || event.reason !== 'finished' || !best) yield event;
      else {
        run.model.setWeights(kept);
        yield { ...event, message: `${event.message}; the weights are those after epoch ${best.epoch + 1}, the best` };
      }
    }
  } finally {
    tf.dispose(kept);
  }
}
