import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { isObject, type Json } from '../../formats/json.js';
import { networkGraph, unreadInputs } from '../../graph/networkGraph.js';
import '../../layers/completeConfigs.js';
import { asTfjsReads, type Refuse } from './keras.js';

/** Reads a file, or throws a UserError that names it. */
export async function readOrRefuse<T>(path: string, read: (path: string) => Promise<T>): Promise<T> {
  try {
    return await read(path);
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}. Check the path.`, { cause: error });
  }
}

/**
 * Builds the network of a saved structure, of TensorFlow.js or Keras, with all weights 0, and lets `fill` set its
 * values. `values` is the number of weight values in the file: a structure that needs more is refused before memory is
 * allocated.
 *
 * Throws a UserError that names `path` for a structure that cannot be built, whatever is wrong with it.
 */
export async function modelOf(
  structure: unknown,
  { path, values, fill }: { path: string; values: number; fill: (model: tf.LayersModel) => void },
): Promise<tf.LayersModel> {
  const refuse = (reason: string, cause?: unknown): UserError =>
    new UserError(`${path} does not hold a network that can be loaded: ${reason}`, { cause });
  const modelTopology = checkTopology(asTfjsReads(structure, { refuse, depth: most.depth }), refuse);
  try {
    const model = await withoutValues(values, () =>
      tf.models.modelFromJSON({ modelTopology } as unknown as tf.io.ModelJSON),
    );
    fill(model);
    return model;
  } catch (error) {
    if (error instanceof UserError) throw error;
    // tfjs appends instructions for registering the class to the unknown name.
    const [reason] = (error as Error).message.split(' This may be due to one of the following reasons');
    throw refuse(reason, error);
  }
}

type AddWeight = (name: string, shape: tf.Shape, dtype: unknown, initializer: unknown, ...rest: unknown[]) => unknown;

/**
 * Builds layers whose weights are all 0: initial values are not needed and may take long to draw. Throws if the layers
 * have more values than `most`.
 */
export function withoutValues<T>(most: number, build: () => T): T {
  const layers = tf.layers.Layer.prototype as unknown as { addWeight: AddWeight };
  const { addWeight } = layers;
  let left = most;
  layers.addWeight = function (this: tf.layers.Layer, name, shape, dtype, _start, ...rest) {
    left -= shape.reduce<number>((size, side) => size * (side ?? NaN), 1);
    if (!(left >= 0)) throw new Error(`its layers have more values than the file, which has ${most}.`);
    return addWeight.call(this, name, shape, dtype, tf.initializers.zeros(), ...rest);
  };
  try {
    return build();
  } finally {
    layers.addWeight = addWeight;
  }
}

/**
 * The structure of a network as JSON. Throws a UserError for a structure that could not be read back: tf.layers number
 * the calls of a layer used at several places in the order they come, and omit an input that no output depends on.
 */
export function structureOf(model: tf.LayersModel): object {
  const refuse = (reason: string): UserError => new UserError(`${model.name} cannot be saved: ${reason}`);
  const [unread] = unreadInputs(networkGraph(model));
  if (unread) throw refuse(`no output depends on its input ${unread.name}, which would be missing. Build it without.`);
  return checkTopology(model.toJSON(null, false), refuse);
}

/** More layers and deeper nesting than any network has; tf.layers would take forever to build more. */
const most = { layers: 5000, depth: 100 };
const networks = ['Model', 'Functional', 'LayersModel', 'Sequential'];

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * Returns the structure of a network from a file after the checks that tf.layers lack: they never return if layers read
 * each other in a circle or read something missing. `refuse` turns a reason into an error.
 */
function checkTopology(structure: unknown, refuse: Refuse): Json {
  const root = isObject(structure) && isObject(structure.model_config) ? structure.model_config : structure;
  if (!isObject(root) || !networks.includes(root.class_name as string)) {
    throw refuse(`it says nothing of a network (class_name ${networks.join(', ')}).`);
  }
  let layers = 0;
  const check = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null) return;
    if (depth > most.depth) throw refuse(`its structure is more than ${most.depth} levels deep.`);
    if (isObject(value) && networks.includes(value.class_name as string)) {
      const list = layersOf(value, refuse);
      layers += list.length;
      if (layers > most.layers) throw refuse(`it has more than ${most.layers} layers.`);
      if (value.class_name !== 'Sequential') checkReads(list, refuse);
    }
    for (const part of Object.values(value)) check(part, depth + 1);
  };
  check(root, 0);
  return root;
}

/** The layers of a network, after checking that each has a class, a config and a unique name. */
function layersOf({ class_name, config }: Json, refuse: Refuse): Json[] {
  const list = isObject(config) ? config.layers : config;
  if (!Array.isArray(list) || list.length === 0) throw refuse(`its ${String(class_name)} has no list of layers.`);
  const names = new Set<unknown>();
  for (const layer of list as unknown[]) {
    // In a Sequential a name may be omitted; an old nested Sequential is a mere list.
    const nameless = class_name === 'Sequential';
    if (nameless && isObject(layer) && layer.class_name === 'Sequential' && Array.isArray(layer.config)) continue;
    if (!isObject(layer) || typeof layer.class_name !== 'string' || !isObject(layer.config)) {
      throw refuse('one of its layers has no class_name or no config.');
    }
    const name = nameless ? layer.config.name : layer.name;
    if (nameless && name === undefined) continue;
    if (typeof name !== 'string' || name === '' || name in Object.prototype) {
      throw refuse(`a layer cannot be called ${JSON.stringify(name)}.`);
    }
    if (layer.config.name !== name) {
      throw refuse(`a layer is called both ${name} and ${JSON.stringify(layer.config.name)}.`);
    }
    if (names.has(name)) throw refuse(`two of its layers are called ${name}.`);
    names.add(name);
  }
  return list as Json[];
}

/** Throws for layers that read something that never exists: each other in a circle, or a missing layer or call. */
function checkReads(layers: Json[], refuse: Refuse): void {
  /** The number of calls of each layer so far; inputs and networks have one from the start. */
  const made = new Map(
    layers.map(({ name, class_name }) => {
      const first = class_name === 'InputLayer' || networks.includes(class_name as string);
      return [name as string, first ? 1 : 0];
    }),
  );
  let left = layers.flatMap(({ name, inbound_nodes: calls }) => {
    if (!Array.isArray(calls) || !calls.every(Array.isArray))
      throw refuse(`the layer ${String(name)} has no inbound_nodes.`);
    return (calls as unknown[][]).map((reads, call) => ({
      name: name as string,
      reads,
      turn: made.get(name as string)! + call,
    }));
  });
  for (const { name, reads } of left) {
    if (reads.length === 0) throw refuse(`the layer ${name} is called with nothing to read.`);
    for (const read of reads) {
      const [from, call, tensor] = Array.isArray(read) ? (read as unknown[]) : [];
      if (made.has(from as string) && isCount(call) && isCount(tensor)) continue;
      throw refuse(`the layer ${name} reads ${JSON.stringify(read)}, which is none of its layers.`);
    }
  }
  for (let before = Infinity; left.length < before;) {
    before = left.length;
    // In the order of tf.layers, which number calls as they come, regardless of the intended order.
    left = left.filter(({ name, reads, turn }) => {
      const ready = (reads as [string, number][]).every(([from, call]) => made.get(from)! > call);
      if (ready && made.get(name) !== turn) {
        throw refuse(
          `the layer ${name} is used at several places, which tf.layers mix up when they read it: give each a layer of its own.`,
        );
      }
      if (ready) made.set(name, turn + 1);
      return !ready;
    });
  }
  if (left.length > 0) {
    throw refuse(
      `the layer ${left[0].name} reads what is never there: layers read each other in a circle, or a call is missing.`,
    );
  }
}
