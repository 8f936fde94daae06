import * as tf from '@tensorflow/tfjs';
import { producersOf } from '../models/layerGraph.js';

const finite = (t: tf.Tensor): boolean => tf.tidy(() => tf.isFinite(t).all().dataSync()[0] !== 0);

function badWeightOf(layer: Pick<tf.layers.Layer, 'weights'>): string | undefined {
  const bad = layer.weights.find((weight) => !finite(weight.read()));
  return bad && `the weight ${bad.originalName}`;
}

/** The first weight, from the input on, with a value that is not finite, in words; undefined if all is well. */
export function firstNonFiniteWeight(model: tf.LayersModel): string | undefined {
  for (const layer of model.layers) {
    const bad = badWeightOf(layer);
    if (bad) return bad;
  }
  return undefined;
}

/**
 * The first layer, from the input on, that has a weight or gives an output which is not finite, in words; undefined if
 * all is well. Runs the network once on x [N, H, W, C] as in training, leaving running statistics as they are.
 */
export function firstNonFinite(model: tf.LayersModel, x: tf.Tensor): string | undefined {
  return tf.tidy(() => {
    const outputs = new Map<string, tf.Tensor>();
    if (!finite(x)) return 'the input images';
    for (const layer of model.layers) {
      const bad = badWeightOf(layer);
      if (bad) return bad;
      const inputs = producersOf(layer).map(({ name }) => outputs.get(name) ?? x);
      const output =
        inputs.length === 0
          ? x
          : (layer.apply(inputs.length === 1 ? inputs[0] : inputs, {
              training: true,
              updateStatistics: false,
            }) as tf.Tensor);
      if (!finite(output)) return `the output of the layer ${layer.name}`;
      outputs.set(layer.name, output);
    }
    return undefined;
  });
}
