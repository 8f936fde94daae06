import { UserError } from '../../errors.js';
import type { ChannelMasks } from '../../models/channelMasks.js';
import type { ChannelGraph } from '../graph/channelGraph.js';
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

/**
 * Sets kernel and bias of every channel that a mask closes to 0, unless the network silences the channel itself (by gamma
 * 0 or a closed gate): then its filter stays, for whoever keeps the channel and trains on. A mask's other values are not
 * looked at: what scales an open channel is the network's gate.
 */
export function closeMasked(graph: ChannelGraph, weights: NetworkWeights, masks: ChannelMasks): void {
  const needed = neededChannels(graph, weights);
  for (const [node, kernel] of weights.kernels) {
    const mask = masks.get(node.name);
    const flags = needed.get(node) ?? [];
    if (mask)
      scaleOutputs(
        kernel,
        mask.map((value, c) => (value === 0 && flags[c] ? 0 : 1)),
      );
  }
}
