import type * as tf from '@tensorflow/tfjs';
import { measureLatency, type LatencyOptions } from '../compact/report/latency.js';
import { compact } from '../compact/shrink/compact.js';
import { trainedNetwork } from './saved.js';

/** Options of `compactLatencies`. */
export interface CompactLatencyOptions extends LatencyOptions {
  /** Images of a pass. Default 1 and 128. */
  batchSizes?: readonly number[];
  /** Rounds, in each of which every network is timed once. Default 3. */
  rounds?: number;
}

/**
 * How long forward passes of trained networks take once they are compact: of each checkpoint the median milliseconds by
 * the number of images, `{ 1: 4.1, 128: 80 }`. The networks take turns, so that other load on the machine affects all
 * alike; the result is the smallest of the rounds' medians. Zeros within kernels that stay save no time.
 *
 * Throws a UserError for a checkpoint that cannot be read, and the reason of `signal` where that ends it.
 */
export async function compactLatencies(
  checkpoints: readonly string[],
  options: CompactLatencyOptions = {},
): Promise<Record<string, number>[]> {
  const { batchSizes = [1, 128], rounds = 3, runs = 10, warmUp = 2, signal } = options;
  const models: tf.LayersModel[] = [];
  try {
    for (const checkpoint of checkpoints) {
      const network = await trainedNetwork(checkpoint);
      models.push(compact(network.model, network.channelMasks()).model);
      network.dispose();
    }
    const times = models.map(() => new Map(batchSizes.map((size) => [size, [] as number[]])));
    for (let round = 0; round < rounds; round++) {
      for (const [i, model] of models.entries()) {
        for (const size of batchSizes) {
          const { median } = await measureLatency(model, size, { runs, warmUp, signal });
          times[i].get(size)!.push(median);
        }
      }
    }
    return times.map((own) =>
      Object.fromEntries([...own].map(([size, medians]) => [size, Number(Math.min(...medians).toPrecision(4))])),
    );
  } finally {
    for (const model of models) model.dispose();
  }
}
