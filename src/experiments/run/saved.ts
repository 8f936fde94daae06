import { basename, dirname, resolve } from '#platform';
import type * as tf from '@tensorflow/tfjs';
import { blankImages } from '../../data/dataSplits.js';
import type { ImageShape } from '../../data/imageSet.js';
import { UserError } from '../../errors.js';
import type { ChannelMasks } from '../../graph/channelGraph.js';
import { combineSparsifiers } from '../../sparsity/combineSparsifiers.js';
import type { Sparsifier } from '../../sparsity/sparsifier.js';
import { averagedWeights, restoreWeights } from '../../training/checkpoint/trainedState.js';
import { loadCheckpoint } from '../../training/checkpoint/loadCheckpoint.js';
import { saveCheckpoint } from '../../training/checkpoint/saveCheckpoint.js';
import type { Checkpoint } from '../../training/checkpoint/checkpoint.js';
import { deriveSeed } from '../../backend/random.js';
import type { ExperimentSettings } from '../experimentSettings.js';
import type { MethodContext } from '../methods/method.js';
import { methods } from '../methods/methods.js';
import { buildNetwork, networkOf } from '../networks.js';
import type { Protocol } from '../protocols/protocol.js';
import { findProtocol, protocols } from '../protocols/protocols.js';
import type { RunSettings } from '../runSettings.js';
import { givenIn, settle, type Given } from '../settings/settle.js';

/** The description of a run that its folder and its checkpoints hold. */
export interface SavedRun {
  protocol: Protocol<RunSettings>;
  settings: RunSettings;
  /** The network's topology as Keras JSON, if the settings do not describe it. */
  topology?: object;
}

/** Throws a UserError for settings that end a run before the checkpoint from which it continues. */
export function checkLength({ path, epoch, step }: Checkpoint, { epochs, max_steps }: ExperimentSettings): void {
  if ((epochs ?? Infinity) >= epoch && (max_steps ?? Infinity) >= step) return;
  throw new UserError(
    `A run must go on from where it is, which is after ${epoch} epochs and ${step} steps in ${path}; received ` +
      `epochs=${epochs} max_steps=${max_steps}. Ask for as many or more.`,
  );
}

/** Settings as they are saved: with the protocol's name. */
export function savedForm({ protocol, settings, topology }: SavedRun): object {
  return { experiment: protocol.name, ...settings, ...(topology && { topology: JSON.stringify(topology) }) };
}

/** Reads the result of `savedForm`. Throws a UserError that names the `place` it was saved in. */
export function readSaved(saved: unknown, place: string): SavedRun {
  const { experiment: name, topology, ...settings } = Object(saved) as { experiment?: unknown; topology?: string };
  const protocol = findProtocol(name);
  if (!protocol) {
    throw new UserError(
      `${place} must be of one of the experiments ${Object.keys(protocols).join(', ')}; it is of ${JSON.stringify(name)}.`,
    );
  }
  const given = givenIn(settings).map((each) => ({ ...each, place }));
  return {
    protocol,
    settings: settle(protocol.schema, [], given),
    ...(topology !== undefined && { topology: parsed(topology, place) }),
  };
}

function parsed(topology: string, place: string): object {
  try {
    return Object(JSON.parse(topology)) as object;
  } catch (error) {
    throw new UserError(`${place} has a topology that is not JSON: ${(error as Error).message}.`);
  }
}

/**
 * The settings that may change when a run continues: its length, where its images lie, what computes, and its names.
 */
const free = 'epochs max_steps data backend threads ckpt_path resume_training again name tags checkpoints.'.split(' ');

/**
 * The settings with which a saved run continues: its own, and the given ones among the few that may differ. Throws a
 * UserError for any other given setting that differs.
 */
export function resumedSettings({ protocol, settings: saved }: SavedRun, given: readonly Given[]): RunSettings {
  const settings = settle(protocol.schema, given, givenIn(saved));
  const valuesOf = (all: object): Map<string, string> =>
    new Map(givenIn(all).map(({ name, value }) => [name, JSON.stringify(value)]));
  const [before, now] = [valuesOf(saved), valuesOf(settings)];
  for (const { name, place } of given) {
    if (before.get(name) === now.get(name) || free.some((prefix) => name.startsWith(prefix))) continue;
    throw new UserError(
      `${place === undefined ? '' : `${place}: `}A run must go on with its own settings: ${name} was ${before.get(name)}; ` +
        `received ${now.get(name)}. Leave it out, or start a new run with resume_training=false.`,
    );
  }
  return settings;
}

/**
 * A trained network as it is evaluated: with the averages of its weights, if the run kept any, and the state of its
 * methods.
 */
export interface TrainedNetwork {
  readonly checkpoint: Pick<Checkpoint, 'path' | 'step' | 'epoch' | 'validation' | 'provenance'>;
  readonly saved: SavedRun;
  readonly settings: ExperimentSettings;
  readonly model: tf.LayersModel;
  readonly sparsifier?: Sparsifier;
  /** The masks of channels; empty if no channel has one. */
  channelMasks(): ChannelMasks;
  dispose(): void;
}

/** Builds the methods of an experiment for its network, combined into one; undefined for none. */
export async function buildMethods(
  settings: ExperimentSettings,
  model: tf.LayersModel,
  context: Pick<MethodContext<unknown>, 'rankedBy' | 'saved' | 'signal'> = {},
): Promise<Sparsifier | undefined> {
  const parts: Sparsifier[] = [];
  for (const name of settings.methods) {
    parts.push(await methods[name].build(model, { ...context, settings, seed: deriveSeed(settings.seed, name) }));
  }
  return parts.length > 1 ? combineSparsifiers(...parts) : parts.at(0);
}

/**
 * Rebuilds the network of a checkpoint as its run evaluated it; the caller disposes it. Throws a UserError for a
 * checkpoint that is missing, damaged or has an invalid description.
 */
export async function trainedNetwork(ckpt_path: string): Promise<TrainedNetwork> {
  const checkpoint = await loadCheckpoint(ckpt_path);
  const saved = readSaved(checkpoint.settings, checkpoint.path);
  const settings = saved.protocol.experiment(saved.settings);
  const own = saved.topology && (await networkOf(saved.topology));
  const { shape, classNames } = checkpoint.provenance?.data ?? {};
  const images = blankImages(shape as ImageShape | undefined, classNames?.length);
  // The topology contains what a method or compaction changed; neither must change it again.
  const { model } = own ? { model: own } : await buildNetwork({ ...settings, weights: null }, images);
  restoreWeights({ path: checkpoint.path, weights: averagedWeights(checkpoint) }, model);
  const sparsifier = await buildMethods(settings, model, { saved: checkpoint.sparsifier?.state });
  if (checkpoint.sparsifier) sparsifier?.restore(checkpoint.sparsifier.state);
  return {
    checkpoint,
    saved,
    settings,
    model,
    sparsifier,
    channelMasks: () => sparsifier?.channelMasks() ?? new Map(),
    dispose() {
      sparsifier?.dispose?.();
      model.dispose();
    },
  };
}

const noOptimizer = 'no optimizer';

/**
 * Copies a checkpoint to the folder `to` without what only a resumed run needs (with AdamW, a third of its size is
 * left), and returns that path. The copy has the weights that the network is evaluated with; what its method has closed
 * stays closed. `data` names the images in the copy, for a run whose images are in a private folder.
 *
 * The copy can be tested and new runs can start from it; a run cannot continue from it, since it has no optimizer.
 * Throws a UserError for a checkpoint that cannot be read, and if the copy would replace one that a run can continue
 * from.
 */
export async function shipWeights(from: string, to: string, data?: string): Promise<string> {
  const { path: _, averages, ...checkpoint } = await loadCheckpoint(from);
  const weights = averagedWeights({ ...checkpoint, averages });
  const saved = readSaved(checkpoint.settings, from);
  const changed = givenIn({ data, ckpt_path: null, resume_training: false, again: false });
  const settings = savedForm({ ...saved, settings: resumedSettings(saved, changed) });
  const folder = resolve(to);
  const there = await loadCheckpoint(folder).catch(() => undefined);
  if (there && there.optimizer.name !== noOptimizer) {
    throw new UserError(
      `${folder} is not written: a run can go on from the checkpoint there, and could not from its weights alone. ` +
        'Give another folder.',
    );
  }
  const optimizer = { name: noOptimizer, state: {} };
  return saveCheckpoint(dirname(folder), basename(folder), { ...checkpoint, weights, settings, optimizer });
}
