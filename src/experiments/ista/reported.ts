import { reportText, type CompactionReport, type ReportOptions } from '../../compact/index.js';
import type { IstaRun } from './istaRun.js';

/** A run that says what compaction won before its first step, if that is how its network came about. */
export interface ReportedRun extends IstaRun {
  readonly report?: CompactionReport;
}

/**
 * Measures what version 2's network won over the one it was made from, which must still be there and have the weights
 * that it had then.
 */
export async function reported(run: IstaRun, options: ReportOptions = {}): Promise<ReportedRun> {
  if (!run.compaction) return run;
  const report = await run.compaction.report(options);
  return { ...run, report, opening: `${run.compaction.explain()}\n${reportText(report)}` };
}
