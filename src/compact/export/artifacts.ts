import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { checkTopology } from './topology.js';

/** What tf.layers know about a network: its structure as JSON, and its weights with their names. */
export type Artifacts = tf.io.ModelArtifacts;

/** A network's structure and weights. */
export async function artifactsOf(model: tf.LayersModel): Promise<Artifacts> {
  let artifacts: Artifacts = {};
  const date = new Date(0);
  await model.save(
    tf.io.withSaveHandler((saved) => {
      artifacts = saved;
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: date, modelTopologyType: 'JSON' } });
    }),
  );
  return artifacts;
}

/**
 * Builds the network of a saved structure, all of its weights 0, and lets `fill` give it its values. `values` is how many values
 * the file has for its weights: a structure that asks for more is refused before memory is taken for them.
 *
 * Throws a UserError that names `path` for a structure that cannot be built, whatever is wrong with it.
 */
export async function modelOf(
  structure: unknown,
  { path, values, fill }: { path: string; values: number; fill: (model: tf.LayersModel) => void },
): Promise<tf.LayersModel> {
  const refuse = (reason: string, cause?: unknown): UserError =>
    new UserError(`${path} does not hold a network that can be loaded: ${reason}`, { cause });
  const modelTopology = checkTopology(structure, refuse);
  try {
    const model = await withoutValues(values, refuse, () =>
      tf.models.modelFromJSON({ modelTopology } as unknown as tf.io.ModelJSON),
    );
    fill(model);
    return model;
  } catch (error) {
    throw error instanceof UserError ? error : refuse((error as Error).message, error);
  }
}

type AddWeight = (name: string, shape: tf.Shape, dtype: unknown, initializer: unknown, ...rest: unknown[]) => unknown;

/**
 * Builds layers whose weights are all 0, in one go: what they would start with is not needed, and may take long. Refuses more
 * values than `values`.
 */
function withoutValues<T>(values: number, refuse: (reason: string) => UserError, build: () => T): T {
  const layers = tf.layers.Layer.prototype as unknown as { addWeight: AddWeight };
  const { addWeight } = layers;
  let left = values;
  layers.addWeight = function (this: tf.layers.Layer, name, shape, dtype, _start, ...rest) {
    left -= shape.reduce<number>((size, side) => size * (side ?? NaN), 1);
    if (!(left >= 0)) throw refuse(`its layers have more values than the file, which has ${values}.`);
    return addWeight.call(this, name, shape, dtype, tf.initializers.zeros(), ...rest);
  };
  try {
    return build();
  } finally {
    layers.addWeight = addWeight;
  }
}

/** Reads a file, or throws a UserError that names it. */
export async function readOrRefuse<T>(path: string, read: (path: string) => Promise<T>): Promise<T> {
  try {
    return await read(path);
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}. Check the path.`, { cause: error });
  }
}
