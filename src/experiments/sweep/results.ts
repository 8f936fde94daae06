import type { RunGroup, SavedSweep } from '../results/runHistory.js';
import { numbersOf, type RunRecord } from '../run/record.js';
import { headingOf, meanInterval, percent, shownAs, wilsonInterval } from '../results/tables.js';
import type { ResultRow, SomeRecord } from '../results/tables.js';
import type { PointState } from './sweep.js';

/** The results of a group of runs; shares are between 0 and 1. */
export interface SweepResult extends RunGroup {
  /** How many are finished. */
  n: number;
  /**
   * Means over the finished runs by machine names, such as `test.accuracy` and `parameters.left`; empty if there are
   * none.
   */
  means: Record<string, number>;
  /**
   * The 95 % interval of the test accuracy: for the mean over seeds by Student's t or, for one run, by Wilson's score.
   */
  interval?: { low: number; high: number; by: 'seeds' | 'images' };
}

function intervalOf(records: readonly SomeRecord[]): SweepResult['interval'] {
  const scores = records.flatMap(({ test }) => test ?? []);
  if (scores.length === 0) return undefined;
  const { mean, halfWidth } = meanInterval(scores.map(({ accuracy }) => accuracy));
  // Shares lie between 0 and 1, even where the interval of a mean does not.
  if (halfWidth !== null)
    return { low: Math.max(0, mean - halfWidth), high: Math.min(1, mean + halfWidth), by: 'seeds' };
  const [low, high] = wilsonInterval(mean, scores[0].images);
  return { low, high, by: 'images' };
}

/** Describes the points that are not finished: "not run", "2 failed". */
function missingIn(states: readonly PointState[]): string | undefined {
  const open = states.filter(({ state }) => state !== 'finished');
  if (open.length === 0) return undefined;
  const words: Record<string, string> = { waiting: 'not run', blocked: 'not run', stopped: 'half done' };
  const kinds = open.map(({ state }) => words[state] ?? state);
  return [...new Set(kinds)]
    .map((kind) => (states.length === 1 ? kind : `${kinds.filter((each) => each === kind).length} ${kind}`))
    .join(', ');
}

/** The groups of a sweep's runs in the order of its points, with a description of the runs that are not finished. */
export function groupsOf(states: readonly PointState[]): RunGroup[] {
  const groups = [...new Set(states.map(({ point }) => point.group))];
  return groups.map((group) => {
    const own = states.filter(({ point }) => point.group === group);
    const { entry, values: all } = own[0].point;
    const { seed: _, ...values } = all;
    return { entry, group, values, runs: own.length, missing: missingIn(own) };
  });
}

function resultOf(group: RunGroup, records: readonly SomeRecord[]): SweepResult {
  const numbers = records.map((record) => numbersOf(record));
  const names = [...new Set(numbers.flatMap((each) => Object.keys(each)))].filter((name) => name !== 'seed');
  const mean = (name: string): number => meanInterval(numbers.flatMap((each) => each[name] ?? [])).mean;
  return {
    ...group,
    n: records.length,
    means: Object.fromEntries(names.map((name) => [name, mean(name)])),
    interval: intervalOf(records),
  };
}

/**
 * The results of a sweep, one per group of runs, in the order of its points; groups that were not run are listed as
 * such.
 */
export function sweepResults(states: readonly PointState[]): SweepResult[] {
  const recordsOf = ({ group }: RunGroup): RunRecord[] =>
    states.flatMap(({ point, record }) => (point.group === group && record ? record : []));
  return groupsOf(states).map((group) => resultOf(group, recordsOf(group)));
}

/**
 * The results of a saved sweep, or of runs in its form: for each group means, interval and n, as `sweepTable` takes
 * them.
 */
export function savedResults({
  records,
  groups = [],
}: Pick<SavedSweep, 'groups'> & { records: readonly SomeRecord[] }): SweepResult[] {
  return groups.map((group) =>
    resultOf(
      group,
      records.filter(({ name }) => name === group.group),
    ),
  );
}

/** The default columns of a sweep's table. */
export const sweepColumns: readonly string[] =
  'validation.accuracy test.accuracy sparsity.complete parameters.left multiply_adds.left seconds'.split(' ');

/**
 * The results as rows of a table: settings that vary, n, means in the units that people read, the interval of the test
 * accuracy.
 */
export function sweepTable(results: readonly SweepResult[], columns: readonly string[] = sweepColumns): ResultRow[] {
  const intervals = new Set(results.flatMap(({ interval }) => interval?.by ?? []));
  const by = { seeds: 'over seeds', images: 'over images' };
  const heading = `95 % interval${intervals.size === 1 ? ` ${by[[...intervals][0]]}` : ''}`;
  return results.map(({ group, n, means, interval, missing }) => {
    const row: ResultRow = { run: group, n };
    for (const name of columns) {
      row[headingOf(name)] = shownAs(name, means[name]);
      if (name !== 'test.accuracy') continue;
      const text = interval && `${percent(interval.low)} to ${percent(interval.high)}`;
      row[heading] = text ? (intervals.size > 1 ? `${text} ${by[interval.by]}` : text) : null;
    }
    if (results.some((each) => each.missing !== undefined)) row['not there'] = missing ?? null;
    return row;
  });
}

/** The results as rows of machine names and plain numbers: for CSV files, JSON and data frames. */
export function sweepNumbers(results: readonly SweepResult[]): ResultRow[] {
  const varied = [...new Set(results.flatMap(({ values }) => Object.keys(values)))];
  const names = [...new Set(results.flatMap(({ means }) => Object.keys(means)))];
  return results.map(({ group, values, n, runs, means, interval, missing }) => ({
    run: group,
    ...Object.fromEntries(varied.map((name) => [name, values[name] ?? null])),
    n,
    runs,
    missing: missing ?? null,
    'test.accuracy.low': interval?.low ?? null,
    'test.accuracy.high': interval?.high ?? null,
    'test.accuracy.interval': interval?.by ?? null,
    ...Object.fromEntries(names.map((name) => [name, means[name] ?? null])),
  }));
}
