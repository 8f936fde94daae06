import type { ReportOptions } from '../../compact/index.js';
import { percent, type ResultRow } from '../resultRow.js';
import type { IstaRun } from './istaRun.js';
import { nextIstaRun } from './nextIstaRun.js';

/**
 * Makes a run's network compact in each way of treating the constants of removed channels, and says of each how large and
 * how fast it is and how far it is off: rows of a table. Times are of a forward pass of the largest batch in `measured`.
 */
export async function compareAbsorptions(run: IstaRun, measured: ReportOptions = {}): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  for (const absorb of ['exact', 'interior', 'none'] as const) {
    const next = await nextIstaRun(run, { ista: { absorb } }, measured);
    const { parameters, latency, difference } = next.report!;
    const timed = latency.at(-1);
    const { accuracy } = await next.evaluate('test', measured.signal);
    rows.push({
      constants: absorb,
      parameters: parameters.compact,
      'difference of logits': Number(difference.relative.toPrecision(2)),
      'test, %': percent(accuracy),
      ...(timed && {
        [`dense, ms for ${timed.batchSize} images`]: Number(timed.dense.median.toFixed(1)),
        'compact, ms': Number(timed.compact.median.toFixed(1)),
      }),
    });
    next.dispose();
  }
  return rows;
}
