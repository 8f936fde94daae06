/** What the figures read of a training step; the trainer's events have more. Losses in nats, accuracy as a share. */
export interface StepRecord {
  type: 'step';
  step: number;
  epoch: number;
  /** crossEntropy + penalty: what the optimizer sees. */
  loss: number;
  crossEntropy: number;
  /** lambda times the sparsity penalty, as it enters the loss. */
  penalty: number;
  accuracy: number;
}

/** What the figures read of a finished epoch. Accuracies are shares of right answers. */
export interface EpochRecord {
  type: 'epoch';
  epoch: number;
  train?: { loss: number; accuracy: number };
  validation?: { loss: number; accuracy: number };
}

/** Anything that has a type: a list of the trainer's events, or the lines of its log. */
export type TrainingLog = readonly { readonly type: string }[];

/** The steps of a log. */
export function stepsOf(log: TrainingLog): StepRecord[] {
  return log.filter((event): event is StepRecord => event.type === 'step');
}

/** The epochs of a log, each with the number of the step after which it ended (or the epoch, in a log without steps). */
export function epochsOf(log: TrainingLog): (EpochRecord & { at: number })[] {
  let step: number | undefined;
  const epochs: (EpochRecord & { at: number })[] = [];
  for (const event of log) {
    if (event.type === 'step') step = (event as StepRecord).step;
    if (event.type === 'epoch') {
      const epoch = event as EpochRecord;
      epochs.push({ ...epoch, at: step ?? epoch.epoch });
    }
  }
  return epochs;
}

/** The means of at most `bins` neighbouring stretches: a curve of a hundred thousand steps that a page can hold. */
export function thin(values: readonly number[], bins = 400): number[] {
  if (values.length <= bins) return [...values];
  return Array.from({ length: bins }, (_, b) => {
    const stretch = values.slice(Math.floor((b * values.length) / bins), Math.floor(((b + 1) * values.length) / bins));
    return stretch.reduce((sum, value) => sum + value, 0) / stretch.length;
  });
}
