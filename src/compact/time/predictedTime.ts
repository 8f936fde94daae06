import type * as tf from '@tensorflow/tfjs';
import { channelGraph, type ChannelMasks, type ChannelNode } from '../../graph/channelGraph.js';
import type { KeepOptions } from '../shrink/keptChannels.js';
import { sumOfLayers, timesOf } from './keptByMasks.js';
import type { LayerTimes } from './layerTimes.js';
import { unitsOf, widthsOf } from './units.js';
import { timeAt, wholeAt } from './widthTimes.js';

/**
 * Predicts the milliseconds of a forward pass of the network that `compact(model, masks, options)` returns, from the
 * times of its layers: the sum over its layers at their remaining widths, scaled to the measured times of whole
 * networks.
 *
 * Throws a UserError for times of other layers, and for masks that do not fit.
 */
export function timePredictor(
  model: tf.LayersModel,
  times: LayerTimes,
): (masks: ChannelMasks, options?: KeepOptions) => number {
  const sum = sumOfLayers(channelGraph(model), times);
  return (masks, options) => wholeAt(times.networks, sum(masks, options));
}

/** `timePredictor` for one set of masks: milliseconds of a forward pass; throws as it does. */
export const predictedTime = (
  model: tf.LayersModel,
  masks: ChannelMasks,
  times: LayerTimes,
  options?: KeepOptions,
): number => timePredictor(model, times)(masks, options);

/** The cost of one channel of a layer in milliseconds: of an input channel, and of an output channel. */
export interface ChannelTime {
  input: number;
  output: number;
}

/**
 * The cost of a channel of each layer, by name: the mean when half of its channels are removed and the others stay. A
 * layer's batch norm and activation are counted with it.
 */
export function channelTimes(model: tf.LayersModel, times: LayerTimes): Map<string, ChannelTime> {
  const all = (node: ChannelNode): number => node.channels;
  return new Map(
    unitsOf(channelGraph(model)).map((unit) => {
      const known = timesOf(unit, times);
      const [inputs, outputs] = widthsOf(unit, all);
      const [less, fewer] = [Math.ceil(inputs / 2), Math.ceil(outputs / 2)];
      const full = timeAt(known, inputs, outputs);
      const each = (left: number, gone: number): number => (gone > 0 ? Math.max(0, full - left) / gone : 0);
      const cost = {
        input: each(timeAt(known, less, outputs), inputs - less),
        output: each(timeAt(known, inputs, fewer), outputs - fewer),
      };
      return [unit.head.name, cost];
    }),
  );
}
