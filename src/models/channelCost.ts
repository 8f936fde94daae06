import type * as tf from '@tensorflow/tfjs';
import { channelFlow } from './channelFlow.js';
import { kernelGeometry, type Layer } from './layerGraph.js';

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
  const { readers, passed } = channelFlow(model, layer);
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const read = readers.map((reader) => kernelGeometry(reader.layer)!);
  const norms = passed.filter((next) => next.getClassName() === 'BatchNorm');
  return {
    parameters:
      own.window * own.inputs +
      (own.bias ? 1 : 0) +
      sum(norms.map((norm) => norm.trainableWeights.length)) +
      sum(read.map(({ window, outputs }) => window * outputs)),
    multiplyAdds:
      own.window * own.inputs * own.positions +
      sum(read.map(({ window, outputs, positions }) => window * outputs * positions)),
  };
}
