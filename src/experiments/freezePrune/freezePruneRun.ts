import { readFile } from 'node:fs/promises';
import type * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../../backend/random.js';
import { randomFlip, randomPaddedCrop } from '../../data/augment.js';
import { cifar10ImageStatistics, normalise } from '../../data/normalise.js';
import type { DataSplits } from '../../data/dataSplits.js';
import { UserError } from '../../errors.js';
import { decodeSafetensors } from '../../formats/index.js';
import { BatchNorm } from '../../layers/batchNorm.js';
import { fillFromTorchvision } from '../../models/torchvision.js';
import { resnet18 } from '../../models/resnet18.js';
import { combineSparsifiers, freezeSparsifier, magnitudeSparsifier, type Sparsifier } from '../../sparsity/index.js';
import { Adam } from '../../training/adam.js';
import { copyWeights } from '../copyWeights.js';
import { experimentRun, type SettledRun } from '../experimentRun.js';
import { trainerOptions } from '../trainerOptions.js';
import { freezePruneSchema, pruningPlan, type FreezePruneSettings } from './freezePruneSettings.js';
import { halfOf } from './halfOf.js';
import { softmaxInLoss } from './softmaxInLoss.js';

/** One run of the freezing and pruning experiment, ready to be trained and asked about. */
export type FreezePruneRun = SettledRun<FreezePruneSettings>;

/** What a person should know of settings that are about the network to start from, given or not. */
function* startWarnings(
  { new_head, pruning, weights, ckpt_path = null }: FreezePruneSettings & { ckpt_path?: string | null },
  pretrained?: tf.LayersModel,
): Generator<string> {
  const without = !pretrained && ckpt_path === null;
  if (without && new_head) yield 'new_head=true has no effect: no network to start from is given (ckpt_path).';
  if (without && pruning.rewind) {
    yield 'pruning.rewind=true has no effect: no network is given (ckpt_path), and the new weights decide themselves.';
  }
  if (pretrained && weights !== null && !pruning.rewind) {
    yield `weights=${weights} has no effect: the network to start from has weights of its own.`;
  }
}

function sparsifierOf(model: tf.LayersModel, settings: FreezePruneSettings, pretrained?: tf.LayersModel): Sparsifier {
  const { freeze, freeze_bn, unfreeze_epoch, pruning } = settings;
  const magnitude = magnitudeSparsifier(model, {
    plan: pruningPlan(settings),
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
  settings: FreezePruneSettings & { ckpt_path?: string | null },
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
    schema: freezePruneSchema,
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
      normalise: normalise(cifar10ImageStatistics),
      seed: deriveSeed(seed, 'training'),
    },
    warnings: [...startWarnings(settings, pretrained)],
  });
}

async function tensorsIn(path: string): Promise<Parameters<typeof fillFromTorchvision>[1]> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UserError(`The weights ${path} cannot be read: ${error.message}.`);
  });
  return decodeSafetensors(bytes, path);
}
