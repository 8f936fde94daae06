import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import type { SavedTensor } from '../formats/safetensors.js';
import type { Weight } from '../layers/layer.js';

/** Any layer of a tf.LayersModel. */
export type Layer = tf.layers.Layer;

/** A layer with the names of the networks that it lies in, from the outside in; none for the network itself. */
interface Place {
  layer: Layer;
  path: string[];
  /** Whether one of those networks is frozen. */
  frozen: boolean;
}

function placesOf(model: tf.LayersModel, path: string[] = [], within = false): Place[] {
  const frozen = within || !model.trainable;
  return model.layers.flatMap((layer): Place[] => {
    if (layer instanceof tf.LayersModel) return placesOf(layer, [...path, layer.name], frozen);
    // What feeds a network inside another one has no values of its own.
    return layer.getClassName() === 'InputLayer' && path.length > 0 ? [] : [{ layer, path, frozen }];
  });
}

/** The layers of a network in its order, those of networks inside it in their place; each once. */
export function leafLayers(model: tf.LayersModel): Layer[] {
  return [...new Set(placesOf(model).map(({ layer }) => layer))];
}

/** The layers that are frozen with a network that they lie in, whatever their own `trainable` says. */
export function frozenLayers(model: tf.LayersModel): Set<Layer> {
  return new Set(placesOf(model).flatMap(({ layer, frozen }) => (frozen ? layer : [])));
}

/**
 * A name for each of some things: the first spelling that nothing else has. Throws a UserError where the last one does
 * not tell two of them apart either.
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
 * The name of each layer in a network: its own or, where networks inside have layers of the same name, with theirs in
 * front: left/conv.
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
 * Every weight of a network by the name it has there, in the network's order: layer/weight or, where networks inside
 * have weights of the same name, with theirs in front: left/conv/kernel. What saved states and masks go by.
 *
 * Throws a UserError where that does not tell two weights apart.
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
 * Gives a network the tensors of a file by its weights' names (`namedWeights`). Throws the error that `refuse` makes of
 * the first that is missing, of another shape, or of no weight; nothing has been changed then.
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
 * A name that is not among those `used`, and is from now on: the one wanted or, where there is one, with a number
 * behind it.
 */
export function freeName(used: Set<string>, wanted: string): string {
  let name = wanted;
  for (let n = 2; used.has(name); n++) name = `${wanted}_${n}`;
  used.add(name);
  return name;
}

/** Throws a UserError for anything else than a tf.LayersModel. */
export function checkNetwork(model: tf.LayersModel): void {
  if (model instanceof tf.LayersModel) return;
  const kind = (Object(model) as object).constructor.name;
  throw new UserError(`A network must be a tf.LayersModel; received ${kind}. Load it as one, with loadTfjs.`);
}

/**
 * `compute` for what is needed at every step: once for a network, as long as it has the same outputs. Throws a
 * UserError for anything else than a tf.LayersModel.
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
