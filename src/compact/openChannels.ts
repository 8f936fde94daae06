import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import type { ChannelMasks } from '../models/channelMasks.js';
import { kernelGeometry, producersOf, type Layer } from '../models/layerGraph.js';

/** For each layer of a model, by name, which of its output channels can be other than 0. */
export type OpenChannels = Map<string, boolean[]>;

/** How many of the flags are set. */
export function countOpen(flags: boolean[]): number {
  return flags.reduce((n, open) => n + (open ? 1 : 0), 0);
}

/**
 * Follows the masks from layer to layer: a convolution or dense layer has the channels that its mask leaves open,
 * concatenation strings them together, addition keeps what one side keeps, flattening repeats them for each position,
 * and everything else passes them on.
 *
 * Throws a UserError where a mask has no layer, or not as many values as the layer has channels.
 */
export function openChannels(model: tf.LayersModel, masks: ChannelMasks): OpenChannels {
  for (const name of masks.keys()) {
    if (!model.layers.some((layer) => layer.name === name && kernelGeometry(layer))) {
      throw new UserError(`A mask belongs to a convolution or dense layer of ${model.name}, which has no ${name}.`);
    }
  }
  const open: OpenChannels = new Map();
  for (const layer of model.layers) {
    const inputs = producersOf(layer).map(({ name }) => open.get(name) ?? []);
    open.set(layer.name, outputOf(layer, inputs, masks.get(layer.name)));
  }
  return open;
}

function outputOf(layer: Layer, inputs: boolean[][], mask: Float32Array | undefined): boolean[] {
  const channels = (layer.outputShape as number[]).at(-1) ?? 0;
  if (mask && mask.length !== channels) {
    throw new UserError(`The mask of ${layer.name} needs ${channels} values, one a channel, got ${mask.length}.`);
  }
  if (mask) return Array.from(mask, (value) => value !== 0);
  if (kernelGeometry(layer) || inputs.length === 0) return Array<boolean>(channels).fill(true);
  switch (layer.getClassName()) {
    case 'Concatenate':
      return inputs.flat();
    case 'Add':
      return inputs[0].map((_, c) => inputs.some((flags) => flags[c]));
    default:
      // Flatten, channels last: the channel changes fastest.
      return Array.from({ length: channels }, (_, i) => inputs[0][i % inputs[0].length]);
  }
}
