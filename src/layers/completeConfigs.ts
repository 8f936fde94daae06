// Also imported for its side effects wherever layers are rebuilt from their configs: copies, files, compact networks.
import * as tf from '@tensorflow/tfjs';

type Config = tf.serialization.ConfigDict;

/** A class of layers. */
export type Kind = tf.serialization.SerializableConstructor<tf.layers.Layer> & typeof tf.serialization.Serializable;

/**
 * Returns a layer with the same settings except for the changes, of the same class or `kind`, still without weights.
 */
export function copyLayer(
  layer: tf.layers.Layer,
  name = layer.name,
  changes: Config = {},
  kind = layer.constructor as Kind,
): tf.layers.Layer {
  return kind.fromConfig(kind, { ...layer.getConfig(), name, ...changes });
}

/** Makes all layers of the class of `layer` add to their config what tf.layers 4.22 omit. */
function complete<L extends tf.layers.Layer>(layer: tf.layers.Layer, missing: (layer: L) => Config): void {
  const prototype = Object.getPrototypeOf(layer) as tf.layers.Layer;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its layer below
  const { getConfig } = prototype;
  prototype.getConfig = function (this: L) {
    return { ...getConfig.call(this), ...missing(this) };
  };
}

/** tf.layers omit the multiplier, so that the depthwise kernel of a copy would have another shape. */
complete<tf.layers.Layer & { depthMultiplier: number }>(
  tf.layers.separableConv2d({ filters: 1, kernelSize: 1 }),
  ({ depthMultiplier }) => ({ depthMultiplier }),
);

/** tf.layers write the regularizer in place of the constraint, and no layer can be built from that. */
complete<tf.layers.Layer & { depthwiseConstraint: tf.serialization.Serializable | null }>(
  tf.layers.depthwiseConv2d({ kernelSize: 1 }),
  ({ depthwiseConstraint: constraint }) => ({
    depthwiseConstraint: constraint && { className: constraint.getClassName(), config: constraint.getConfig() },
  }),
);
