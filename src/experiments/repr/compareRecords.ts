import { meanInterval, type MeanInterval } from '../meanInterval.js';
import type { ResultRow } from '../resultRow.js';
import type { ReprRecord } from './reprRecord.js';

/** Runs that differ in their seeds only. */
export interface RecordGroup {
  run: string;
  records: ReprRecord[];
  /** Of the test accuracy, 0 to 1, of the epochs picked on validation. */
  test: MeanInterval;
}

/** Records by the names of their runs, in order. */
export function groupRecords(records: readonly ReprRecord[]): RecordGroup[] {
  const names = [...new Set(records.map(({ run }) => run))];
  return names.map((run) => {
    const group = records.filter((record) => record.run === run);
    return { run, records: group, test: meanInterval(group.map(({ best }) => best.test)) };
  });
}

/**
 * By how much the test accuracy of one group of runs is above that of another, seed by seed: runs of the same seed start
 * from the same weights and see the same images in the same order, so that their difference says more than their means.
 */
export function differenceOf(records: readonly ReprRecord[], run: string, from: string): MeanInterval {
  const of = (name: string): ReprRecord[] => records.filter((record) => record.run === name);
  const differences = of(run).flatMap(({ best, settings }) => {
    const partner = of(from).find((other) => other.settings.seed === settings.seed);
    return partner ? [best.test - partner.best.test] : [];
  });
  return meanInterval(differences);
}

const points = (share: number): string => `${share < 0 ? '−' : ''}${Math.abs(100 * share).toFixed(1)}`;

/** What a difference shows, in a sentence, and no more than its interval carries. */
export function differenceInWords(records: readonly ReprRecord[], run: string, from: string): string {
  const { n, mean, halfWidth } = differenceOf(records, run, from);
  const what = `${run} minus ${from}:`;
  if (n === 0) return `${what} no pair of runs yet.`;
  if (halfWidth === null) return `${what} ${points(mean)} points in one pair of runs, which shows nothing by itself.`;
  const shown = Math.abs(mean) > halfWidth;
  return (
    `${what} ${points(mean)} ± ${points(halfWidth)} points (n = ${n}, 95 %): ` +
    (shown ? `${run} is ${mean > 0 ? 'better' : 'worse'} here.` : 'the interval holds 0, so no difference is shown.')
  );
}

/** A row for each group of runs: means over the seeds, accuracies in percent with the 95 % interval of the test accuracy. */
export function recordTable(records: readonly ReprRecord[]): ResultRow[] {
  const mean = (group: readonly ReprRecord[], of: (record: ReprRecord) => number): number =>
    Number(((100 * group.reduce((sum, record) => sum + of(record), 0)) / group.length).toFixed(2));
  return groupRecords(records).map(({ run, records: group, test }) => ({
    run,
    n: test.n,
    'test, %': mean(group, ({ best }) => best.test),
    '± (95 %)': test.halfWidth === null ? null : Number((100 * test.halfWidth).toFixed(2)),
    'validation, %': mean(group, ({ best }) => best.validation),
    'test after the last epoch, %': mean(group, ({ last }) => last.test),
    'training, last epoch, %': mean(group, ({ epochs }) => epochs.at(-1)?.train ?? NaN),
  }));
}
