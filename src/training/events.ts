/** Means over images. */
export interface Scores {
  /** Cross-entropy in nats. */
  loss: number;
  /** Share of right answers. */
  accuracy: number;
}

/** The run is set up; nothing has been trained yet. */
export interface StartEvent {
  type: 'start';
  model: string;
  optimizer: string;
  /** The sparsity method's name, if there is one. */
  sparsifier?: string;
  /** Values that training changes. */
  parameters: number;
  trainingImages: number;
  validationImages: number;
  batchSize: number;
  epochs: number;
  stepsPerEpoch: number;
  /** The maximum number of steps, if the run has one. */
  maxSteps?: number;
  /** Steps made before this run, if it resumes another. */
  startStep: number;
}

/** The number of steps of a whole run if nothing stops it. */
export const stepsOf = ({ epochs, stepsPerEpoch, maxSteps = Infinity }: StartEvent): number =>
  Math.min(maxSteps, epochs * stepsPerEpoch);

/** One optimizer step. The loss values are from before the step. */
export interface StepEvent {
  type: 'step';
  /** Steps made so far, this one included. */
  step: number;
  /** Counted from 0. */
  epoch: number;
  /** crossEntropy + penalty: what the optimizer sees. */
  loss: number;
  /** The loss without the penalty, including label smoothing. */
  crossEntropy: number;
  /**
   * The sparsity method's term of the loss, including lambda, plus those of the layers' regularizers; 0 without any.
   */
  penalty: number;
  /** Share of right answers in the batch. */
  accuracy: number;
  /** The speed of this step, including data preparation. */
  imagesPerSecond: number;
  /** The base learning rate times the schedule's factor; parameter groups may have their own. */
  learningRate: number;
}

/** One epoch is over. */
export interface EpochEvent {
  type: 'epoch';
  /** Counted from 0. */
  epoch: number;
  /** Steps made so far. */
  step: number;
  /** Means over the epoch's batches, each measured at its own step. */
  train: Scores & { crossEntropy: number; penalty: number };
  /**
   * Scores on the validation set after the epoch, with running statistics, inference masks and, if the run keeps them,
   * averaged weights.
   */
  validation?: Scores;
  /** The sparsity method's own numbers, e.g. how many channels are closed. */
  sparsity?: Record<string, number>;
  learningRate: number;
  seconds: number;
}

/** The run was saved; `checkpointed` adds these to the trainer's events. */
export interface CheckpointEvent {
  type: 'checkpoint';
  /** Steps made so far. */
  step: number;
  /** The epoch that the next step belongs to, from 0. */
  epoch: number;
  /** Name of the checkpoint's folder. */
  name: string;
  path: string;
  /** Whether it is the best so far, by validation accuracy. */
  best: boolean;
  seconds: number;
}

/** Something a person should know; training goes on. */
export interface WarningEvent {
  type: 'warning';
  message: string;
}

/**
 * Values of a method at some point of training: masks, gammas, cosines. The event comes before that point's own event.
 */
export interface NoteEvent {
  type: 'note';
  kind: string;
  /** Steps made, and epochs finished, by then. */
  step: number;
  epoch: number;
  /** Plain JSON. */
  values: object;
}

/** The last event of every run. */
export interface EndEvent {
  type: 'end';
  /** 'diverged': the loss was no longer a finite number. */
  reason: 'finished' | 'aborted' | 'diverged';
  message: string;
  step: number;
  seconds: number;
}

/** The events that `train` and the wrappers around it yield. */
export type TrainingEvent = StartEvent | StepEvent | EpochEvent | CheckpointEvent | NoteEvent | WarningEvent | EndEvent;
