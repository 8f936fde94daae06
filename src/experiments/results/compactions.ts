import type * as tf from '@tensorflow/tfjs';
import { measureLatency, type LatencyOptions } from '../../compact/report/latency.js';
import { compact, type CompactOptions } from '../../compact/shrink/compact.js';
import { trainedNetwork, type TrainedNetwork } from '../run/saved.js';
import type { ReportOptions } from '../../compact/report/compactionReport.js';
import type { DataSplits } from '../../data/dataSplits.js';
import { scoresOf } from '../run/measure.js';
import { percent, type ResultRow } from './tables.js';

/** Options of `compactLatencies`. */
export interface CompactLatencyOptions extends LatencyOptions {
  /** Images of a pass. Default 1 and 128. */
  batchSizes?: readonly number[];
  /** Rounds; each round times every network once. Default 3. */
  rounds?: number;
}

/**
 * Times forward passes of trained networks that are made compact: for each checkpoint, the median milliseconds by the
 * number of images, `{ 1: 4.1, 128: 80 }`. The networks take turns, so that other load on the machine affects all of
 * them equally; the result is the smallest of the rounds' medians. Zeros within kernels that stay save no time.
 *
 * Throws a UserError for a checkpoint that cannot be read, and the reason of `signal` if that aborts.
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

/** Ways of making a network compact: how constants are treated, and how widths are rounded. */
const ways: readonly [way: string, options: CompactOptions][] = [
  ['exact', {}],
  ['exact, widths multiples of 4', { roundTo: 4 }],
  ['exact, widths multiples of 8', { roundTo: 8 }],
  ['constants as if without borders', { absorb: 'interior' }],
  ['constants dropped', { absorb: false }],
];

/**
 * Makes a trained network compact in several ways, and returns a table row for each with its size, its time and the
 * error of its outputs. Times are of a forward pass of the last batch size in `measured`: the tenth percentile, which
 * other work on the machine disturbs least.
 */
export async function compareCompactions(
  network: TrainedNetwork,
  data: DataSplits,
  measured: ReportOptions = {},
): Promise<ResultRow[]> {
  const { signal } = measured;
  const row = async ([way, options]: (typeof ways)[number]): Promise<ResultRow> => {
    const compaction = compact(network.model, network.channelMasks(), options);
    const { parameters, multiplyAdds, latency, difference } = await compaction.report(measured);
    const { settings } = network;
    const { accuracy } = await scoresOf({ model: compaction.model, settings }, data, 'validation', signal);
    compaction.model.dispose();
    const timed = latency.at(-1);
    return {
      compaction: way,
      parameters: parameters.compact,
      'million multiply-adds': Number((multiplyAdds.compact / 1e6).toFixed(2)),
      'difference of logits': difference.relative.toExponential(1),
      'validation, %': percent(accuracy),
      ...(timed && {
        [`dense, ms for ${timed.batchSize} images`]: Number(timed.dense.p10.toFixed(1)),
        'compact, ms': Number(timed.compact.p10.toFixed(1)),
      }),
    };
  };
  const rows: ResultRow[] = [];
  for (const way of ways) rows.push(await row(way));
  return rows;
}
