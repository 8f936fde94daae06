import type * as tf from '@tensorflow/tfjs';
import type { DataSplits } from '../data/dataSplits.js';
import type { ChannelMasks } from '../models/channelMasks.js';
import type { Sparsifier } from '../sparsity/sparsifier.js';
import type { Answers } from '../training/evaluate.js';
import type { Scores, StepEvent, TrainingEvent } from '../training/events.js';
import type { Optimizer } from '../training/optimizer.js';
import type { WeightAverages } from '../training/weightAverages.js';
import type { ResultRow } from './resultRow.js';
import type { PresetName, RunSettings } from './runSettings.js';
import type { Schema, SomeSettings } from './settings/schema.js';

/** What a size of the experiment changes of the defaults. */
export interface Preset<S> {
  help: string;
  values: SomeSettings<S>;
  /** What it changes besides where a run starts from another one's weights. */
  fineTuning?: SomeSettings<S>;
}

export type Presets<S> = Readonly<Record<PresetName, Preset<S>>>;

/** One run of an experiment: trained by reading its events. */
export interface ExperimentRun {
  readonly data: DataSplits;
  readonly model: tf.LayersModel;
  readonly optimizer: Optimizer;
  /** What makes the network sparse, if anything does. */
  readonly sparsifier?: Sparsifier;
  /** Averages of the network's weights, if the run keeps any: what is evaluated. */
  readonly averages?: WeightAverages;
  /** The masks as they are now; empty where no channel has one. */
  channelMasks(): ChannelMasks;
  /**
   * Trains, and tells of it event by event; `signal` ends it between two steps. `startStep` steps were already made by
   * the run that goes on here, whose state must have been restored. Default: those that this run has made, so that a
   * second call goes on where the first was stopped.
   */
  events(signal?: AbortSignal, startStep?: number): AsyncGenerator<TrainingEvent, void, void>;
  /** Scores of the network as it is now on one part of the images, prepared as in training. */
  evaluate(part: 'validation' | 'test', signal?: AbortSignal): Promise<Scores>;
  /** The same image by image: which of them it gets right. */
  answers(part: 'validation' | 'test', signal?: AbortSignal): Promise<Answers>;
  /** What was done to the network before the first step, for people to read. */
  readonly opening?: string;
  /** The network's topology as Keras JSON, where it is not the one that the settings describe. */
  readonly topology?: object;
  /** Frees the network's variables and the optimizer's memory. */
  dispose(): void;
}

/** Something the command line can train: its settings, and how a run comes from them. */
export interface Experiment<S extends RunSettings, Run extends ExperimentRun> {
  readonly name: string;
  readonly summary: string;
  readonly schema: Schema<S, never>;
  readonly presets: Presets<S>;
  /** Words after `sparsebook train NAME` that are worth showing. */
  readonly examples: readonly string[];
  /** The settings of runs that follow one another, each from the last checkpoint of the one before; default: one run. */
  stages?(settings: S): SomeSettings<S>[];
  /**
   * A run that is ready to be trained, with the weights of another network where one is given. `network` is what it trains
   * instead of the network that the settings describe, and becomes the run's to dispose.
   */
  run(data: DataSplits, settings: S, pretrained?: tf.LayersModel, network?: tf.LayersModel): Promise<Run>;
  /** A line about a step, for the terminal; most steps have none. */
  stepLine?(event: StepEvent, run: Run): string | undefined;
  /** Measures a trained run; the test images are seen here only. */
  result(run: Run, signal?: AbortSignal): Promise<ResultRow>;
}

/** Any experiment, for code that treats all alike. */
export type AnyExperiment = Experiment<RunSettings, ExperimentRun>;
