import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { channelGraph, type ChannelGraph, type ChannelMasks, type ChannelNode } from '../../graph/channelGraph.js';
import type { KeepOptions, KeptChannels } from '../shrink/keptChannels.js';
import { keptByMasks } from './keptByMasks.js';
import type { LayerTimes } from './layerTimes.js';
import { isBuilt, unitsOf, widthsOf, type Unit } from './units.js';
import { computedOutputs, timeAt, wholeAt, type WidthTimes } from './widthTimes.js';

/** How many channels of a layer stay. */
const widthIn =
  ({ kept }: KeptChannels) =>
  (node: ChannelNode): number =>
    kept.get(node)!.reduce((count, flag) => count + Number(flag), 0);

function timesOf({ shape, head }: Unit, times: Pick<LayerTimes, 'layers' | 'batchSize'>): WidthTimes {
  const known = times.layers[shape];
  if (known) return known;
  throw new UserError(
    `The times of layers must have been measured for the network; there is none for ${head.name} (${shape}) and ` +
      `${times.batchSize} images. Measure them: await layerTimes(model, { batchSize: ${times.batchSize} }).`,
  );
}

/** The sum of the times that the layers of a network take one by one, by what masks leave of it. */
export function sumOfLayers(
  graph: ChannelGraph,
  times: Pick<LayerTimes, 'layers' | 'batchSize'>,
): (masks: ChannelMasks, options?: KeepOptions) => number {
  const units = unitsOf(graph).map((unit) => ({ unit, known: timesOf(unit, times) }));
  const keptWith = keptByMasks(graph);
  return (masks, options) => {
    const kept = keptWith(masks, options);
    const width = widthIn(kept);
    return units
      .filter(({ unit }) => isBuilt(unit, kept))
      .reduce((sum, { unit, known }) => {
        const [inputs, outputs] = widthsOf(unit, width);
        return sum + timeAt(known, inputs, computedOutputs(known, outputs));
      }, 0);
  };
}

/**
 * Predicts the milliseconds of a forward pass of what `compact(model, masks, options)` makes of a network, from the
 * times of its layers: the sum over its layers at the widths that are left, brought to what whole networks were seen to
 * take.
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

/** The same once. */
export const predictedTime = (
  model: tf.LayersModel,
  masks: ChannelMasks,
  times: LayerTimes,
  options?: KeepOptions,
): number => timePredictor(model, times)(masks, options);

/** What one channel costs at a layer in milliseconds: one that it reads, and one that it gives. */
export interface ChannelTime {
  input: number;
  output: number;
}

/**
 * What a channel costs at each layer, by name: the mean over the first half of its channels to go, the others staying.
 * A layer's batch norm and activation are counted with it.
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
