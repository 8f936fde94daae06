import type * as tf from '@tensorflow/tfjs';
import { channelGraph, type ChannelMasks } from '../../graph/channelGraph.js';
import { timeInTurns, type LatencyOptions } from '../report/latency.js';
import { passesFor, shrunk, type LayerTimes } from './layerTimes.js';
import { timePredictor } from './predictedTime.js';

/**
 * Measures the milliseconds of a forward pass of what masks leave of a network, to be compared with what
 * `predictedTime` says. It is timed in turns with the whole network, and its share of that one's time is taken of the
 * time that the whole network had when its layers were timed: so it does not matter what else the machine does now.
 *
 * Throws a UserError for times of other layers, and for masks that do not fit.
 */
export async function measuredTime(
  model: tf.LayersModel,
  masks: ChannelMasks,
  times: LayerTimes,
  timing: Pick<LatencyOptions, 'signal' | 'now'> = {},
): Promise<number> {
  const { batchSize } = times;
  const whole = timePredictor(model, times)(new Map());
  const graph = channelGraph(model);
  const networks = [new Map(), masks].map((each) => shrunk(graph, each));
  try {
    const passes = { ...passesFor(batchSize).network, ...timing };
    // The quickest of the passes: other work on the machine only lengthens them, and medians of few vary with it.
    const [dense, small] = (await timeInTurns(networks, batchSize, passes)).map(({ times: [quickest] }) => quickest);
    return (whole * small) / dense;
  } finally {
    for (const network of networks) network.dispose();
  }
}
