import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';

/**
 * Copies weights from one network to another, layer by layer of the same name, and returns the names of the layers of
 * `to` that `from` does not have and that keep their start values: the gates, when a network gets its first ones.
 *
 * Throws a UserError where a layer's weights have other shapes.
 */
export function copyWeights(from: tf.LayersModel, to: tf.LayersModel): string[] {
  const sources = new Map(from.layers.map((layer) => [layer.name, layer]));
  const missing: string[] = [];
  for (const layer of to.layers) {
    if (layer.weights.length === 0) continue;
    const source = sources.get(layer.name);
    if (!source) {
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
