// Methods compared at several sizes: which is chosen, what it is measured by, and what was not run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whichToTake, worthAndCost, type Compared } from 'sparsebook/experiments/sweep/comparison.js';
import { savedResults } from 'sparsebook/experiments/sweep/results.js';

/**
 * Builds a comparison of networks: entry and size, the share of the cost that is left, validation accuracy, and one
 * test accuracy per run.
 */
function comparedOf(
  networks: readonly [entry: string, size: string, left: number, validation: number, ...test: number[]][],
): Compared {
  const groups = networks.map(([entry, size, , , ...tests]) => ({
    entry,
    group: `${entry} ${size}`.trim(),
    values: {},
    runs: 2,
    missing: tests.length < 2 ? `${2 - tests.length} not run` : undefined,
  }));
  const records = networks.flatMap(([, , left, validation, ...tests], i) =>
    tests.map((accuracy, seed) => ({
      name: groups[i].group,
      seed,
      validation: { accuracy: validation, loss: 1, images: 100 },
      test: { accuracy, loss: 1, images: 1000 },
      parameters: { dense: 1000, left: 1000 * left },
      multiply_adds: { dense: 2e6, left: 2e6 * left },
      latency_ms: { 1: 4 * left },
    })),
  );
  return { groups, records };
}

test('for each budget the method with the best validation accuracy counts, beside the test accuracy of the narrower network', () => {
  const compared = comparedOf([
    ['dense', '', 1, 0.9, 0.9, 0.9],
    ['L0 gates', '0.5', 0.5, 0.8, 0.7, 0.72],
    ['ISTA', '0.1', 0.3, 0.7, 0.75, 0.75],
    ['ISTA', '0.2', 0.2, 0.6, 0.6],
    ['narrower network', '0.7', 0.55, 0.85, 0.68, 0.69],
    ['narrower network', '0.3', 0.1, 0.3, 0.3, 0.3],
    ['magnitude', '0.9', 0.1, 0, ...[]],
  ]);
  const rows = whichToTake(compared, [0.6, 0.3, 0.25, 0.15]);
  assert.equal(rows.length, 16);
  assert.deepEqual(rows[0], {
    cost: 'multiply-adds',
    'at most, %': 60,
    take: 'either',
    'best method': 'L0 gates 0.5', // ISTA is better on the test images, which do not decide
    'test, %': 71,
    '95 % interval': '58.29 to 83.71',
    'narrower network, test, %': 68.5,
    'method above it, points': '2.5 ± 6.4 (n = 2)',
  });
  assert.deepEqual(
    rows.slice(1, 4).map(({ take, 'best method': method, 'method above it, points': above }) => [take, method, above]),
    [
      ['ISTA', 'ISTA 0.1', '45.0 ± 0.0 (n = 2)'],
      ['open: one run each', 'ISTA 0.2', '30.0 (n = 1)'],
      [null, 'not run', null],
    ],
  );
  assert.deepEqual(
    [8, 12].map((row) => [rows[row].cost, rows[row]['best method']]),
    [
      ['time for 1 image', 'L0 gates 0.5'],
      ['time for 128 images', 'not timed'],
    ],
  );
  const { groups = [], records } = compared;
  const finished = whichToTake({ groups: groups.slice(0, -1), records }, [0.15]);
  assert.equal(finished[0]['best method'], 'none is so small');
});

test('a comparison of which nothing was run says so in each of its rows', () => {
  const compared = comparedOf([
    ['dense', '', 1, 0, ...[]],
    ['L0 gates', '0.5', 0.5, 0, ...[]],
  ]);
  assert.ok(whichToTake(compared).every((row) => row['best method'] === 'not run' && row.take === null));
  assert.deepEqual(
    savedResults(compared).map(({ group, n, runs, missing, interval }) => [group, n, runs, missing, interval]),
    [
      ['dense', 0, 2, '2 not run', undefined],
      ['L0 gates 0.5', 0, 2, '2 not run', undefined],
    ],
  );
});

test('accuracy and cost of networks are one row per name, with the interval, and empty where unknown', () => {
  const records = [0.7, 0.72].map((accuracy, seed) => ({
    name: 'small',
    seed,
    test: { accuracy, loss: 1, images: 1000 },
  }));
  const whole = {
    name: 'whole',
    test: { accuracy: 0.9, loss: 1, images: 1000 },
    parameters: { dense: 1000, left: 1000 },
    multiply_adds: { dense: 2e6, left: 2e6 },
    latency_ms: { 1: 4.123 },
  };
  assert.deepEqual(worthAndCost([whole, ...records]), [
    {
      run: 'whole',
      n: 1,
      'test, %': 90,
      '95 % interval': '87.98 to 91.71 over images',
      parameters: 1000,
      'million multiply-adds': 2,
      'ms, 1 image': 4.12,
      'ms, 128 images': null,
    },
    {
      run: 'small',
      n: 2,
      'test, %': 71,
      '95 % interval': '58.29 to 83.71 over seeds',
      parameters: null,
      'million multiply-adds': null,
      'ms, 1 image': null,
      'ms, 128 images': null,
    },
  ]);
});
