import * as tf from '@tensorflow/tfjs';
import { gatesOf } from '../graph/gates.js';

/**
 * Does what runs a network as in training and gives it back what such a pass moves, whatever the classes of its layers:
 * the weights that are not trained, such as running statistics, and the gates' count of draws.
 */
export function unchanged<T>(model: tf.LayersModel, work: () => T): T {
  const statistics = model.nonTrainableWeights.map((weight) => ({ weight, before: weight.read().clone() }));
  const draws = gatesOf(model).map((gate) => ({ gate, before: gate.draws }));
  try {
    return work();
  } finally {
    for (const { weight, before } of statistics) weight.write(before);
    for (const { gate, before } of draws) gate.draws = before;
    tf.dispose(statistics.map(({ before }) => before));
  }
}
