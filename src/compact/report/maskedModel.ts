import * as tf from '@tensorflow/tfjs';
import type { ChannelMasks } from '../../models/channelMasks.js';
import { closingFactors } from '../weights/closeMasked.js';

/**
 * A copy of a network in which the channels that masks close compute nothing (`closingFactors`): what masks mean, at full
 * size. The caller disposes it.
 */
export async function maskedModel(model: tf.LayersModel, masks: ChannelMasks): Promise<tf.LayersModel> {
  const json: unknown = model.toJSON(undefined, true);
  const modelTopology = JSON.parse(String(json)) as object;
  const copy = await tf.models.modelFromJSON({ modelTopology } as tf.io.ModelJSON);
  tf.tidy(() => {
    for (const layer of copy.layers) {
      const weights = model.getLayer(layer.name).getWeights();
      const mask = masks.get(layer.name);
      const open = mask && tf.tensor1d(closingFactors(weights[0].dataSync<'float32'>(), mask));
      if (weights.length > 0) layer.setWeights(open ? weights.map((weight) => weight.mul(open)) : weights);
    }
  });
  return copy;
}
