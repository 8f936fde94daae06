import type * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../../backend/random.js';
import { randomFlip, randomPaddedCrop } from '../../data/augment.js';
import { cifar10ImageStatistics, normalise } from '../../data/normalise.js';
import type { DataSplits } from '../../data/dataSplits.js';
import { c3 } from '../../models/c3.js';
import { filterOverlap, reprSparsifier } from '../../sparsity/index.js';
import { evaluate } from '../../training/evaluate.js';
import type { Scores } from '../../training/events.js';
import { Sgd } from '../../training/sgd.js';
import { copyWeights } from '../copyWeights.js';
import { experimentRun, type SettledRun } from '../experimentRun.js';
import { trainerOptions } from '../trainerOptions.js';
import { BestWeights } from './bestWeights.js';
import { reprSchema, type ReprSettings } from './reprSettings.js';
import { notingTurns, type ReprTurn } from './reprTurns.js';

/** How much the filters that are on overlap after so many epochs, by layer; 0 is before training. */
export interface OverlapSnapshot {
  epoch: number;
  overlap: ReadonlyMap<string, number>;
}

/** One run of the RePr experiment, ready to be trained and asked about. */
export interface ReprRun extends SettledRun<ReprSettings> {
  /** Filled while the events are read, standard training's too. */
  readonly overlaps: OverlapSnapshot[];
  /** Filled while the events are read: each pruning and each return, with the cosines between the filters. */
  readonly turns: ReprTurn[];
  /** The epoch that did best on the validation images, of those whose events were read. */
  readonly best: Pick<BestWeights, 'epoch' | 'validation'>;
  /** Scores on the test images with the weights of that epoch. */
  testBest(signal?: AbortSignal): Promise<Scores>;
}

/**
 * A run of the RePr experiment with settings in full: C3 and plain SGD, with or without filters that go off and come
 * back. `pretrained` gives its weights. Throws a UserError for weights that do not fit. The caller disposes the run.
 */
export function reprRun(data: DataSplits, settings: ReprSettings, pretrained?: tf.LayersModel): ReprRun {
  const { standard, S1, S2, prune_ratio, epochs, batch_size, seed, repr } = settings;
  const model = c3({ widthMultiplier: settings.width, classes: data.train.classNames.length, seed });
  if (pretrained) copyWeights(pretrained, model);
  const { ranking, reverse, scaling, next_layer: nextLayer, seed_bias: seedBias } = repr;
  const options = { S1, S2, prune_ratio, ranking, reverse, scaling, nextLayer, seedBias };
  const prepare = normalise(cifar10ImageStatistics);
  const turns: ReprTurn[] = [];
  const method = standard ? undefined : reprSparsifier(model, { ...options, seed: deriveSeed(seed, 'repr') });
  const run = experimentRun({
    settings,
    schema: reprSchema,
    data,
    model,
    optimizer: new Sgd({ lr: settings.lr }),
    sparsifier: method && notingTurns(method, model, settings, turns),
    ema_decay: settings.ema_decay,
    training: {
      epochs,
      batchSize: batch_size,
      ...trainerOptions(settings, data),
      augment: settings.crop ? [randomPaddedCrop(), randomFlip] : [randomFlip],
      normalise: prepare,
      seed: deriveSeed(seed, 'training'),
    },
  });

  const overlaps: OverlapSnapshot[] = [];
  const best = new BestWeights(model);
  const measure = (epoch: number): void => {
    overlaps.push({ epoch, overlap: filterOverlap(model, run.channelMasks()) });
  };
  return {
    ...run,
    overlaps,
    turns,
    best,
    async *events(signal, startStep) {
      for await (const event of run.events(signal, startStep)) {
        if (event.type === 'start' && overlaps.length === 0) measure(Math.floor(event.startStep / event.stepsPerEpoch));
        if (event.type === 'epoch') {
          measure(event.epoch + 1);
          best.offer(event.epoch, event.validation?.accuracy ?? NaN);
        }
        yield event;
      }
    },
    testBest: (signal) => best.use(() => evaluate(model, data.test, { normalise: prepare, signal })),
  };
}
