import type { EpochEvent, StepEvent } from '../training/events.js';

/** The trainer's events, or what was kept of them: anything that says its type. */
export type TrainingLog = readonly { readonly type: string }[];

/** The steps of a log. */
export function stepsOf(log: TrainingLog): StepEvent[] {
  return log.filter((event): event is StepEvent => event.type === 'step');
}

/** The epochs of a log. */
export function epochsOf(log: TrainingLog): EpochEvent[] {
  return log.filter((event): event is EpochEvent => event.type === 'epoch');
}

/** The means of at most `bins` neighbouring stretches: a curve of a hundred thousand steps that a page can hold. */
export function thin(values: readonly number[], bins = 400): number[] {
  if (values.length <= bins) return [...values];
  return Array.from({ length: bins }, (_, b) => {
    const stretch = values.slice(Math.floor((b * values.length) / bins), Math.floor(((b + 1) * values.length) / bins));
    return stretch.reduce((sum, value) => sum + value, 0) / stretch.length;
  });
}
