import type * as tf from '@tensorflow/tfjs';
import { batchCount } from '../data/batches.js';
import type { DataSplits } from '../data/dataSplits.js';
import type { ChannelMasks } from '../models/channelMasks.js';
import type { Sparsifier } from '../sparsity/sparsifier.js';
import { answers, evaluate } from '../training/evaluate.js';
import type { TrainingEvent } from '../training/events.js';
import type { Optimizer } from '../training/optimizer.js';
import { train, type TrainingOptions } from '../training/train.js';
import { WeightAverages } from '../training/weightAverages.js';
import { asEvaluated } from './asEvaluated.js';
import type { ExperimentRun } from './experiment.js';
import { runSchema } from './runSettings.js';
import { settingWarnings } from './settings/settingWarnings.js';

/** The masks of all gates after so many epochs, by layer or, of single weights, by kernel; 0 is before training. */
export interface MaskSnapshot {
  epoch: number;
  masks: ChannelMasks;
}

/** One run of an experiment with its settings, ready to be trained and asked about. */
export interface SettledRun<S> extends ExperimentRun {
  readonly settings: S;
  /** Filled while the events are read; empty without a sparsity method. */
  readonly snapshots: MaskSnapshot[];
  /** All events so far, those of before an interruption too. */
  readonly history: TrainingEvent[];
}

/** What an experiment makes of its settings. */
export interface RunParts<S extends object> {
  settings: S;
  /** What these settings may be, besides those that every run has. */
  schema?: object;
  data: DataSplits;
  model: tf.LayersModel;
  /** Whether the model is another one than the settings describe, so that a checkpoint must say what it is. */
  keepsTopology?: boolean;
  optimizer: Optimizer;
  sparsifier?: Sparsifier;
  /** Decay of averages of the weights, which are then what is evaluated. Default null: none. */
  ema_decay?: number | null;
  /** How the network is trained. */
  training: Omit<TrainingOptions, 'model' | 'data' | 'optimizer' | 'sparsifier' | 'averages' | 'signal' | 'startStep'>;
  /** What a person should know before the first step, besides settings that the run is too short for. */
  warnings?: readonly string[];
}

/** Puts the parts of a run together. The caller disposes the run, and with it the network and the optimizer. */
export function experimentRun<S extends object>(parts: RunParts<S>): SettledRun<S> {
  const { settings, schema, data, model, optimizer, sparsifier, ema_decay = null, training } = parts;
  const averages = ema_decay === null ? undefined : new WeightAverages(model, { decay: ema_decay });
  const snapshots: MaskSnapshot[] = [];
  const history: TrainingEvent[] = [];
  const snapshot = (epoch: number): void => {
    if (sparsifier) snapshots.push({ epoch, masks: sparsifier.weightMasks?.() ?? sparsifier.channelMasks() });
  };
  const { epochs, batchSize = 128, maxSteps = Infinity } = training;
  const stepsPerEpoch = batchCount(data.train.labels.length, { batchSize });
  const length = { epochs, steps: Math.min(maxSteps, epochs * stepsPerEpoch) };
  const warnings = [...settingWarnings({ ...runSchema, ...schema }, settings, length), ...(parts.warnings ?? [])];
  let made = 0;

  async function* events(signal?: AbortSignal, startStep = made): AsyncGenerator<TrainingEvent, void, void> {
    if (history.length === 0) {
      for (const message of warnings) yield { type: 'warning', message };
      snapshot(Math.floor(startStep / stepsPerEpoch));
    }
    for await (const event of train({ ...training, model, data, sparsifier, optimizer, averages, signal, startStep })) {
      history.push(event);
      if (event.type === 'step') made = event.step;
      if (event.type === 'epoch') snapshot(event.epoch + 1);
      yield event;
    }
  }

  return {
    settings,
    data,
    model,
    topology: parts.keepsTopology ? (model.toJSON(null, false) as object) : undefined,
    optimizer,
    sparsifier,
    averages,
    snapshots,
    history,
    events,
    evaluate(part, signal) {
      const { normalise } = training;
      return asEvaluated({ averages }, () => evaluate(model, data[part], { normalise, signal }));
    },
    answers(part, signal) {
      const { normalise } = training;
      return asEvaluated({ averages }, () => answers(model, data[part], { normalise, signal }));
    },
    channelMasks: () => sparsifier?.channelMasks() ?? new Map(),
    dispose: () => {
      optimizer.dispose();
      averages?.dispose();
      sparsifier?.dispose?.();
      model.dispose();
    },
  };
}
