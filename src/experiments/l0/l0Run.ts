import type * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../../backend/random.js';
import { randomFlip } from '../../data/augment.js';
import { randomResizedCrop } from '../../data/resizedCrop.js';
import { completeCount } from '../../compact/count/completeCount.js';
import { weightCount } from '../../compact/count/weightCount.js';
import type { DataSplits } from '../../data/dataSplits.js';
import { googleNet } from '../../models/googleNet.js';
import { gatesOf } from '../../graph/gates.js';
import { l0Sparsifier } from '../../sparsity/l0.js';
import type { Sparsifier } from '../../sparsity/sparsifier.js';
import { AdamW } from '../../training/adam.js';
import { copyWeights } from '../copyWeights.js';
import { experimentRun, type SettledRun } from '../experimentRun.js';
import { trainerOptions } from '../trainerOptions.js';
import { l0Schema, type L0Settings } from './l0Settings.js';

/** One run of the L0 experiment, ready to be trained and asked about. */
export type L0Run = SettledRun<L0Settings>;

/** What a person should know of a run that starts from another network's weights. */
function* startWarnings(settings: L0Settings, from: tf.LayersModel, anew: string[]): Generator<string> {
  const { without_using_gate, droprate_init } = settings;
  if (anew.length > 0) {
    yield `${anew.length} layers start anew instead of from the given network: ${anew[0]}, ...`;
  }
  if (without_using_gate && gatesOf(from).length > 0) {
    yield 'The given network has gates and this one has none: channels that were closed are open.';
  }
  if (!without_using_gate && droprate_init >= 0.5) {
    yield `Gates that start at droprate_init=${droprate_init} disturb a trained network; droprate_init=0.05 starts them open.`;
  }
}

/** The sparsity method as the settings say: at a fixed lambda, or towards a share of parameters removed. */
function methodOf(model: tf.LayersModel, { lambda_l0, target_sparsity, lr_gates, gates }: L0Settings): Sparsifier {
  const shared = { lr_gates, weighting: gates.weighting, clampLogAlpha: gates.clamp };
  if (target_sparsity === null) return l0Sparsifier(model, { ...shared, lambda_l0 });
  const count = gates.unstructured ? weightCount : completeCount;
  const target = {
    sparsity: target_sparsity,
    sparsityOf: (masks: ReadonlyMap<string, Float32Array>) => count(model, masks).sparsity,
  };
  return l0Sparsifier(model, { ...shared, target });
}

/**
 * A run of the L0 experiment with settings in full: GoogleNet, AdamW, a learning rate with milestones, flips and resized
 * crops. `pretrained` gives its weights to all layers that it has; the others, such as gates, start anew.
 *
 * Throws a UserError for weights that do not fit. The caller disposes the run.
 */
export function l0Run(data: DataSplits, settings: L0Settings, pretrained?: tf.LayersModel): L0Run {
  const { seed, droprate_init, gates, lr, weight_decay } = settings;
  const { sampling, reduce: gateReduce, unstructured } = gates;
  const model = googleNet({
    widthMultiplier: settings.width,
    gates: !settings.without_using_gate && { droprate_init, sampling, gateReduce, unstructured },
    classes: data.train.classNames.length,
    seed,
  });
  const anew = pretrained ? copyWeights(pretrained, model) : [];
  const sparsifier = settings.without_using_gate ? undefined : methodOf(model, settings);
  return experimentRun({
    settings,
    schema: l0Schema,
    data,
    model,
    sparsifier,
    optimizer: new AdamW({ lr, weight_decay }),
    ema_decay: settings.ema_decay,
    training: {
      epochs: settings.epochs,
      batchSize: settings.batch_size,
      ...trainerOptions(settings, data),
      augment: settings.augment ? [randomFlip, randomResizedCrop()] : [],
      seed: deriveSeed(seed, 'training'),
    },
    warnings: pretrained ? [...startWarnings(settings, pretrained, anew)] : [],
  });
}
