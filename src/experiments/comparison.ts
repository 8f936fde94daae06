import type { SavedSweep } from './courses.js';
import { savedResults, type SweepResult } from './sweep/results.js';
import { differenceOf, percent, type ResultRow, type SomeRecord } from './tables.js';

/** Runs of several methods that are compared at several sizes, as a sweep saves them or put together in that form. */
export type Compared = Pick<SavedSweep, 'groups'> & { records: readonly SomeRecord[] };

/** The entries of a comparison that are no methods: the network that all start from, and what they are measured by. */
export const peers = {
  /** The whole network, trained once. */
  whole: 'dense',
  /** The whole network, trained on for as long as the methods. */
  trainedOn: 'dense, trained on',
  /** Networks of fewer channels, trained from nothing for as long as the methods took in all. */
  narrower: 'narrower network',
} as const;

/** What a network costs, by machine names, and in words. */
export const costs = {
  'multiply_adds.left': 'multiply-adds',
  'parameters.left': 'parameters',
  'latency_ms.1': 'time for 1 image',
  'latency_ms.128': 'time for 128 images',
} as const;

/** One of what a network costs. */
export type Cost = keyof typeof costs;

const validation = ({ means }: SweepResult): number => means['validation.accuracy'];
const best = (results: readonly SweepResult[]): SweepResult | undefined =>
  [...results].sort((a, b) => validation(b) - validation(a)).at(0);

/** By how much, with the 95 % interval where there are several runs. */
function shownDifference(records: readonly SomeRecord[], of: string, from: string): string {
  const { n, mean, halfWidth } = differenceOf(records, of, from);
  if (n === 0) return 'no pair of runs';
  const points = (share: number): string => (100 * share).toFixed(1).replace('-', '−');
  return halfWidth === null ? `${points(mean)} (n = 1)` : `${points(mean)} ± ${points(halfWidth)} (n = ${n})`;
}

/**
 * Which method to take when: for each cost and each share of the whole network's, the method that does best on the
 * validation images within that share, with its test accuracy, and how far it is above the best narrower network within it.
 * What was not run, or not timed, is there and says so.
 */
export function whichToTake(compared: Compared, shares: readonly number[] = [0.6, 0.4, 0.25, 0.15]): ResultRow[] {
  const results = savedResults(compared);
  const whole = results.find(({ entry }) => entry === peers.whole);
  const isPeer = ({ entry }: SweepResult): boolean => Object.values<string | undefined>(peers).includes(entry);
  return (Object.keys(costs) as Cost[]).flatMap((cost) =>
    shares.map((share): ResultRow => {
      const most = share * (whole?.means[cost] ?? NaN);
      const within = results.filter(({ n, means }) => n > 0 && means[cost] <= most);
      const method = best(within.filter((result) => !isPeer(result)));
      const narrower = best(within.filter(({ entry }) => entry === peers.narrower));
      const { low, high } = method?.interval ?? {};
      return {
        cost: costs[cost],
        'at most, %': percent(share),
        take: method?.group ?? (whole && whole.n > 0 && whole.means[cost] === undefined ? 'not timed' : 'not run'),
        n: method?.n ?? 0,
        'test, %': method ? percent(method.means['test.accuracy']) : null,
        '95 % interval': low === undefined ? null : `${percent(low)} to ${percent(high!)}`,
        'narrower network, test, %': narrower ? percent(narrower.means['test.accuracy']) : null,
        'above it, points': method && narrower ? shownDifference(compared.records, method.group, narrower.group) : null,
      };
    }),
  );
}
