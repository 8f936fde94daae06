// The stops of a slider over a sweep: groups of runs, the settings that distinguish them, and the channels they keep.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { historyOf } from 'sparsebook/experiments/results/runHistory.js';
import type { Run } from 'sparsebook/experiments/run/run.js';
import { overSeeds, stopsOf, type ExploredSweep } from 'sparsebook/experiments/results/stops.js';

test('a history counts the open channels of each layer at each epoch, but not masks on single weights', () => {
  const note = (epoch: number, values: object): object => ({ type: 'note', kind: 'masks', step: epoch, epoch, values });
  const history = [
    note(0, { block1_conv: [1, 0.5, 1], 'logits/kernel': [0.4] }),
    note(1, { block1_conv: [0, 0.5, 1], 'logits/kernel': [0.3] }),
  ];
  const { channels } = historyOf({ settings: { methods: ['l0'] }, history } as unknown as Run);
  assert.deepEqual(channels, { block1_conv: { all: 3, open: [3, 2] } });
});

test('the mean of two seeds has no interval, the mean of three has Student’s t, and shares are limited to 0 and 1', () => {
  assert.equal(overSeeds([null, undefined, NaN]), undefined);
  assert.deepEqual(overSeeds([0.5, null]), { mean: 0.5 });
  assert.deepEqual(Object.keys(overSeeds([0.5, 0.6])!), ['mean']);
  const { mean, interval } = overSeeds([0.5, 0.6, 0.7])!;
  // t(2) s / sqrt(3) = 4.302653 * 0.1 / 1.732051
  assert.ok(Math.abs(mean - 0.6) < 1e-12 && Math.abs(interval![1] - 0.848414) < 1e-6, `${interval?.join()}`);
  assert.equal(overSeeds([0.9, 1, 1])!.interval![1], 1);
});

const group = (name: string, values: Record<string, string> = {}) => ({ group: name, values, runs: 1 });
const record = (name: string, settings: Record<string, unknown>) => ({ name, settings });

const cases: [what: string, sweep: ExploredSweep, setting: string | undefined, labels: string[]][] = [
  [
    'the value of the one setting that varies, in the axes',
    { groups: [group('a', { lr: '1' }), group('b', { lr: '2' })], records: [] },
    'lr',
    ['1', '2'],
  ],
  [
    'the value of the one setting that varies, in the records, whatever their seeds and names',
    {
      groups: [group('a'), group('b')],
      records: [
        record('a', { lr: 1, seed: 1, name: 'x', gates: { clamp: false } }),
        record('b', { lr: 2, seed: 2, name: 'y', gates: { clamp: false } }),
      ],
    },
    'lr',
    ['1', '2'],
  ],
  [
    'its name where several settings vary',
    { groups: [group('a', { lr: '1', width: '1' }), group('b', { lr: '2', width: '2' })], records: [] },
    undefined,
    ['a', 'b'],
  ],
  [
    'its name where two groups have the same value',
    { groups: [group('a 1', { lr: '1' }), group('b 1', { lr: '1' }), group('b 2', { lr: '2' })], records: [] },
    undefined,
    ['a 1', 'b 1', 'b 2'],
  ],
  [
    'its name where its value is unknown because it was not run',
    { groups: [group('a'), group('b'), group('c')], records: [record('a', { lr: 1 }), record('b', { lr: 2 })] },
    'lr',
    ['1', '2', 'c'],
  ],
  [
    'the name of its runs in a file without groups',
    { records: [record('a', {}), record('b', {})] },
    undefined,
    ['a', 'b'],
  ],
];

for (const [what, sweep, setting, labels] of cases) {
  test(`a stop is labelled with ${what}`, () => {
    const found = stopsOf(sweep);
    assert.deepEqual([found.setting, found.stops.map(({ label }) => label)], [setting, labels]);
  });
}
