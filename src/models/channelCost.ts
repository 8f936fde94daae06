import type * as tf from '@tensorflow/tfjs';
import { consumersOf, kernelGeometry, type Layer } from './layerGraph.js';

/** What one output channel of a layer costs in the network as it stands. */
export interface ChannelCost {
  /** Kernel entries, bias and batch-norm values that exist only for this channel. */
  parameters: number;
  /** Multiply-adds per image that its kernel entries cause. */
  multiplyAdds: number;
}

/**
 * What removing one output channel of a convolution would save: its own filter, its batch norm, and the kernel entries
 * of the next layers that read it.
 */
export function channelCost(model: tf.LayersModel, layer: Layer): ChannelCost {
  const own = kernelGeometry(layer);
  if (!own) return { parameters: 0, multiplyAdds: 0 };
  const cost: ChannelCost = {
    parameters: own.window * own.inputs + (own.bias ? 1 : 0),
    multiplyAdds: own.window * own.inputs * own.positions,
  };
  const follow = (from: Layer): void => {
    for (const next of consumersOf(model, from)) {
      const reader = kernelGeometry(next);
      if (reader) {
        cost.parameters += reader.window * reader.outputs;
        cost.multiplyAdds += reader.window * reader.outputs * reader.positions;
        continue;
      }
      if (next.getClassName() === 'BatchNorm') cost.parameters += next.trainableWeights.length;
      follow(next);
    }
  };
  follow(layer);
  return cost;
}
