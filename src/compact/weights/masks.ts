import { UserError } from '../../errors.js';
import type { ChannelGraph, ChannelMasks, ChannelNode } from '../../graph/channelGraph.js';
import { neededChannels } from './channelValues.js';
import { byOutput, scaleOutputs, type NetworkWeights } from './layerWeights.js';

/**
 * Throws a UserError if the masks are not a Map, and for a mask without a convolution or dense layer of its name, with
 * a number of values other than the layer's channels, or with a value outside 0 to 1.
 */
export function checkMasks({ model, nodes }: ChannelGraph, masks: ChannelMasks): void {
  if (!((masks as unknown) instanceof Map)) {
    throw new UserError(
      `Masks must be a Map by layers' names, as channelMasks() of a method gives; received ${typeof masks}.`,
    );
  }
  for (const [name, mask] of masks) {
    const node = nodes.find((node) => node.name === name && (node.role === 'kernel' || node.role === 'depthwise'));
    if (!node) {
      throw new UserError(
        `A mask must have the name of a convolution or dense layer of ${model.name}; received ${name}.`,
      );
    }
    if (mask.length !== node.channels) {
      throw new UserError(
        `The mask of ${name} must have ${node.channels} values, one a channel; received ${mask.length}.`,
      );
    }
    const wrong = mask.find((value) => !(value >= 0 && value <= 1));
    if (wrong !== undefined)
      throw new UserError(`The mask of ${name} must have values from 0 to 1; received ${wrong}.`);
  }
}

/**
 * The factors by which masks multiply the kernels and biases of a network, before gates are folded into them: 0 for a
 * closed channel, else 1. A closed channel whose filter is already 0 has the factor 1: the network computes it from its
 * bias.
 */
export function closings({ kernels }: NetworkWeights, masks: ChannelMasks): Map<ChannelNode, Float32Array> {
  const all = new Map<ChannelNode, Float32Array>();
  for (const [node, { values, outputs }] of kernels) {
    const mask = masks.get(node.name);
    if (!mask) continue;
    const factors = new Float32Array(outputs).fill(1);
    values.forEach((value, i) => {
      if (value !== 0 && mask[i % outputs] === 0) factors[i % outputs] = 0;
    });
    all.set(node, factors);
  }
  return all;
}

/**
 * Multiplies kernels and biases by the factors of `closings`.
 *
 * Returns the closed channels that the network silences itself, by gamma 0 or a closed gate, each with a function that
 * restores its filter. Restoring it does not change the output, and further training of the channel needs the filter.
 */
export function closeMasked(
  graph: ChannelGraph,
  weights: NetworkWeights,
  factors: ReadonlyMap<ChannelNode, Float32Array>,
): { node: ChannelNode; channel: number; restore: () => void }[] {
  const needed = neededChannels(graph, weights);
  const spared: ReturnType<typeof closeMasked> = [];
  for (const [node, closing] of factors) {
    const kernel = weights.kernels.get(node)!;
    const before = byOutput(kernel).map((part) => part.slice());
    const restore = (channel: number): void =>
      byOutput(kernel).forEach((part, p) => {
        for (let i = channel; i < part.length; i += kernel.outputs) part[i] = before[p][i];
      });
    closing.forEach((factor, channel) => {
      if (factor === 0 && !needed.get(node)?.[channel]) spared.push({ node, channel, restore: () => restore(channel) });
    });
    scaleOutputs(kernel, closing);
  }
  return spared;
}
