import { setImmediate } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs';
import { batches } from '../data/batches.js';
import type { Normalise } from '../data/augment/normalise.js';
import type { ImageSet } from '../data/imageSet.js';
import { inputOf, rightAnswers } from './batchScores.js';
import { defaultNormalise } from './defaults.js';
import type { Scores } from './events.js';
import { crossEntropy } from './loss.js';

export interface EvaluationOptions {
  /** Default 128. */
  batchSize?: number;
  /** Default: CIFAR-10's means and standard deviations. */
  normalise?: Normalise;
  /** Stops between two batches. */
  signal?: AbortSignal;
}

/**
 * Cross-entropy and accuracy over a whole set, with running statistics and inference masks. Yields to the event loop
 * after every batch; an aborted signal rejects with its reason.
 */
export async function evaluate(
  model: tf.LayersModel,
  set: ImageSet,
  { batchSize = 128, normalise = defaultNormalise, signal }: EvaluationOptions = {},
): Promise<Scores> {
  const meanCrossEntropy = crossEntropy();
  let [loss, right, images] = [0, 0, 0];
  for (const batch of batches(set, { batchSize, normalise })) {
    signal?.throwIfAborted();
    const scores = tf.tidy(() => {
      const { x, labels } = inputOf(batch);
      const logits = model.predict(x) as tf.Tensor2D;
      return tf.stack([meanCrossEntropy(logits, labels), rightAnswers(logits, labels)]);
    });
    const [mean, hits] = await scores.data();
    scores.dispose();
    loss += mean * batch.size;
    right += hits;
    images += batch.size;
    await setImmediate();
  }
  return { loss: loss / images, accuracy: right / images };
}
