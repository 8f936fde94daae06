// The events of a run that never took place.
import { RunFolder } from 'sparsebook/training/log/runFolder.js';
import type { EndEvent, EpochEvent, StartEvent, StepEvent, TrainingEvent } from 'sparsebook/training/events.js';

export const start = (startStep = 0): StartEvent => ({
  type: 'start',
  model: 'net',
  optimizer: 'AdamW',
  sparsifier: 'L0',
  parameters: 10,
  trainingImages: 32,
  validationImages: 16,
  batchSize: 16,
  epochs: 2,
  stepsPerEpoch: 2,
  startStep,
});

export const step = (step: number): StepEvent => ({
  type: 'step',
  step,
  epoch: Math.floor((step - 1) / 2),
  loss: 2 / step,
  crossEntropy: 1.5 / step,
  penalty: 0.5 / step,
  accuracy: 0.25,
  imagesPerSecond: 1000,
  learningRate: 1e-3,
});

export const epoch = (epoch: number, accuracy = 0.5 + epoch / 10): EpochEvent => ({
  type: 'epoch',
  epoch,
  step: 2 * (epoch + 1),
  train: { loss: 1, crossEntropy: 0.75, penalty: 0.25, accuracy: 0.5 },
  validation: { loss: 1.25, accuracy },
  sparsity: { channels: 8, closed: 3 },
  learningRate: 1e-3,
  seconds: 2.5,
});

export const end = (step: number, reason: EndEvent['reason'] = 'finished'): EndEvent => ({
  type: 'end',
  reason,
  message: 'over',
  step,
  seconds: 9,
});

export const wholeRun: TrainingEvent[] = [
  start(),
  step(1),
  step(2),
  epoch(0),
  { type: 'checkpoint', step: 2, epoch: 1, name: 'step-000002', path: '/x', best: true, seconds: 0.1 },
  { type: 'warning', message: 'mind the gap' },
  step(3),
  step(4),
  epoch(1),
  end(4),
];

// eslint-disable-next-line @typescript-eslint/require-await -- wrappers read an asynchronous stream
export async function* stream(events: readonly TrainingEvent[]): AsyncGenerator<TrainingEvent, void, void> {
  for (const event of events) yield event;
}

/** A run's folder, started with these settings. */
export async function begun(dir: string, settings: unknown = {}): Promise<RunFolder> {
  const run = await RunFolder.take(dir);
  await run.begin({ settings });
  return run;
}

/** Logs events, closes the run, and returns the events that were passed on. */
export async function logAll(
  run: RunFolder,
  events: readonly TrainingEvent[],
  gates?: () => ReadonlyMap<string, Float32Array>,
): Promise<TrainingEvent[]> {
  const passed: TrainingEvent[] = [];
  try {
    for await (const event of run.logged(stream(events), gates)) passed.push(event);
  } finally {
    await run.close();
  }
  return passed;
}
