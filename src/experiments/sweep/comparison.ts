import { compactLatencies, type CompactLatencyOptions } from '../results/compactions.js';
import type { RunGroup, SavedSweep } from '../results/runHistory.js';
import type { Run } from '../run/run.js';
import { savedResults, sweepTable, type SweepResult } from './results.js';
import {
  differenceOf,
  groupRecords,
  percent,
  type MeanInterval,
  type ResultRow,
  type SomeRecord,
} from '../results/tables.js';

/** Runs of several methods that are compared at several sizes, as a sweep saves them or put together in that form. */
export type Compared = Pick<SavedSweep, 'groups'> & { records: readonly SomeRecord[] };

/** The entries of a comparison that are not methods: the common start network, and the baselines. */
export const peers = {
  /** The whole network, trained once. */
  whole: 'dense',
  /** The whole network, trained on for as long as the methods. */
  trainedOn: 'dense, trained on',
  /** Networks of fewer channels, trained from nothing for as long as the methods took in all. */
  narrower: 'narrower network',
} as const;

/** The costs of a network: names of a record's numbers, and their labels. */
export const costs = {
  'multiply_adds.left': 'multiply-adds',
  'parameters.left': 'parameters',
  'latency_ms.1': 'time for 1 image',
  'latency_ms.128': 'time for 128 images',
} as const;

/** The name of a cost. */
export type Cost = keyof typeof costs;

/**
 * Finished runs as a comparison: entry by entry, in groups by their names, with the times of their compact networks,
 * which are measured now, side by side. Throws a UserError for a run that is not finished.
 */
export async function comparedRuns(
  entries: Readonly<Record<string, readonly Run[]>>,
  timing: CompactLatencyOptions = {},
): Promise<Compared> {
  const runs = Object.values(entries).flat();
  const times = await compactLatencies(await Promise.all(runs.map((run) => run.checkpoint())), timing);
  const records = runs.map(({ record }, i) => ({ ...record, latency_ms: times[i] }));
  const nameOf = ({ record: { name, run } }: Run): string => name ?? run;
  const groups = Object.entries(entries).flatMap(([entry, own]) => {
    const names = own.map(nameOf);
    const groupOf = (group: string): RunGroup => ({
      entry,
      group,
      values: {},
      runs: names.filter((name) => name === group).length,
    });
    return [...new Set(names)].map(groupOf);
  });
  return { groups, records };
}

const worth = 'test.accuracy parameters.left multiply_adds.left latency_ms.1 latency_ms.128'.split(' ');

/**
 * One row per name of runs with what a network is worth and what it costs: test accuracy with its 95 % interval,
 * parameters, multiply-adds, milliseconds. Values missing from a record stay empty.
 */
export function worthAndCost(records: readonly SomeRecord[]): ResultRow[] {
  const groups = groupRecords(records).map(({ name, records: own }): RunGroup => ({
    group: name,
    values: {},
    runs: own.length,
  }));
  return sweepTable(savedResults({ groups, records }), worth);
}

const validation = ({ means }: SweepResult): number => means['validation.accuracy'];
const best = (results: readonly SweepResult[]): SweepResult | undefined =>
  [...results].sort((a, b) => validation(b) - validation(a)).at(0);

/** A difference of test accuracies in points, with its 95 % interval if there are several runs. */
function inPoints({ n, mean, halfWidth }: MeanInterval): string {
  const points = (share: number): string => (100 * share).toFixed(1).replace('-', '−');
  return halfWidth === null ? `${points(mean)} (n = ${n})` : `${points(mean)} ± ${points(halfWidth)} (n = ${n})`;
}

/** Which of two is better, by their difference and its interval. */
function verdict({ mean, halfWidth }: MeanInterval, first = '', second = ''): string {
  if (halfWidth === null) return 'open: one run each';
  if (Math.abs(mean) <= halfWidth) return 'either';
  return mean > 0 ? first : second;
}

/**
 * Which method to take when: for each cost and each share of the whole network's cost, the method and the narrower
 * network that do best on the validation images within that share, their test accuracies, and the method's lead, paired
 * by seed. Sizes that were not run, or not timed, are listed as such.
 */
export function whichToTake(compared: Compared, shares: readonly number[] = [0.6, 0.4, 0.25, 0.15]): ResultRow[] {
  const results = savedResults(compared);
  const whole = results.find(({ entry }) => entry === peers.whole);
  const isPeer = ({ entry }: SweepResult): boolean => Object.values<string | undefined>(peers).includes(entry);
  const isRun = results.every(({ n }) => n > 0);
  const rowOf = (cost: Cost, share: number): ResultRow => {
    const most = share * (whole?.means[cost] ?? NaN);
    const within = results.filter(({ n, means }) => n > 0 && means[cost] <= most);
    const method = best(within.filter((result) => !isPeer(result)));
    const narrower = best(within.filter(({ entry }) => entry === peers.narrower));
    const pairs = method && narrower && differenceOf(compared.records, method.group, narrower.group);
    const difference = pairs && pairs.n > 0 ? pairs : undefined;
    const isTimed = whole === undefined || whole.n === 0 || whole.means[cost] !== undefined;
    const { low, high } = method?.interval ?? {};
    return {
      cost: costs[cost],
      'at most, %': percent(share),
      take: difference ? verdict(difference, method?.entry, narrower?.entry) : null,
      'best method': method?.group ?? (!isTimed ? 'not timed' : isRun ? 'none is so small' : 'not run'),
      'test, %': method ? percent(method.means['test.accuracy']) : null,
      '95 % interval': low === undefined ? null : `${percent(low)} to ${percent(high!)}`,
      'narrower network, test, %': narrower ? percent(narrower.means['test.accuracy']) : null,
      'method above it, points': difference ? inPoints(difference) : null,
    };
  };
  return (Object.keys(costs) as Cost[]).flatMap((cost) => shares.map((share) => rowOf(cost, share)));
}
