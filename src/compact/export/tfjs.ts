import { Buffer, join, readFile } from '#platform';
import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { writeFolderWhole, type FolderKind } from '../../platform/writeFolder.js';
import { ownClasses, standardModel } from './standardLayers.js';
import { modelOf, readOrRefuse, structureOf } from './topology.js';

const MODEL = 'model.json';
const WEIGHTS = 'weights.bin';

/** A folder in TensorFlow.js's format, as `saveTfjs` writes it. */
export const tfjsFolder: FolderKind = { name: 'a network in this format', files: [MODEL, WEIGHTS], mark: MODEL };

/**
 * Saves a network in TensorFlow.js's own format: a folder with model.json and weights.bin, which `loadTfjs` reads here
 * and tf.loadLayersModel anywhere. Our layers are written as tf's own wherever those compute the same at inference
 * (`standardModel`).
 *
 * Returns the names of our classes that remain, which a reader must register by importing this package's layers; none
 * if TensorFlow.js alone can read the folder. Throws a UserError if the network cannot be saved or the folder cannot be
 * written.
 */
export async function saveTfjs(model: tf.LayersModel, folder: string): Promise<string[]> {
  const standard = standardModel(model);
  try {
    const contents = new Map(Object.entries(await filesOf(standard)));
    await writeFolderWhole(folder, contents, tfjsFolder);
    return ownClasses(standard);
  } finally {
    if (standard !== model) standard.dispose();
  }
}

async function filesOf(model: tf.LayersModel): Promise<Record<string, Uint8Array>> {
  const modelTopology = structureOf(model);
  let files: Record<string, Uint8Array> = {};
  await model.save(
    tf.io.withSaveHandler(({ weightData, weightSpecs, format, generatedBy }) => {
      const weightsManifest = [{ paths: [WEIGHTS], weights: weightSpecs }];
      const json = JSON.stringify({ format, generatedBy, convertedBy: null, modelTopology, weightsManifest });
      const parts = [weightData ?? []].flat().map((part) => Buffer.from(part));
      files = { [MODEL]: Buffer.from(json), [WEIGHTS]: Buffer.concat(parts) };
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
    }),
  );
  return files;
}

/**
 * Loads a network from a folder with model.json and its weights; the caller disposes it. Throws a UserError that names
 * the faulty file, and for weight files outside the folder.
 */
export async function loadTfjs(folder: string): Promise<tf.LayersModel> {
  const path = join(folder, MODEL);
  const text = await readOrRefuse(path, (file) => readFile(file, 'utf8'));
  let json: Partial<tf.io.ModelJSON> | null;
  try {
    json = JSON.parse(text) as typeof json;
  } catch (error) {
    throw new UserError(`${path} is not JSON (${(error as Error).message}).`, { cause: error });
  }
  const groups = groupsOf(json?.weightsManifest, path);
  const files = groups.flatMap(({ paths }) => paths);
  const parts = await Promise.all(files.map((file) => readOrRefuse(join(folder, file), (each) => readFile(each))));
  const bytes = Uint8Array.from(Buffer.concat(parts));
  const specs = groups.flatMap((group) => group.weights);
  const weights = decode(bytes.buffer, specs, path);
  const values = Object.values(weights).reduce((sum, tensor) => sum + tensor.size, 0);
  try {
    return await modelOf(json?.modelTopology, {
      path,
      values,
      fill: (model) => model.loadWeights(namedAsIn(model, weights)),
    });
  } finally {
    tf.dispose(weights);
  }
}

/** Weights by the names they have in a network: Keras 3 prefixes them with the network's own name. */
function namedAsIn(model: tf.LayersModel, weights: tf.NamedTensorMap): tf.NamedTensorMap {
  const names = model.weights.map(({ originalName }) => originalName);
  const known = new Set(names);
  return Object.fromEntries(
    Object.entries(weights).map(([name, tensor]) => {
      const own = known.has(name) ? name : names.find((each) => name.endsWith(`/${each}`) && !(each in weights));
      return [own ?? name, tensor];
    }),
  );
}

/** Whether a name is the plain name of a file in a folder or in one of its subfolders. */
const inside = (name: unknown): name is string =>
  typeof name === 'string' &&
  !/[\0\\:]/.test(name) &&
  name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

/** The groups of weights that a model.json lists, with the names of their files. */
function groupsOf(manifest: unknown, path: string): { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[] {
  if (!Array.isArray(manifest)) throw new UserError(`${path} does not say where its weights are.`);
  const seen = new Set<string>();
  for (const group of manifest as unknown[]) {
    const { paths, weights } = Object(group) as Record<string, unknown>;
    if (!Array.isArray(paths) || !Array.isArray(weights)) {
      throw new UserError(`${path} does not say where its weights are: a group of them has no paths or no weights.`);
    }
    for (const name of paths as unknown[]) {
      if (!inside(name) || seen.has(name)) {
        throw new UserError(
          `${path} names the file ${JSON.stringify(name)} for its weights: a file there must have a name of its own and lie in ` +
            'the folder of model.json. Put the file there, and write its name in model.json.',
        );
      }
      seen.add(name);
    }
  }
  return manifest as { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[];
}

/** The weights by name. Throws a UserError if the specs in model.json do not fit the bytes. */
function decode(bytes: ArrayBuffer, specs: tf.io.WeightsManifestEntry[], path: string): tf.NamedTensorMap {
  for (const { shape } of specs.map((spec) => Object(spec) as { shape?: unknown })) {
    const sides = Array.isArray(shape) ? (shape as unknown[]) : [NaN];
    const size = sides.reduce<number>((n, side) => n * (Number.isSafeInteger(side) ? (side as number) : NaN), 1);
    if (!(size >= 0 && size <= bytes.byteLength)) {
      throw new UserError(`${path} does not fit its files: a weight of shape ${JSON.stringify(shape)} is not in them.`);
    }
  }
  try {
    return tf.io.decodeWeights(bytes, specs);
  } catch (error) {
    throw new UserError(`${path} does not fit its files: ${(error as Error).message}`, { cause: error });
  }
}
