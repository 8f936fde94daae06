import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { writeFolderWhole, type FolderKind } from '../../platform/writeFolder.js';
import { artifactsOf, modelOf, readOrRefuse } from './artifacts.js';

const MODEL = 'model.json';
const WEIGHTS = 'weights.bin';

export const tfjsFolder: FolderKind = { name: 'a network in this format', files: [MODEL, WEIGHTS], mark: MODEL };

/**
 * Saves a network in TensorFlow.js's own format: a folder with model.json and weights.bin, which `loadTfjs` reads here
 * and tf.loadLayersModel in a browser, once this package's layers are registered there.
 */
export async function saveTfjs(model: tf.LayersModel, folder: string): Promise<void> {
  const { modelTopology, weightSpecs, weightData, format, generatedBy } = await artifactsOf(model);
  const bytes = Buffer.concat([weightData ?? []].flat().map((part) => Buffer.from(part)));
  const weightsManifest = [{ paths: [WEIGHTS], weights: weightSpecs }];
  const json = JSON.stringify({ format, generatedBy, convertedBy: null, modelTopology, weightsManifest });
  const contents = new Map<string, Uint8Array>([
    [MODEL, Buffer.from(json)],
    [WEIGHTS, bytes],
  ]);
  await writeFolderWhole(folder, contents, tfjsFolder);
}

/** Loads a network from a folder with model.json and its weights. Throws a UserError that names the file at fault. */
export async function loadTfjs(folder: string): Promise<tf.LayersModel> {
  const path = join(folder, MODEL);
  const text = await readOrRefuse(path, (file) => readFile(file, 'utf8'));
  let json: tf.io.ModelJSON;
  try {
    json = JSON.parse(text) as tf.io.ModelJSON;
  } catch (error) {
    throw new UserError(`${path} is not JSON (${(error as Error).message}).`, { cause: error });
  }
  const { modelTopology, weightsManifest } = json;
  if (!Array.isArray(weightsManifest)) throw new UserError(`${path} does not say where its weights are.`);
  const files = weightsManifest.flatMap(({ paths }) => paths);
  const parts = await Promise.all(files.map((file) => readOrRefuse(join(folder, file), (each) => readFile(each))));
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  return modelOf({ modelTopology, weightSpecs, weightData: Uint8Array.from(Buffer.concat(parts)).buffer }, folder);
}
