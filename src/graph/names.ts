import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import type { SavedTensor } from '../formats/safetensors.js';
import type { Weight } from '../layers/layer.js';

/** Any layer of a tf.LayersModel. */
export type Layer = tf.layers.Layer;

/**
 * A layer with the names of the nested networks that contain it, from the outside in; empty for the outermost network.
 */
interface Place {
  layer: Layer;
  path: string[];
  /** Whether a network that contains the layer is frozen. */
  frozen: boolean;
}

function placesOf(model: tf.LayersModel, path: string[] = [], within = false): Place[] {
  const frozen = within || !model.trainable;
  return model.layers.flatMap((layer): Place[] => {
    if (layer instanceof tf.LayersModel) return placesOf(layer, [...path, layer.name], frozen);
    // The input layers of a nested network have no values of their own.
    return layer.getClassName() === 'InputLayer' && path.length > 0 ? [] : [{ layer, path, frozen }];
  });
}

/** Returns the layers of a network in its order, with nested networks replaced by their layers; each layer once. */
export function leafLayers(model: tf.LayersModel): Layer[] {
  return [...new Set(placesOf(model).map(({ layer }) => layer))];
}

/** Returns the layers that are frozen because a network that contains them is, whatever their own `trainable` says. */
export function frozenLayers(model: tf.LayersModel): Set<Layer> {
  return new Set(placesOf(model).flatMap(({ layer, frozen }) => (frozen ? layer : [])));
}

/**
 * Gives each thing the first spelling that no other has as its name. Throws a UserError if even the last spelling is
 * the same for two of them.
 */
function tellApart<T>(things: readonly T[], spellings: ((thing: T) => string)[], what: string): Map<T, string> {
  const names = new Map<T, string>();
  const taken = new Map<string, T>();
  let left = things;
  for (const spell of spellings) {
    const counts = new Map<string, number>();
    for (const thing of left) counts.set(spell(thing), (counts.get(spell(thing)) ?? 0) + 1);
    const free = (name: string): boolean => counts.get(name) === 1 && !taken.has(name);
    for (const thing of left.filter((each) => free(spell(each)))) {
      names.set(thing, spell(thing));
      taken.set(spell(thing), thing);
    }
    left = left.filter((thing) => !names.has(thing));
  }
  if (left.length > 0) {
    const name = spellings.at(-1)!(left[0]);
    throw new UserError(`Two ${what} are called ${name}, and names tell them apart: give one layer another name.`);
  }
  return names;
}

/**
 * Returns the name of each layer in a network: its own or, if layers of nested networks share that name, prefixed with
 * the networks' names: left/conv.
 */
export function layerNames(model: tf.LayersModel): Map<Layer, string> {
  const places = new Map(placesOf(model).map((place) => [place.layer, place]));
  const names = tellApart(
    [...places.values()],
    [({ layer }) => layer.name, ({ layer, path }) => [...path, layer.name].join('/')],
    `layers of ${model.name}`,
  );
  return new Map([...names].map(([{ layer }, name]) => [layer, name]));
}

/**
 * Returns every weight of a network by its name there, in the network's order: layer/weight or, if weights of nested
 * networks share that name, prefixed with the networks' names: left/conv/kernel. Saved states and masks use these
 * names.
 *
 * Throws a UserError if two weights still have the same name.
 */
export function namedWeights(model: tf.LayersModel): Map<string, Weight> {
  const owners = new Map(
    placesOf(model).flatMap((place) => place.layer.weights.map((weight) => [weight, { weight, ...place }] as const)),
  );
  const names = tellApart(
    [...owners.values()],
    [
      ({ weight }) => weight.originalName,
      ({ weight, path }) => [...path, weight.originalName].join('/'),
      ({ weight, path, layer }) => [...path, layer.name, weight.originalName].join('/'),
    ],
    `weights of ${model.name}`,
  );
  const byWeight = new Map([...names].map(([{ weight }, name]) => [weight, name]));
  return new Map(model.weights.map((weight) => [byWeight.get(weight) ?? weight.originalName, weight]));
}

/**
 * Sets a network's weights to a file's tensors of the same names (`namedWeights`). Throws the error that `refuse` makes
 * for the first tensor that is missing, has another shape, or belongs to no weight; in that case no weight is changed.
 */
export function fillWeights(
  model: tf.LayersModel,
  tensors: ReadonlyMap<string, SavedTensor>,
  refuse: (reason: string) => UserError,
): void {
  const wanted = namedWeights(model);
  const extra = [...tensors.keys()].find((name) => !wanted.has(name));
  for (const [name, { shape }] of wanted) {
    const saved = tensors.get(name);
    if (!saved) throw refuse(`it has no tensor ${name}${extra ? `, but has ${extra}` : ''}`);
    if (saved.shape.join() !== shape.join()) {
      throw refuse(`its tensor ${name} has the shape [${saved.shape.join(', ')}], not [${shape.join(', ')}]`);
    }
  }
  if (extra) throw refuse(`it also has a tensor ${extra}`);
  for (const [name, weight] of wanted) {
    const { values, shape } = tensors.get(name)!;
    tf.tidy(() => void weight.write(tf.tensor(Float32Array.from(values), shape, weight.dtype)));
  }
}

/**
 * Returns a name that is not among those `used`, and adds it to them: the wanted name or, if that is taken, the name
 * with a number appended.
 */
export function freeName(used: Set<string>, wanted: string): string {
  let name = wanted;
  for (let n = 2; used.has(name); n++) name = `${wanted}_${n}`;
  used.add(name);
  return name;
}

/** Throws a UserError for anything other than a tf.LayersModel. */
export function checkNetwork(model: tf.LayersModel): void {
  if (model instanceof tf.LayersModel) return;
  const kind = (Object(model) as object).constructor.name;
  throw new UserError(`A network must be a tf.LayersModel; received ${kind}. Load it as one, with loadTfjs.`);
}

/**
 * Caches `compute`, for what is needed at every step: it runs once per network, as long as the network has the same
 * outputs. Throws a UserError for anything other than a tf.LayersModel.
 */
export function oncePerNetwork<T extends object>(compute: (model: tf.LayersModel) => T): (model: tf.LayersModel) => T {
  const known = new WeakMap<tf.SymbolicTensor[], T>();
  return (model) => {
    checkNetwork(model);
    const found = known.get(model.outputs) ?? compute(model);
    known.set(model.outputs, found);
    return found;
  };
}

/** The name of each weight of a network (`namedWeights`). */
export const weightNames = oncePerNetwork(
  (model): ReadonlyMap<Weight, string> => new Map([...namedWeights(model)].map(([name, weight]) => [weight, name])),
);
