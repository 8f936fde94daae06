import * as tf from '@tensorflow/tfjs';
import { Conv2d } from '../../layers/conv2d.js';
import { GatedConv2d } from '../../layers/gatedConv2d.js';
import type { Layer } from '../../graph/names.js';
import type { LayerNode } from '../../graph/networkGraph.js';

/**
 * A layer of the same class, name and settings, but for the changes, without weights as yet. A convolution with gates on
 * its weights becomes a plain one.
 */
export function copyLayer({ layer, name }: LayerNode, changes: tf.serialization.ConfigDict = {}): Layer {
  // The shape of the input follows from what the copy is applied to, and its weights are given to it.
  const config = Object.fromEntries(
    Object.entries(layer.getConfig()).filter(([key]) => key !== 'batchInputShape' && !key.endsWith('Initializer')),
  );
  const kind = (
    layer instanceof GatedConv2d ? Conv2d : layer.constructor
  ) as tf.serialization.SerializableConstructor<Layer>;
  return new kind({ ...config, name, ...changes });
}

/** Gives a built layer its weights: values by the last part of the weight's name, spelt without underscores. */
export function setWeights(layer: Layer, values: Record<string, ArrayLike<number> | undefined>): void {
  tf.tidy(() => {
    layer.setWeights(
      layer.weights.map(({ originalName, shape }) => {
        const name = (originalName.split('/').at(-1) ?? '').replace(/_(\w)/, (_, letter: string) =>
          letter.toUpperCase(),
        );
        const given = values[name];
        if (!given) throw new Error(`no values for the weight ${originalName}`);
        return tf.tensor(Float32Array.from(given), shape as number[]);
      }),
    );
  });
}
