import type * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../../backend/random.js';
import { compact, type Compaction } from '../../compact/index.js';
import { randomBrightness, randomContrast, randomFlip, randomPaddedCrop } from '../../data/augment.js';
import { standardise } from '../../data/normalise.js';
import { batchCount } from '../../data/batches.js';
import type { DataSplits } from '../../data/dataSplits.js';
import { UserError } from '../../errors.js';
import { cnn4 } from '../../models/cnn4.js';
import { resnet20 } from '../../models/resnet20.js';
import { istaLayers, istaSparsifier, rescaleGammas } from '../../sparsity/index.js';
import { Sgd } from '../../training/sgd.js';
import { copyWeights } from '../copyWeights.js';
import { experimentRun, type SettledRun } from '../experimentRun.js';
import { trainerOptions } from '../trainerOptions.js';
import { istaSchema, type IstaNetwork, type IstaSettings } from './istaSettings.js';

/** The gammas at one step of a run, and what the project's log says of it. */
export interface IstaLogEntry {
  step: number;
  /** Cross-entropy; the project's loss has the weight decay of the kernels in it as well. */
  loss: number;
  groupLasso: number;
  fakeSparsity: number;
  imagesPerSecond: number;
  secondsPerBatch: number;
  /** By the layer whose channels they belong to. */
  gammas: Record<string, number[]>;
}

/** One run of the ISTA experiment, ready to be trained and asked about. */
export interface IstaRun extends SettledRun<IstaSettings> {
  readonly kind: IstaNetwork;
  /** Filled while the events are read, an entry every log_frequency steps. */
  readonly log: IstaLogEntry[];
  /** How version 2's network was made smaller. */
  readonly compaction?: Compaction;
}

/** What is trained from one of the project's networks: itself, or what is left of it. */
function startNetwork(
  network: IstaNetwork,
  classes: number,
  settings: IstaSettings,
  from?: tf.LayersModel,
): { model: tf.LayersModel; compaction?: Compaction } {
  const { checkpoint_version, width: widthMultiplier, bn_momentum: momentum, seed, alpha, ista } = settings;
  if (checkpoint_version === 2 && from) {
    const absorb = ista.absorb === 'exact' ? true : ista.absorb === 'none' ? false : ista.absorb;
    const compaction = compact(from, undefined, { absorb });
    rescaleGammas(compaction.model, 1 / alpha);
    return { model: compaction.model, compaction };
  }
  const model = (network === 'resnet20' ? resnet20 : cnn4)({ widthMultiplier, momentum, classes, seed });
  if (from) copyWeights(from, model);
  else rescaleGammas(model, alpha);
  return { model };
}

/**
 * A run of the ISTA experiment with settings in full, of one version: SGD without momentum, pictures standardised one by
 * one, gammas soft-thresholded after each step. Version 1 goes on from the weights of `pretrained`; version 2 makes it
 * compact first and trains that, with costs of its own. `network` is trained in place of all this.
 *
 * Throws a UserError for more than one version and for weights that do not fit. The caller disposes the run.
 */
export function istaRun(
  kind: IstaNetwork,
  data: DataSplits,
  settings: IstaSettings & { ckpt_path?: string | null },
  pretrained?: tf.LayersModel,
  network?: tf.LayersModel,
): IstaRun {
  const {
    checkpoint_version: version,
    batch_size,
    max_steps,
    learning_rate,
    l1_penalty,
    weight_decay,
    seed,
  } = settings;
  if (version === null) throw new UserError('A run is of one version: set checkpoint_version to 0, 1 or 2.');
  const { model, compaction } = network
    ? { model: network }
    : startNetwork(kind, data.train.classNames.length, settings, pretrained);
  const epochs = Math.ceil(max_steps / batchCount(data.train.labels.length, { batchSize: batch_size }));
  const startsAnew = version > 0 && !pretrained && !network && (settings.ckpt_path ?? null) === null;
  const run = experimentRun({
    settings,
    schema: istaSchema(kind),
    data,
    model,
    keepsTopology: version === 2,
    optimizer: new Sgd({ lr: learning_rate, weight_decay, decays: (key) => key.endsWith('/kernel') }),
    sparsifier: istaSparsifier(model, { l1_penalty, seedCosts: settings.ista.seed_costs }),
    ema_decay: settings.ema_decay,
    training: {
      epochs,
      maxSteps: max_steps,
      batchSize: batch_size,
      ...trainerOptions({ ...settings, epochs }, data),
      augment: settings.augment ? [randomPaddedCrop(), randomFlip, randomBrightness(), randomContrast()] : [],
      normalise: standardise,
      seed: deriveSeed(seed, 'training', version),
    },
    warnings: startsAnew
      ? [`checkpoint_version=${version} starts from new weights: no checkpoint was given with ckpt_path.`]
      : [],
  });

  const log: IstaLogEntry[] = [];
  const entryOf = (step: number, loss: number, imagesPerSecond: number): IstaLogEntry => {
    const { groupLasso, fakeSparsity } = run.sparsifier!.summary!();
    const layers = istaLayers(model, settings.ista.seed_costs);
    const gammas = Object.fromEntries(layers.map(({ target, gamma }) => [target.name, [...gamma.dataSync()]]));
    const secondsPerBatch = batch_size / imagesPerSecond;
    return { step, loss, groupLasso, fakeSparsity, imagesPerSecond, secondsPerBatch, gammas };
  };
  return {
    ...run,
    kind,
    log,
    compaction,
    async *events(signal, startStep) {
      for await (const event of run.events(signal, startStep)) {
        if (event.type === 'step' && event.step % settings.log_frequency === 0) {
          log.push(entryOf(event.step, event.crossEntropy, event.imagesPerSecond));
        }
        yield event;
      }
    },
  };
}
