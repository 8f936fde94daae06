import { UserError } from '../../errors.js';
import type { ChannelMasks } from '../../models/channelMasks.js';
import type { ChannelGraph, ChannelNode } from '../graph/channelGraph.js';
import { scaleOutputs, type NetworkWeights } from './layerWeights.js';
import { neededChannels } from './liveChannels.js';

/** Throws a UserError where a mask has no convolution or dense layer, or not one value for each of its channels. */
export function checkMasks({ model, nodes }: ChannelGraph, masks: ChannelMasks): void {
  for (const [name, mask] of masks) {
    const node = nodes.find((node) => node.name === name && node.role === 'kernel');
    if (!node) {
      throw new UserError(`A mask belongs to a convolution or dense layer of ${model.name}, which has no ${name}.`);
    }
    if (mask.length !== node.channels) {
      throw new UserError(`The mask of ${name} needs ${node.channels} values, one a channel, got ${mask.length}.`);
    }
  }
}

/** A filter that a mask closed although the network silences its channel anyway, and what brings it back. */
export interface SparedFilter {
  node: ChannelNode;
  channel: number;
  restore: () => void;
}

/**
 * Sets kernel and bias of every channel that a mask closes to 0. A mask's other values are not looked at: what scales an
 * open channel is the network's gate.
 *
 * Returns the filters that would change nothing if they came back, because the network silences their channels itself,
 * by gamma 0 or a closed gate: whoever keeps such a channel to train on wants the filter too.
 */
export function closeMasked(graph: ChannelGraph, weights: NetworkWeights, masks: ChannelMasks): SparedFilter[] {
  const needed = neededChannels(graph, weights);
  const spared: SparedFilter[] = [];
  for (const [node, kernel] of weights.kernels) {
    const mask = masks.get(node.name);
    if (!mask) continue;
    const { outputs } = kernel;
    const [values, bias] = [kernel.values.slice(), kernel.bias?.slice()];
    const restore = (channel: number): void => {
      for (let i = channel; i < values.length; i += outputs) kernel.values[i] = values[i];
      if (kernel.bias && bias) kernel.bias[channel] = bias[channel];
    };
    mask.forEach((value, channel) => {
      if (value === 0 && !needed.get(node)?.[channel]) spared.push({ node, channel, restore: () => restore(channel) });
    });
    scaleOutputs(
      kernel,
      mask.map((value) => (value === 0 ? 0 : 1)),
    );
  }
  return spared;
}
