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
  /** Where the run ends after so many steps at most. */
  maxSteps?: number;
  /** Steps already made before this run, if it resumes another. */
  startStep: number;
}

/** Steps of a whole run, as it will be where nothing stops it. */
export const stepsOf = ({ epochs, stepsPerEpoch, maxSteps = Infinity }: StartEvent): number =>
  Math.min(maxSteps, epochs * stepsPerEpoch);

/** One optimizer step. The values of the loss are those before the step. */
export interface StepEvent {
  type: 'step';
  /** Steps made so far, this one included. */
  step: number;
  /** Counted from 0. */
  epoch: number;
  /** crossEntropy + penalty: what the optimizer sees. */
  loss: number;
  /** The loss before the penalty, smoothed labels included. */
  crossEntropy: number;
  /** The sparsity method's term of the loss, lambda included, and those of the layers' regularizers; 0 without any. */
  penalty: number;
  /** Share of right answers in the batch. */
  accuracy: number;
  /** Of this step, data preparation included. */
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
  /** Means over the epoch's batches, each as it was when its turn came. */
  train: Scores & { crossEntropy: number; penalty: number };
  /**
   * The validation set after the epoch, with running statistics, inference masks and, if the run keeps them, averaged
   * weights.
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

/** Values of a method at a moment of training: masks, gammas, cosines. It comes before the event of that moment. */
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

/** What `train` yields, and the wrappers around it. */
export type TrainingEvent = StartEvent | StepEvent | EpochEvent | CheckpointEvent | NoteEvent | WarningEvent | EndEvent;
