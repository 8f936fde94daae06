import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { L0Gate } from '../layers/l0Gate.js';

/**
 * Gives a network the weights of another one, layer by layer, as far as it has layers of the same names. Returns the
 * names of the layers of `to` that keep their start values: those that `from` does not have, and every gate, as in the L0
 * project.
 *
 * Throws a UserError where a layer's weights have other shapes.
 */
export function copyWeights(from: tf.LayersModel, to: tf.LayersModel): string[] {
  const sources = new Map(from.layers.map((layer) => [layer.name, layer]));
  const missing: string[] = [];
  for (const layer of to.layers) {
    if (layer.weights.length === 0) continue;
    const source = sources.get(layer.name);
    if (!source || layer instanceof L0Gate) {
      missing.push(layer.name);
      continue;
    }
    const [given, wanted] = [source, layer].map(({ weights }) =>
      weights.map(({ shape }) => shape.join('x')).join(', '),
    );
    if (given !== wanted) {
      throw new UserError(
        `The weights of ${layer.name} must have the shapes ${wanted}; the network to start from has ${given}. ` +
          'Build both with the same width.',
      );
    }
    layer.setWeights(source.getWeights());
  }
  return missing;
}
