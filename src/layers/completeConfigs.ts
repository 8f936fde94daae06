// Also imported for its effect, wherever layers are rebuilt from their configs: copies, files, compact networks.
import * as tf from '@tensorflow/tfjs';

type Config = tf.serialization.ConfigDict;

/** A class of layers. */
export type Kind = tf.serialization.SerializableConstructor<tf.layers.Layer> & typeof tf.serialization.Serializable;

/** A layer of the same settings, but for the changes, and of the same class or `kind`, without weights as yet. */
export function copyLayer(
  layer: tf.layers.Layer,
  name = layer.name,
  changes: Config = {},
  kind = layer.constructor as Kind,
): tf.layers.Layer {
  return kind.fromConfig(kind, { ...layer.getConfig(), name, ...changes });
}

/** Has all layers of the class of `layer` add to their config what tf.layers 4.22 leave out of it. */
function complete<L extends tf.layers.Layer>(layer: tf.layers.Layer, missing: (layer: L) => Config): void {
  const prototype = Object.getPrototypeOf(layer) as tf.layers.Layer;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its layer below
  const { getConfig } = prototype;
  prototype.getConfig = function (this: L) {
    return { ...getConfig.call(this), ...missing(this) };
  };
}

/** tf.layers leave the multiplier out, so that the depthwise kernel of a copy would have another shape. */
complete<tf.layers.Layer & { depthMultiplier: number }>(
  tf.layers.separableConv2d({ filters: 1, kernelSize: 1 }),
  ({ depthMultiplier }) => ({ depthMultiplier }),
);

/** tf.layers write the regularizer in the constraint's place, which no layer can be built with. */
complete<tf.layers.Layer & { depthwiseConstraint: tf.serialization.Serializable | null }>(
  tf.layers.depthwiseConv2d({ kernelSize: 1 }),
  ({ depthwiseConstraint: constraint }) => ({
    depthwiseConstraint: constraint && { className: constraint.getClassName(), config: constraint.getConfig() },
  }),
);
