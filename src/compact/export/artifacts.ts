import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';

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

/** The network that has this structure and these weights. Throws a UserError that names `path`. */
export async function modelOf(artifacts: Artifacts, path: string): Promise<tf.LayersModel> {
  try {
    return await tf.loadLayersModel(tf.io.fromMemory(artifacts));
  } catch (error) {
    throw new UserError(`${path} does not hold a network that can be loaded: ${(error as Error).message}`, {
      cause: error,
    });
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
