import type { TrainingEvent } from '../../events.js';
import type { SummaryValue } from './schema.js';
import { histogram, scalar, sessionEnd } from './values.js';

/** What TensorBoard shows of an event; `gates` are masks by layer, and `seconds` is the time since 1970. */
export function summariesOf(
  event: TrainingEvent,
  seconds: number,
  gates: ReadonlyMap<string, Float32Array> = new Map(),
): SummaryValue[] {
  if (event.type === 'step') {
    const { loss, crossEntropy, penalty, accuracy, imagesPerSecond, learningRate } = event;
    return scalars('step', { loss, crossEntropy, penalty, accuracy, imagesPerSecond, learningRate });
  }
  if (event.type === 'epoch') {
    return [
      ...scalars('train', { ...event.train }),
      ...scalars('validation', { ...event.validation }),
      ...scalars('sparsity', { ...event.sparsity }),
      ...scalars('epoch', { seconds: event.seconds }),
      ...[...gates].map(([layer, masks]) => histogram(`gates/${layer}`, masks)),
    ];
  }
  // A run that is stopped has not failed: its session stays open, and may go on.
  if (event.type === 'end' && event.reason !== 'aborted') {
    return [sessionEnd(event.reason === 'finished' ? 'success' : 'failure', seconds)];
  }
  return [];
}

function scalars(group: string, values: Record<string, number>): SummaryValue[] {
  return Object.entries(values).map(([name, value]) => scalar(`${group}/${name}`, value));
}
