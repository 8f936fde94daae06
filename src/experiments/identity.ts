import { createHash, join, readFile } from '#platform';
import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { namedWeights } from '../graph/names.js';
import { checkpointFiles } from '../training/checkpoint/checkpoint.js';
import { findCheckpoint } from '../training/checkpoint/listCheckpoints.js';
import type { ExperimentSettings } from './experimentSettings.js';
import { outsideIdentity } from './runSettings.js';
import { givenIn } from './settings/settle.js';

/** To be raised when training gives other bits than before for the same settings: earlier runs are then others. */
const numerics = 1;

/** Where a run starts: the path of a checkpoint, or a network. */
export type StartPoint = string | tf.LayersModel;

/** A network without a name as it was given: what it is, and its weights. */
export interface OwnNetwork {
  topology: object;
  weights: ReadonlyMap<string, Float32Array>;
}

/** Keeps what a network is and has now, so that what becomes of it later changes no run. */
export function ownNetwork(model: tf.LayersModel): OwnNetwork {
  const weights = [...namedWeights(model)].map(
    ([name, weight]) => [name, weight.read().dataSync<'float32'>().slice()] as const,
  );
  return { topology: model.toJSON(null, false) as object, weights: new Map(weights) };
}

/**
 * Settings that came after others had been trained with, and the value at which each changes nothing: it is left out there, so that
 * earlier runs stay what they are.
 */
const later: Readonly<Record<string, string>> = {
  progressive_resizing: '[]',
  tta: '"none"',
  'magnitude.criterion': '"magnitude"',
  'magnitude.where': '[]',
};

type Hash = ReturnType<typeof createHash>;

function addOwn(hash: Hash, { topology, weights }: OwnNetwork): void {
  hash.update(JSON.stringify(topology));
  for (const [name, values] of weights) hash.update(name).update(values);
}

/** Adds a file's content. Throws a UserError that names it where it cannot be read. */
async function addFile(hash: Hash, path: string): Promise<void> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UserError(`${path} cannot be read: ${error.message}.`);
  });
  hash.update(bytes);
}

/** The settings on which it depends what a run comes to, as words in order. */
function decisive(settings: ExperimentSettings): string[] {
  const inside = givenIn(settings).filter(({ name }) => !outsideIdentity.includes(name));
  return inside
    .map(({ name, value }) => ({ name, text: JSON.stringify(value) }))
    .filter(({ name, text }) => text !== later[name])
    .map(({ name, text }) => `${name}=${text}`)
    .sort();
}

/** Whether two runs on the same images, from the same start, come to the same. */
export const sameOutcome = (a: ExperimentSettings, b: ExperimentSettings): boolean =>
  decisive(a).join() === decisive(b).join();

/**
 * What a run is, in twelve hexadecimal digits: its settings but for those that change nothing it comes to, its images, the
 * weights it starts from, what computes, and the version of this library's numerics. Two runs of one identity come to the
 * same bits. `images` is the `dataHash` of the images it is trained and measured with.
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
  if (own) addOwn(hash.update('own'), own);
  if (settings.weights !== null) await addFile(hash.update('weights'), settings.weights);
  if (typeof start === 'string') {
    const folder = await findCheckpoint(start);
    // The sums stand for the files; that of the description has dates in it.
    const sums = await readFile(join(folder, checkpointFiles.sums), 'utf8').catch(() => '');
    const lines = sums.split('\n').filter((line) => !line.endsWith(checkpointFiles.description));
    hash.update(`start ${lines.join('\n')}`);
  } else if (start) addOwn(hash.update('start'), ownNetwork(start));
  return hash.digest('hex').slice(0, 12);
}
