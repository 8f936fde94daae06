import { numbersOf, type RunRecord } from '../run/record.js';

/** A result in the words and units of a table. */
export type ResultRow = Record<string, string | number | null>;

/** A share in percent, to two digits. */
export const percent = (share: number): number => Number((100 * share).toFixed(2));

/** The mean of several runs, and its uncertainty. */
export interface MeanInterval {
  n: number;
  mean: number;
  /** Half the width of the 95 % interval of the mean, by Student's t; null for fewer than two values. */
  halfWidth: number | null;
}

/** The 97.5 % points of Student's t for 1 to 10 degrees of freedom. */
const points = [12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139];

/**
 * The same for any number of degrees: beyond 10 by the first terms of the expansion in 1 / degrees (Abramowitz and
 * Stegun 26.7.5).
 */
function studentPoint(degrees: number): number {
  if (degrees <= points.length) return points[degrees - 1];
  const z = 1.959964;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
  ];
  return terms.reduce((sum, term, k) => sum + term / degrees ** (k + 1), z);
}

/** The mean of independent values and its 95 % interval, mean +- t s / sqrt(n), which assumes normal values. */
export function meanInterval(values: readonly number[]): MeanInterval {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { n, mean, halfWidth: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { n, mean, halfWidth: studentPoint(n - 1) * Math.sqrt(variance / n) };
}

/** The bounds of the 95 % interval of a share of right answers among n, by Wilson's score. */
export function wilsonInterval(share: number, n: number): [low: number, high: number] {
  const z = 1.959964;
  const middle = (share + z ** 2 / (2 * n)) / (1 + z ** 2 / n);
  const half = (z / (1 + z ** 2 / n)) * Math.sqrt((share * (1 - share)) / n + z ** 2 / (4 * n ** 2));
  return [middle - half, middle + half];
}

/** A record, or the part of one that was kept: the numbers that tables show. */
export type SomeRecord = Pick<RunRecord, 'name'> & Partial<Omit<RunRecord, 'name'>>;

/** Records of runs of one name, which differ only in their seeds. */
export interface RecordGroup<R extends SomeRecord = RunRecord> {
  name: string;
  records: R[];
  /** Of the test accuracy, 0 to 1. */
  test: MeanInterval;
}

const nameOf = ({ name, run }: SomeRecord): string => name ?? run ?? 'run';

/** Records by the names of their runs, in order. */
export function groupRecords<R extends SomeRecord>(records: readonly R[]): RecordGroup<R>[] {
  const names = [...new Set(records.map(nameOf))];
  return names.map((name) => {
    const group = records.filter((record) => nameOf(record) === name);
    return { name, records: group, test: meanInterval(group.flatMap(({ test }) => test?.accuracy ?? [])) };
  });
}

/** How a number of a record is shown: its heading, and the conversion to its unit. */
const columns: Readonly<Record<string, [heading: string, shown: (value: number) => number]>> = {
  'validation.accuracy': ['validation, %', percent],
  'test.accuracy': ['test, %', percent],
  'test_tta.accuracy': ['test, views averaged, %', percent],
  'test.loss': ['test loss', (value) => Number(value.toFixed(4))],
  'last.test': ['test after the last epoch, %', percent],
  train: ['training, last epoch, %', percent],
  'sparsity.published': ['sparsity, published count, %', percent],
  'sparsity.complete': ['sparsity, complete, %', percent],
  'sparsity.zeros': ['zero weights, %', percent],
  'parameters.left': ['parameters', Math.round],
  'multiply_adds.left': ['million multiply-adds', (value) => Number((value / 1e6).toFixed(2))],
  'latency_ms.1': ['ms, 1 image', (value) => Number(value.toPrecision(3))],
  'latency_ms.128': ['ms, 128 images', (value) => Number(value.toPrecision(3))],
  'predicted_ms.1': ['ms predicted, 1 image', (value) => Number(value.toPrecision(3))],
  'predicted_ms.128': ['ms predicted, 128 images', (value) => Number(value.toPrecision(3))],
  'channels.closed': ['closed channels', Math.round],
  'method.fakeSparsity': ['fake sparsity, %', percent],
  'method.groupLasso': ['group lasso', (value) => Number(value.toFixed(2))],
  'method.lambda': ['lambda', (value) => Number(value.toPrecision(3))],
  'method.frozen': ['frozen parameters', Math.round],
  'selected.epoch': ['epoch', Math.round],
  epochs: ['epochs', Math.round],
  steps: ['steps', Math.round],
  seconds: ['seconds', Math.round],
};

/** The heading of a number of a record, or its own name if there is none. */
export const headingOf = (name: string): string => columns[name]?.[0] ?? name;

/** A number of a record as a table shows it. */
export const shownAs = (name: string, value: number | undefined): number | null =>
  value === undefined || Number.isNaN(value) ? null : (columns[name]?.[1](value) ?? value);

/** The default columns of a table. */
export const usualColumns: readonly string[] =
  'validation.accuracy test.accuracy sparsity.complete parameters.left multiply_adds.left epochs'.split(' ');

/**
 * One row per name of runs: means over runs that differ in their seeds, with the 95 % interval of the test accuracy if
 * there are several; shares become percent. `names` are the record's numbers, such as `sparsity.complete`.
 */
export function recordTable(records: readonly SomeRecord[], names: readonly string[] = usualColumns): ResultRow[] {
  const groups = groupRecords(records);
  const several = groups.some((group) => group.records.length > 1);
  return groups.map(({ name, records: group, test }) => {
    const numbers = group.map((record) => numbersOf(record));
    const row: ResultRow = { run: name, ...(several && { n: group.length }) };
    for (const column of names) {
      const values = numbers.flatMap((each) => each[column] ?? []);
      row[headingOf(column)] = values.length === 0 ? null : shownAs(column, meanInterval(values).mean);
      if (column !== 'test.accuracy' || !several) continue;
      row['± (95 %)'] = test.halfWidth === null ? null : percent(test.halfWidth);
    }
    return row;
  });
}

/**
 * The difference in test accuracy between two groups of runs, `name` minus `from`, paired by seed: runs of the same
 * seed start from the same weights and see the same images in the same order, so their differences say more than their
 * means.
 */
export function differenceOf(records: readonly SomeRecord[], name: string, from: string): MeanInterval {
  const of = (group: string): SomeRecord[] => records.filter((record) => nameOf(record) === group);
  const differences = of(name).flatMap(({ test, seed }) => {
    const partner = of(from).find((other) => other.seed === seed);
    return partner?.test && test ? [test.accuracy - partner.test.accuracy] : [];
  });
  return meanInterval(differences);
}

const inPoints = (share: number): string => `${share < 0 ? '−' : ''}${Math.abs(100 * share).toFixed(1)}`;

/** A difference as a sentence that claims no more than its interval supports. */
export function differenceInWords(records: readonly SomeRecord[], name: string, from: string): string {
  const { n, mean, halfWidth } = differenceOf(records, name, from);
  const what = `${name} minus ${from}:`;
  if (n === 0) return `${what} no pair of runs yet.`;
  if (halfWidth === null) return `${what} ${inPoints(mean)} points in one pair of runs, which shows nothing by itself.`;
  const shown = Math.abs(mean) > halfWidth;
  return (
    `${what} ${inPoints(mean)} ± ${inPoints(halfWidth)} points (n = ${n}, 95 %): ` +
    (shown ? `${name} is ${mean > 0 ? 'better' : 'worse'} here.` : 'the interval holds 0, so no difference is shown.')
  );
}
