import type * as tf from '@tensorflow/tfjs';
import { channelGraph, type ChannelMasks } from '../../graph/channelGraph.js';
import { timeInTurns, type LatencyOptions } from '../report/latency.js';
import { passesFor, shrunk, type LayerTimes } from './layerTimes.js';
import { timePredictor } from './predictedTime.js';

/**
 * Measures the milliseconds of a forward pass of the network that remains after masking, for comparison with
 * `predictedTime`. The small and the whole network are timed in turns, and the ratio of their times is multiplied by
 * the time of the whole network when its layers were timed, so that other work on the machine now does not matter.
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
    // The fastest of the passes: other work on the machine only lengthens them, and it would make a median of few vary.
    const [dense, small] = (await timeInTurns(networks, batchSize, passes)).map(({ times: [quickest] }) => quickest);
    return (whole * small) / dense;
  } finally {
    for (const network of networks) network.dispose();
  }
}
