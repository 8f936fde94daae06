import * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../backend/random.js';
import { compact } from '../compact/shrink/compact.js';
import { UserError } from '../errors.js';
import { readSafetensors } from '../formats/safetensors.js';
import { namedWeights } from '../graph/names.js';
import '../layers/registered.js';
import { shapeOf, type ImageSet } from '../data/imageSet.js';
import { fillFromTorchvision } from '../models/torchvision.js';
import { rescaleGammas } from '../sparsity/ista.js';
import { normsOf } from '../training/statistics.js';
import type { ExperimentSettings } from './experimentSettings.js';
import { methods } from './methods/methods.js';
import { namedNetworks } from './namedNetworks.js';

/** A network to start from, as it is evaluated: its weights, and the masks of its channels. */
export interface StartNetwork {
  model: tf.LayersModel;
  masks: ReadonlyMap<string, Float32Array>;
  /** The factor on its gammas (`ista.alpha`). Default 1. */
  alpha?: number;
}

/** A network that is ready for training, and how it was made. */
export interface BuiltNetwork {
  model: tf.LayersModel;
  /** Whether a checkpoint must hold its topology, because the settings alone do not describe it. */
  keepsTopology: boolean;
  /** What was done to the network, for people to read. */
  opening?: string;
  /** Names of the layers that get new weights although there is a network to start from. */
  anew: string[];
}

/**
 * Copies the weights of `from` to `to` by name. Returns the names of the layers of `to` that keep start values: gates,
 * layers that `from` does not have, and those in `except`.
 *
 * Throws a UserError for a weight of another shape, for a name in `except` that is no layer of `to`, and if no layer
 * starts from `from`.
 */
export function copyWeights(
  from: tf.LayersModel,
  to: tf.LayersModel,
  { except = [] }: { except?: readonly string[] } = {},
): string[] {
  const sources = namedWeights(from);
  const anew = new Set<string>();
  const layers = new Set<string>();
  for (const [name, weight] of namedWeights(to)) {
    const layer = name.slice(0, name.lastIndexOf('/'));
    layers.add(layer);
    const source = sources.get(name);
    if (!source || name.endsWith('/logAlpha') || except.includes(layer)) {
      anew.add(layer);
      continue;
    }
    if (source.shape.join() !== weight.shape.join()) {
      throw new UserError(
        `The weights of ${layer} must have the shapes of those to start from: ${name} is ${weight.shape.join('x')}, ` +
          `there it is ${source.shape.join('x')}. Build both with the same width.`,
      );
    }
    weight.write(source.read());
  }
  if (anew.size === layers.size) {
    throw new UserError(
      `The network to start from, ${from.name}, must have layers of ${to.name}; none of its weights are taken. Start ` +
        'from a run of the same network, or leave the start out.',
    );
  }
  const unknown = except.find((name) => !layers.has(name));
  if (unknown !== undefined) {
    throw new UserError(
      `The layers that start anew must be of ${to.name}; received ${unknown}. There are: ${[...layers].join(', ')}.`,
    );
  }
  return [...anew];
}

/** A network from its topology as Keras JSON, with new weights. */
export const networkOf = (topology: object): Promise<tf.LayersModel> =>
  tf.models.modelFromJSON(topology as tf.io.ModelJSON);

/** The network of `ckpt_path` made compact, with gammas of their usual size. */
async function compactStart(settings: ExperimentSettings, from: StartNetwork): Promise<BuiltNetwork> {
  const { start } = settings;
  const absorb = start.absorb === 'exact' ? true : start.absorb === 'none' ? false : start.absorb;
  const compaction = compact(from.model, new Map(from.masks), { absorb });
  rescaleGammas(compaction.model, 1 / (from.alpha ?? 1));
  const opening = compaction.explain();
  return { model: await prepared(compaction.model, settings), keepsTopology: true, opening, anew: [] };
}

/** Returns the network with the layers that its methods need; disposes the given one if it was replaced. */
async function prepared(model: tf.LayersModel, settings: ExperimentSettings): Promise<tf.LayersModel> {
  for (const name of settings.methods) {
    const before = model;
    model = (await methods[name].prepare?.(before, { settings, seed: deriveSeed(settings.seed, name) })) ?? before;
    if (model !== before) before.dispose();
  }
  for (const norm of settings.frozen_batch_norm ? normsOf(model) : []) norm.frozen = true;
  return model;
}

/**
 * Builds the network of an experiment, with the layers that its methods need, and its start weights: new ones, those of
 * a file, or those of `from`. `own` is the network of `network=own`. The caller disposes the result.
 *
 * Throws a UserError for weights that do not fit, and for a file that cannot be read.
 */
export async function buildNetwork(
  settings: ExperimentSettings,
  { train }: { train: ImageSet },
  { from, own }: { from?: StartNetwork; own?: tf.LayersModel } = {},
): Promise<BuiltNetwork> {
  const { network, width, seed, weights, start, ista } = settings;
  if (start.compact && from) return compactStart(settings, from);
  if (network === 'own' && !own) {
    throw new UserError(
      'network=own must come with a network: model=FOLDER, with a model.json, or experiment({ network: model }) in a program.',
    );
  }
  const common = { widthMultiplier: width, inputShape: shapeOf(train), classes: train.classNames.length, seed };
  const plain = network === 'own' ? own! : await namedNetworks[network](settings, common, train);
  const model = await prepared(plain, settings);
  if (weights !== null) {
    fillFromTorchvision(model, (await readSafetensors(weights)).tensors, weights);
  }
  const begins = start.rewind ? undefined : from;
  const anew = begins ? copyWeights(begins.model, model, { except: start.except }) : [];
  if (settings.methods.includes('ista')) rescaleGammas(model, ista.alpha / (begins?.alpha ?? 1));
  return { model, keepsTopology: network === 'own', anew };
}
