import type * as tf from '@tensorflow/tfjs';
import { BatchNorm } from '../../layers/batchNorm.js';
import { BiasMap } from '../../layers/biasMap.js';
import { channelFlow } from '../../models/channelFlow.js';
import { kernelGeometry, producersOf, type Layer } from '../../models/layerGraph.js';

/** A batch norm by whose gammas the channels of a layer are pruned. */
export interface IstaLayer {
  /** The layer whose channels they are. */
  target: Layer;
  /** [C]: the batch norm's own variable, not to be disposed. */
  gamma: tf.Variable<tf.Rank.R1>;
  /** What one channel costs: the weight of |gamma| in the penalty. */
  cost: number;
}

/**
 * The layers that can be pruned by their gammas, with what a channel costs in the network as it stands:
 * (H_out W_out + k^2 C_in + sum over the next layers of k_next^2 C_out_next) / (H W), where H x W is the input image
 * (Ye et al. 2018, section 4.2).
 *
 * Those are the batch norms with gamma right behind a convolution or dense layer whose channels are neither added to
 * others nor outputs of the model: nothing else depends on them. `seedCosts` counts a 4x4 kernel that comes next as 3x3,
 * as the project's code does in CNN-4.
 */
export function istaLayers(model: tf.LayersModel, seedCosts = false): IstaLayer[] {
  const [, height, width] = model.inputs[0].shape as number[];
  const nextWindow = (window: number): number => (seedCosts && window === 16 ? 9 : window);
  return model.layers.flatMap((layer): IstaLayer[] => {
    if (!(layer instanceof BatchNorm) || !layer.gamma) return [];
    let [target] = producersOf(layer);
    // Compaction may have put a bias there that depends on the position.
    if (target instanceof BiasMap) [target] = producersOf(target);
    const own = kernelGeometry(target);
    const { readers, summed, isOutput } = channelFlow(model, layer);
    if (!own || summed || isOutput) return [];
    const read = readers.reduce((sum, reader) => {
      const { window, outputs } = kernelGeometry(reader.layer)!;
      return sum + nextWindow(window) * reader.positions * outputs;
    }, 0);
    const cost = (own.positions + own.window * own.inputs + read) / (height * width);
    return [{ target, gamma: layer.gamma, cost }];
  });
}
