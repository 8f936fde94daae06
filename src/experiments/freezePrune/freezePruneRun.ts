import { readFile } from 'node:fs/promises';
import type * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../../backend/random.js';
import { randomFlip } from '../../data/augment/flip.js';
import { cifar10PictureStatistics, normalise } from '../../data/augment/normalise.js';
import { randomPaddedCrop } from '../../data/augment/paddedCrop.js';
import type { DataSplits } from '../../data/loadData.js';
import { UserError } from '../../errors.js';
import { decodeSafetensors } from '../../formats/index.js';
import { BatchNorm } from '../../layers/batchNorm.js';
import { fillFromTorchvision } from '../../models/fillFromTorchvision.js';
import { resnet18 } from '../../models/resnet18.js';
import {
  combineSparsifiers,
  freezeSparsifier,
  iterative,
  magnitudeSparsifier,
  oneShot,
  polynomial,
  type PruningPlan,
  type Sparsifier,
} from '../../sparsity/index.js';
import { Adam } from '../../training/adam.js';
import { copyWeights } from '../copyWeights.js';
import { experimentRun, type SettledRun } from '../experimentRun.js';
import { trainerOptions } from '../trainerOptions.js';
import type { FreezePruneSettings } from './freezePruneSettings.js';
import { halfOf } from './halfOf.js';
import { softmaxInLoss } from './softmaxInLoss.js';

/** One run of the freezing and pruning experiment, ready to be trained and asked about. */
export type FreezePruneRun = SettledRun<FreezePruneSettings>;

function planOf({ prune, pruning: { schedule, times } }: FreezePruneSettings): PruningPlan {
  if (schedule === 'one-shot') return oneShot(prune);
  // So that the share of all is `prune` after `times` times the same share of what is left.
  if (schedule === 'iterative') return iterative(1 - (1 - prune) ** (1 / times), { times });
  return polynomial(prune, { end: times });
}

function sparsifierOf(model: tf.LayersModel, settings: FreezePruneSettings, pretrained?: tf.LayersModel): Sparsifier {
  const { freeze, freeze_bn, prune, unfreeze_epoch, pruning } = settings;
  const magnitude = magnitudeSparsifier(model, {
    plan: prune > 0 ? planOf(settings) : [],
    scope: pruning.scope,
    unit: pruning.unit,
    rankedBy: pruning.rewind ? pretrained : undefined,
    unfreezeBefore: unfreeze_epoch ?? undefined,
    restore: pruning.restore,
  });
  return freeze > 0
    ? combineSparsifiers(magnitude, freezeSparsifier(model, { first: freeze, batchNorm: freeze_bn }))
    : magnitude;
}

/**
 * A run of the freezing and pruning experiment with settings in full: ResNet-18 and Adam. The start weights are those of
 * `pretrained`, or of the file that `weights` names, or new ones. Without freezing and pruning it is plain training, whose
 * sparsity is counted all the same.
 *
 * Throws a UserError for weights that do not fit and for a file that cannot be read. The caller disposes the run.
 */
export async function freezePruneRun(
  data: DataSplits,
  settings: FreezePruneSettings,
  pretrained?: tf.LayersModel,
): Promise<FreezePruneRun> {
  const { weights, seed, softmax_in_loss, softmax_scale, pruning, frozen_batch_norm } = settings;
  const model = resnet18({ widthMultiplier: settings.width, classes: data.train.classNames.length, seed });
  if (weights !== null) fillFromTorchvision(model, await tensorsIn(weights), weights);
  const head = settings.new_head ? ['hidden', 'logits'] : [];
  if (pretrained && !pruning.rewind) copyWeights(pretrained, model, { except: head });
  const sparsifier = sparsifierOf(model, settings, pretrained);
  if (frozen_batch_norm) for (const layer of model.layers) if (layer instanceof BatchNorm) layer.frozen = true;
  const used = halfOf(data, settings.half);
  const { schedule, loss } = trainerOptions(settings, used);
  return experimentRun({
    settings,
    data: used,
    model,
    optimizer: new Adam({ lr: settings.lr, weight_decay: settings.weight_decay }),
    sparsifier,
    ema_decay: settings.ema_decay,
    training: {
      epochs: settings.epochs,
      batchSize: settings.batch_size,
      schedule,
      loss: softmax_in_loss ? softmaxInLoss(loss, softmax_scale) : loss,
      augment: settings.augment ? [randomPaddedCrop(), randomFlip] : [],
      normalise: normalise(cifar10PictureStatistics),
      seed: deriveSeed(seed, 'training'),
    },
  });
}

async function tensorsIn(path: string): Promise<Parameters<typeof fillFromTorchvision>[1]> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UserError(`The weights ${path} cannot be read: ${error.message}.`);
  });
  return decodeSafetensors(bytes, path);
}
