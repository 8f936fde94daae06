import { compact, type CompactOptions } from '../compact/shrink/compact.js';
import type { ReportOptions } from '../compact/report/compactionReport.js';
import type { DataSplits } from '../data/dataSplits.js';
import { scoresOf } from './measure.js';
import type { TrainedNetwork } from './saved.js';
import { percent, type ResultRow } from './tables.js';

/** Ways of making a network compact: how constants are treated, and how widths are rounded. */
const ways: readonly [way: string, options: CompactOptions][] = [
  ['exact', {}],
  ['exact, widths multiples of 4', { roundTo: 4 }],
  ['exact, widths multiples of 8', { roundTo: 8 }],
  ['constants as if without borders', { absorb: 'interior' }],
  ['constants dropped', { absorb: false }],
];

/**
 * Makes a trained network compact in several ways, and says of each how large and how fast it is and how far it is off:
 * rows of a table. Times are of a forward pass of the largest batch in `measured`, the tenth percentile, which other
 * work on the machine disturbs least.
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
