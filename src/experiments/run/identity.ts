import { basename, createHash, dirname, join, readFile } from '#platform';
import * as tf from '@tensorflow/tfjs';
import { loadTfjs } from '../../compact/export/tfjs.js';
import { timingMachine } from '../../compact/time/keptTimes.js';
import { UserError } from '../../errors.js';
import { frozenLayers, layerNames, namedWeights } from '../../graph/names.js';
import { checkpointFiles } from '../../training/checkpoint/checkpoint.js';
import { findCheckpoint } from '../../training/checkpoint/listCheckpoints.js';
import { experimentSchema, type ExperimentSettings } from '../experimentSettings.js';
import { networkOf } from '../networks.js';
import { outsideIdentity } from '../runSettings.js';
import { settingsOf } from '../settings/schema.js';
import { givenIn } from '../settings/settle.js';

/**
 * Increase it when training gives other bits than before for the same settings: earlier runs then have another
 * identity.
 */
const numerics = 5;

/** Where a run starts: the path of a checkpoint, or a network. */
export type StartPoint = string | tf.LayersModel;

/** A network that was given instead of named: its topology and its weights. */
export interface OwnNetwork {
  topology: object;
  weights: ReadonlyMap<string, Float32Array>;
  /** The layers that are frozen together with a nested network, which tf.layers leaves out of the topology. */
  frozen: readonly string[];
}

/** Copies a network's topology and weights, so that later changes to it affect no run. */
export function ownNetwork(model: tf.LayersModel): OwnNetwork {
  const weights = [...namedWeights(model)].map(
    ([name, weight]) => [name, weight.read().dataSync<'float32'>().slice()] as const,
  );
  const names = layerNames(model);
  const frozen = [...frozenLayers(model)].map((layer) => names.get(layer)!);
  return { topology: model.toJSON(null, false) as object, weights: new Map(weights), frozen };
}

/**
 * Reads a network from its model.json, or from the folder that holds it. Throws a UserError as `loadTfjs` does.
 */
export async function readOwnNetwork(path: string): Promise<OwnNetwork> {
  const model = await loadTfjs(basename(path) === 'model.json' ? dirname(path) : path);
  try {
    return ownNetwork(model);
  } finally {
    model.dispose();
  }
}

/** Builds a given network with its weights; the caller disposes it. */
export async function builtNetwork({ topology, weights, frozen }: OwnNetwork): Promise<tf.LayersModel> {
  const model = await networkOf(topology);
  for (const [layer, name] of layerNames(model)) if (frozen.includes(name)) layer.trainable = false;
  const named = namedWeights(model);
  tf.tidy(() =>
    weights.forEach((values, name) => named.get(name)?.write(tf.tensor(values, named.get(name)!.shape as number[]))),
  );
  return model;
}

type Hash = ReturnType<typeof createHash>;

function addOwn(hash: Hash, { topology, weights, frozen }: OwnNetwork): void {
  hash.update(JSON.stringify(topology) + frozen.join());
  for (const [name, values] of weights) hash.update(name).update(values);
}

/** Adds a file's content to a hash. Throws a UserError that names the file if it cannot be read. */
async function addFile(hash: Hash, path: string): Promise<void> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UserError(`${path} cannot be read: ${error.message}.`);
  });
  hash.update(bytes);
}

/** The settings that affect a run's result, as sorted words. */
function decisive(settings: ExperimentSettings): string[] {
  const declared = settingsOf(experimentSchema);
  return givenIn(settings)
    .filter(({ name }) => !outsideIdentity.includes(name))
    .filter(({ name, value }) => JSON.stringify(value) !== JSON.stringify(declared.get(name)?.neutral))
    .map(({ name, value }) => `${name}=${JSON.stringify(value)}`)
    .sort();
}

/** Whether the result depends on how fast this machine is. */
const isTimed = ({ methods, l0, ista }: ExperimentSettings): boolean =>
  (methods.includes('l0') && l0.weighting === 'time') ||
  (methods.includes('l0') && l0.target_ms !== null) ||
  (methods.includes('ista') && ista.weighting === 'time');

/** Whether two runs on the same images, from the same start, have the same result. */
export const sameOutcome = (a: ExperimentSettings, b: ExperimentSettings): boolean =>
  decisive(a).join() === decisive(b).join();

/**
 * The identity of a run, in twelve hexadecimal digits: its settings except for those that do not affect its result, its
 * images, the weights it starts from, the backend, and the version of this library's numerics. Two runs of one identity
 * give the same bits. `images` is the `dataHash` of the images it is trained and measured with.
 *
 * Throws a UserError for a checkpoint or a file of weights that cannot be read.
 */
export async function identityOf(
  settings: ExperimentSettings,
  images: string,
  { start, own }: { start?: StartPoint; own?: OwnNetwork } = {},
): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ numerics, backend: tf.getBackend(), data: images, values: decisive(settings) }));
  if (isTimed(settings)) hash.update(`plans timed on ${timingMachine()}`);
  if (settings.cut_channels) hash.update('cut below 0.2'); // runs from when the default was 0.05 differ
  if (own) addOwn(hash.update('own'), own);
  if (settings.weights !== null) await addFile(hash.update('weights'), settings.weights);
  if (typeof start === 'string') {
    const folder = await findCheckpoint(start);
    // The checksums stand for the files; the description's is left out, as it contains dates.
    const sums = await readFile(join(folder, checkpointFiles.sums), 'utf8').catch(() => '');
    const lines = sums.split('\n').filter((line) => !line.endsWith(checkpointFiles.description));
    hash.update(`start ${lines.join('\n')}`);
  } else if (start) addOwn(hash.update('start'), ownNetwork(start));
  return hash.digest('hex').slice(0, 12);
}
