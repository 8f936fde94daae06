import type * as tf from '@tensorflow/tfjs';
import { flowFrom } from './channelFlow.js';
import { isBatchNorm, kernelGeometry } from './kernels.js';
import type { Layer } from './names.js';
import { networkGraph, nodeOf } from './networkGraph.js';

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
  const node = nodeOf(networkGraph(model), layer);
  const own = kernelGeometry(layer, node.outputShape);
  if (!own) return { parameters: 0, multiplyAdds: 0 };
  const { readers, passed } = flowFrom(node);
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    parameters:
      own.window * own.inputs +
      (own.bias ? 1 : 0) +
      sum(passed.filter(isBatchNorm).map((norm) => norm.trainableWeights.length)) +
      sum(readers.map(({ geometry: { window, outputs } }) => window * outputs)),
    multiplyAdds:
      own.window * own.inputs * own.positions +
      sum(readers.map(({ geometry: { window, outputs, positions } }) => window * outputs * positions)),
  };
}
