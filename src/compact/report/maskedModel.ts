import * as tf from '@tensorflow/tfjs';
import { weightOf } from '../../graph/kernels.js';
import { networkGraph } from '../../graph/networkGraph.js';
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
  copy.setWeights(model.getWeights());
  tf.tidy(() => {
    for (const { layer, name } of networkGraph(copy).nodes) {
      const [mask, kernel, bias] = [masks.get(name), weightOf(layer, 'kernel'), weightOf(layer, 'bias')];
      if (!mask || !kernel) continue;
      const open = tf.tensor1d(closingFactors(kernel.read().dataSync<'float32'>(), mask));
      for (const weight of [kernel, bias]) weight?.write(weight.read().mul(open));
    }
  });
  return copy;
}
