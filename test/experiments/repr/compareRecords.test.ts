import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  differenceInWords,
  differenceOf,
  groupRecords,
  meanInterval,
  recordTable,
  reprSettings,
  type ReprRecord,
} from 'sparsebook/experiments';

const record = (run: string, seed: number, test: number): ReprRecord => ({
  run,
  data: 'none',
  images: { train: 1, validation: 1, test: 1 },
  machine: 'none',
  settings: reprSettings({ seed }),
  epochs: [],
  prunings: [],
  cosines: {},
  best: { epoch: 1, validation: 0.5, test },
  last: { validation: 0.5, test },
  seconds: 1,
});

test("the interval of a mean is Student's", () => {
  // t(2, 0.975) = 4.30265, s = 1.
  const { n, mean, halfWidth } = meanInterval([1, 2, 3]);
  assert.deepEqual([n, mean, halfWidth!.toFixed(4)], [3, 2, (4.30265 / Math.sqrt(3)).toFixed(4)]);
  assert.equal(meanInterval([5]).halfWidth, null);
  // Points of published tables, at both sides of where our own table ends.
  for (const [degrees, point] of [
    [9, 2.2622],
    [10, 2.2281],
    [11, 2.201],
    [20, 2.086],
    [60, 2.0003],
  ]) {
    const values = Array.from({ length: degrees + 1 }, (_, i) => i);
    const variance = ((degrees + 1) * (degrees + 2)) / 12;
    const { halfWidth } = meanInterval(values);
    assert.ok(Math.abs(halfWidth! / Math.sqrt(variance / (degrees + 1)) - point) < 5e-4, `${degrees}`);
  }
});

test('runs are compared seed by seed, whatever their order, and those without a partner are left out', () => {
  const records = [
    record('standard', 0, 0.5),
    record('standard', 1, 0.7),
    record('RePr', 1, 0.72),
    record('RePr', 0, 0.53),
    record('RePr', 2, 0.9),
  ];
  const { n, mean } = differenceOf(records, 'RePr', 'standard');
  assert.deepEqual([n, mean.toFixed(6)], [2, '0.025000']);
  assert.deepEqual(
    groupRecords(records).map(({ run, test }) => [run, test.n]),
    [
      ['standard', 2],
      ['RePr', 3],
    ],
  );
  assert.deepEqual(
    recordTable(records).map((row) => [row.run, row.n, row['test, %']]),
    [
      ['standard', 2, 60],
      ['RePr', 3, 71.67],
    ],
  );
});

test('a difference is claimed only where its interval leaves 0 out', () => {
  const pairs = (differences: number[]): string =>
    differenceInWords(
      differences.flatMap((d, seed) => [record('standard', seed, 0.5), record('RePr', seed, 0.5 + d)]),
      'RePr',
      'standard',
    );
  assert.match(pairs([0.02, 0.021, 0.019]), /2\.0 ± 0\.2 points \(n = 3, 95 %\): RePr is better here\.$/);
  assert.match(pairs([-0.02, -0.021, -0.019]), /−2\.0 ± 0\.2 points .* RePr is worse here\.$/);
  assert.match(pairs([0.02, 0.05, -0.01]), /the interval holds 0, so no difference is shown\.$/);
  assert.match(pairs([0.02]), /one pair of runs, which shows nothing by itself/);
  assert.match(pairs([]), /no pair of runs yet/);
});
