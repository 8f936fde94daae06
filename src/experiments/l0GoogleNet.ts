import type * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../backend/random.js';
import { randomFlip } from '../data/augment/flip.js';
import { randomResizedCrop } from '../data/augment/randomResizedCrop.js';
import type { DataSplits } from '../data/loadData.js';
import type { ChannelMasks } from '../models/channelMasks.js';
import { googleNet } from '../models/googleNet.js';
import { l0Sparsifier } from '../sparsity/l0Sparsifier.js';
import { AdamW } from '../training/adamW.js';
import type { TrainingEvent } from '../training/events.js';
import { multiStep } from '../training/schedules/index.js';
import { train } from '../training/train.js';
import { copyWeights } from './copyWeights.js';
import { l0Settings, type L0Settings } from './l0Settings.js';

/** The masks of all gates at the end of an epoch (counted from 0); those before training have epoch -1. */
export interface MaskSnapshot {
  epoch: number;
  masks: ChannelMasks;
}

/** One run of the L0 experiment, ready to be trained and asked about. */
export interface L0Experiment {
  readonly settings: L0Settings;
  readonly data: DataSplits;
  readonly model: tf.LayersModel;
  /** Filled while the events are read; empty without gates. */
  readonly snapshots: MaskSnapshot[];
  /** The masks as they are now; without gates none, which counts as all open. */
  channelMasks(): ChannelMasks;
  /** Trains, and tells of it event by event; `signal` ends it between two steps. */
  events(signal?: AbortSignal): AsyncGenerator<TrainingEvent, void, void>;
  /** Frees the network's variables. */
  dispose(): void;
}

/**
 * GoogleNet with L0 gates (or without, `without_using_gate`), trained as in the L0 project: AdamW, the learning rate
 * halved at milestones, flips and resized crops.
 *
 * `pretrained` gives its weights to all layers that it has: the gates of a network that was trained without any start
 * anew, and an event says so. Throws a UserError for settings that make no sense or weights that do not fit.
 */
export function l0GoogleNet(
  data: DataSplits,
  given: Partial<L0Settings> = {},
  pretrained?: tf.LayersModel,
): L0Experiment {
  const settings = l0Settings(given);
  const { seed, droprate_init, without_using_gate: plain } = settings;
  const model = googleNet({
    widthMultiplier: settings.width,
    gates: plain ? false : { droprate_init },
    classes: data.train.classNames.length,
    seed,
  });
  const anew = pretrained ? copyWeights(pretrained, model) : [];
  const sparsifier = plain ? undefined : l0Sparsifier(model, settings);
  const snapshots: MaskSnapshot[] = [];

  async function* events(signal?: AbortSignal): AsyncGenerator<TrainingEvent, void, void> {
    const optimizer = new AdamW({ lr: settings.lr, weight_decay: settings.weight_decay });
    const snapshot = (epoch: number): void => {
      if (sparsifier) snapshots.push({ epoch, masks: sparsifier.channelMasks() });
    };
    try {
      if (anew.length > 0) {
        yield {
          type: 'warning',
          message: `${anew.length} layers start anew, as the given network has none of them: ${anew[0]}, ...`,
        };
      }
      snapshot(-1);
      const run = train({
        model,
        data,
        sparsifier,
        optimizer,
        signal,
        epochs: settings.epochs,
        batchSize: settings.batch_size,
        schedule: multiStep({ milestones: settings.milestones, gamma: settings.lr_decay }),
        augment: settings.augment ? [randomFlip, randomResizedCrop()] : [],
        seed: deriveSeed(seed, 'training'),
      });
      for await (const event of run) {
        if (event.type === 'epoch') snapshot(event.epoch);
        yield event;
      }
    } finally {
      optimizer.dispose();
    }
  }

  return {
    settings,
    data,
    model,
    snapshots,
    events,
    channelMasks: () => sparsifier?.channelMasks() ?? new Map(),
    dispose: () => model.dispose(),
  };
}
