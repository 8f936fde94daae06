import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { fillWeights, namedWeights } from '../../graph/names.js';
import { hasBytes } from '../../layers/quantized.js';
import { writeFileWhole, type FileKind } from '../../platform/writeFile.js';
import { encodeSafetensors, readSafetensors, type SavedTensor } from '../../formats/safetensors.js';
import { modelOf, structureOf } from './topology.js';

/** A safetensors file begins with the length of its header, which is JSON. */
export const safetensorsFile: FileKind = {
  name: 'a safetensors file',
  isOne: (head) => head.length > 8 && head[8] === '{'.charCodeAt(0),
};

/** The key of the header text that holds the structure of the network. */
const TOPOLOGY = 'model_topology';

/**
 * Saves a network as one safetensors file: its weights by name, `layer/kernel` and so on, in the order tf.layers hold
 * them ([height, width, in, out], [in, out]). The structure is stored as JSON text in the header, from which
 * `loadSafetensors` rebuilds the network; other readers see the weights. Throws a UserError if the network cannot be
 * saved or the file cannot be written.
 */
export async function saveSafetensors(model: tf.LayersModel, path: string): Promise<void> {
  const tensors = new Map<string, SavedTensor>();
  for (const [name, weight] of namedWeights(model)) {
    const tensor = weight.read();
    const values = (await tensor.data()) as Float32Array | Int32Array;
    tensors.set(name, { shape: [...tensor.shape], values: hasBytes(weight) ? Int8Array.from(values) : values });
  }
  const metadata = { format: 'tfjs', [TOPOLOGY]: JSON.stringify(structureOf(model)) };
  await writeFileWhole(path, encodeSafetensors(tensors, metadata), safetensorsFile);
}

/**
 * Loads a network that `saveSafetensors` saved; the caller disposes it. Throws a UserError that names the file and the
 * tensor that does not fit.
 */
export async function loadSafetensors(path: string): Promise<tf.LayersModel> {
  const { tensors, metadata } = await readSafetensors(path);
  const topology = metadata[TOPOLOGY];
  if (topology === undefined) {
    throw new UserError(`${path} holds tensors but not the network they belong to: save it with saveSafetensors.`);
  }
  let structure: unknown;
  try {
    structure = JSON.parse(topology);
  } catch (error) {
    throw new UserError(`${path} has a text ${TOPOLOGY} that is not JSON (${(error as Error).message}).`, {
      cause: error,
    });
  }
  const values = [...tensors.values()].reduce((sum, tensor) => sum + tensor.values.length, 0);
  const refuse = (what: string): UserError =>
    new UserError(`${path} does not hold the weights of its network: ${what}.`);
  return modelOf(structure, { path, values, fill: (model) => fillWeights(model, tensors, refuse) });
}
