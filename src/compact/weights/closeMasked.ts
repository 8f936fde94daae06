import { UserError } from '../../errors.js';
import type { ChannelMasks } from '../../models/channelMasks.js';
import type { ChannelGraph, ChannelNode } from '../../graph/channelGraph.js';
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
 * What a mask multiplies the kernel and the bias of a layer by: 0 for a closed channel, else 1. A closed channel whose
 * filter is 0 already is what the network makes of its bias, and stays that. `kernel` is [..., channels], flat.
 */
export function closingFactors(kernel: Float32Array, mask: Float32Array): Float32Array {
  const factors = new Float32Array(mask.length).fill(1);
  kernel.forEach((value, i) => {
    const channel = i % mask.length;
    if (value !== 0 && mask[channel] === 0) factors[channel] = 0;
  });
  return factors;
}

/** A filter that a mask closed although the network silences its channel anyway, and what brings it back. */
export interface SparedFilter {
  node: ChannelNode;
  channel: number;
  restore: () => void;
}

/** What masks multiply the kernels of a network by, as long as gates have not been folded into them. */
export function closings({ kernels }: NetworkWeights, masks: ChannelMasks): Map<ChannelNode, Float32Array> {
  const factors = new Map<ChannelNode, Float32Array>();
  for (const [node, { values }] of kernels) {
    const mask = masks.get(node.name);
    if (mask) factors.set(node, closingFactors(values, mask));
  }
  return factors;
}

/**
 * Multiplies kernels and biases by the factors of `closings`.
 *
 * Returns the filters that would change nothing if they came back, because the network silences their channels itself,
 * by gamma 0 or a closed gate: whoever keeps such a channel to train on wants the filter too.
 */
export function closeMasked(
  graph: ChannelGraph,
  weights: NetworkWeights,
  factors: ReadonlyMap<ChannelNode, Float32Array>,
): SparedFilter[] {
  const needed = neededChannels(graph, weights);
  const spared: SparedFilter[] = [];
  for (const [node, closing] of factors) {
    const kernel = weights.kernels.get(node);
    if (!kernel) continue;
    const { outputs } = kernel;
    const [values, bias] = [kernel.values.slice(), kernel.bias?.slice()];
    const restore = (channel: number): void => {
      for (let i = channel; i < values.length; i += outputs) kernel.values[i] = values[i];
      if (kernel.bias && bias) kernel.bias[channel] = bias[channel];
    };
    closing.forEach((factor, channel) => {
      if (factor === 0 && !needed.get(node)?.[channel]) spared.push({ node, channel, restore: () => restore(channel) });
    });
    scaleOutputs(kernel, closing);
  }
  return spared;
}
