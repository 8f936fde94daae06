import assert from 'node:assert/strict';
import { test } from 'node:test';
import { besidePublished, publishedL0 } from 'sparsebook/experiments/results/published.js';
import {
  cutPoints,
  epochMeans,
  pruningPoints,
  resultPoints,
  type KeptRun,
} from 'sparsebook/experiments/results/runHistory.js';
import {
  differenceInWords,
  differenceOf,
  groupRecords,
  meanInterval,
  recordTable,
  type SomeRecord,
} from 'sparsebook/experiments/results/tables.js';

const scores = (accuracy: number) => ({ accuracy, loss: 1, images: 10 });
const record = (name: string, seed: number, accuracy: number): SomeRecord => ({ name, seed, test: scores(accuracy) });

test("the interval of a mean is Student's", () => {
  // t(2, 0.975) = 4.30265, s = 1.
  const { n, mean, halfWidth } = meanInterval([1, 2, 3]);
  assert.deepEqual([n, mean, halfWidth!.toFixed(4)], [3, 2, (4.30265 / Math.sqrt(3)).toFixed(4)]);
  assert.equal(meanInterval([5]).halfWidth, null);
  // Values of published tables, on both sides of where our own table ends.
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

test('runs are compared seed by seed, whatever their order, and runs without a partner are left out', () => {
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
    groupRecords(records).map(({ name, records: group, test }) => [name, group.length, test.n]),
    [
      ['standard', 2, 2],
      ['RePr', 3, 3],
    ],
  );
  const rows = recordTable(records, ['test.accuracy', 'test.loss', 'method.lambda']);
  assert.deepEqual(rows[1], {
    run: 'RePr',
    n: 3,
    'test, %': 71.67,
    '± (95 %)': Number((100 * groupRecords(records)[1].test.halfWidth!).toFixed(2)),
    'test loss': 1,
    lambda: null,
  });
  assert.deepEqual(recordTable(records.slice(0, 1), ['test.accuracy']), [{ run: 'standard', 'test, %': 50 }]);
});

test('a difference is stated only if its interval excludes 0', () => {
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

test('our runs are listed beside the published runs of the same name, with a dash for missing ones', () => {
  const size = (left: number) => ({ dense: 260_650, left });
  const ours = {
    ...record('tune 20', 0, 0.5),
    validation: scores(0.6),
    sparsity: { complete: 0.3, published: 0.25, zeros: 0 },
    parameters: size(3419),
    multiply_adds: size(1_230_000),
  };
  const other = { ...ours, seed: 1, test: scores(0.52) };
  const rows = besidePublished([ours, other]);
  assert.deepEqual(
    rows.map(({ run }) => run),
    publishedL0.map(({ run }) => run),
  );
  assert.deepEqual(rows[4], {
    run: 'tune 20',
    n: 2,
    'validation, %': '88.8 / 60',
    'test, %': '88.62 / 51',
    'sparsity, published count, %': '39 / 25',
    'sparsity, complete, %': 30,
    parameters: 3419,
    'million multiply-adds': 1.23,
  });
  assert.deepEqual([rows[0].n, rows[0]['test, %'], rows[0].parameters], [0, '89.57 / –', null]);
});

test('runs become points, grouped by how they started, and by the share that was pruned', () => {
  const sparse = (name: string, zeros: number, accuracy: number) => ({
    ...record(name, 0, accuracy),
    sparsity: { complete: 0.4, published: null, zeros },
  });
  const names = ['no gates', 'scratch 1', 'tune 20, here', 'target 0.5'];
  const [none, scratch, tuned, target] = resultPoints(names.map((name) => sparse(name, 0, 0.9)));
  assert.deepEqual(none, { label: 'no gates', sparsity: 0.4, accuracy: 0.9, group: undefined });
  assert.match(scratch.group ?? '', /scratch/);
  assert.match(tuned.group ?? '', /fine-tuned/);
  assert.equal(target.group, tuned.group);
  assert.equal(resultPoints(publishedL0)[4].accuracy.toFixed(4), '0.8862');
  assert.deepEqual(pruningPoints([sparse('a', 0.9, 0.4), sparse('b', 0.5, 0.8), sparse('b', 0.50001, 0.7)]), [
    { pruned: 0.5, accuracies: [0.8, 0.7] },
    { pruned: 0.9, accuracies: [0.4] },
  ]);
  assert.deepEqual(cutPoints([0.9, 0].map((prune) => ({ seed: 1, prune, validation: 1 - prune }))), [
    { pruned: 0, accuracies: [1] },
    { pruned: 0.9, accuracies: [1 - 0.9] },
  ]);
  const history = (validation: number): KeptRun => {
    const epochs = [1, 2].map((epoch) => ({ epoch, validation: validation * epoch }));
    return { ...record('both', 0, 1), history: { epochs, prunings: [], log: [] } as unknown as KeptRun['history'] };
  };
  assert.deepEqual(epochMeans('both', [history(0.75), history(0.25)], 'validation'), {
    name: 'both',
    epochs: [1, 2],
    shares: [0.5, 1],
  });
});
