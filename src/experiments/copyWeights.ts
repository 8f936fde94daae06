import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';

/** A weight's name within its layer: `kernel` of `block1_1x1_conv/kernel`. */
const nameIn = (name: string): string => name.slice(name.lastIndexOf('/') + 1);

/**
 * Gives a network the weights of another one, layer by layer, as far as it has weights of the same names. Returns the
 * names of the layers of `to` with start values that stay: those that `from` does not have, those named in `except`, and
 * every gate, as in the L0 project.
 *
 * Throws a UserError where a layer's weights have other shapes.
 */
export function copyWeights(
  from: tf.LayersModel,
  to: tf.LayersModel,
  { except = [] }: { except?: readonly string[] } = {},
): string[] {
  const sources = new Map(from.layers.map((layer) => [layer.name, layer]));
  const anew = new Set<string>();
  for (const layer of to.layers) {
    for (const weight of layer.weights) {
      const name = nameIn(weight.originalName);
      const source = sources.get(layer.name)?.weights.find(({ originalName }) => nameIn(originalName) === name);
      if (!source || name === 'logAlpha' || except.includes(layer.name)) {
        anew.add(layer.name);
        continue;
      }
      if (source.shape.join() !== weight.shape.join()) {
        throw new UserError(
          `The weights of ${layer.name} must have the shapes of those to start from: its ${name} is ` +
            `${weight.shape.join('x')}, there it is ${source.shape.join('x')}. Build both with the same width.`,
        );
      }
      weight.write(source.read());
    }
  }
  return [...anew];
}
