import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differingSettings } from 'sparsebook/experiments/results/runTable.js';
import { ThinCurve } from 'sparsebook/notebook/runs/curves.js';
import { filterOf } from 'sparsebook/notebook/runs/filter.js';
import type { ListedRun } from 'sparsebook/notebook/runs/protocol.js';
import { smoothed } from 'sparsebook/plots/runCurves.js';

const run: ListedRun = {
  id: 'googlenet-l0-3f2a',
  name: 'Lambda twenty',
  tags: ['sweep', 'night'],
  state: 'training',
  epochs: 1,
  steps: 10,
  numbers: {},
  settings: { lambda_l0: '20', 'gates.sampling': 'batch', lr: '0.001' },
  began: 0,
};

test('a filter matches a run if all its words do', () => {
  const cases: [text: string, fits: boolean][] = [
    ['', true],
    ['  3f2a ', true],
    ['lambda TWENTY', true],
    ['nig swee', true],
    ['night day', false],
    ['state:train', true],
    ['state:finished', false],
    ['lambda_l0=20', true],
    ['lambda_l0=2', false],
    ['lambda_l0=20.0', true],
    ['LR=1e-3', true],
    ['lambda_l0=', true],
    ['sampling=batch', false],
    ['gates.sampling=batch state:training night', true],
    ['width=', false],
    ['=', false],
  ];
  for (const [text, fits] of cases) assert.equal(filterOf(text)(run), fits, `'${text}'`);
});

test('settings differ if the runs that have them have different values', () => {
  const all: Record<string, string>[] = [{ a: '1', b: '1' }, { a: '2', b: '1', c: 'x' }, { b: '1' }];
  const runs = all.map((settings) => ({ settings }));
  assert.deepEqual(differingSettings(runs), ['a']);
  assert.deepEqual(differingSettings([]), []);
});

test('a curve of any length has at most 500 points, which are means of the added values', () => {
  for (const length of [1, 500, 501, 4096, 12345]) {
    const curve = new ThinCurve();
    for (let i = 1; i <= length; i++) curve.add(i, 2 * i);
    const { x, y } = curve.all as { x: number[]; y: number[] };
    assert.ok(x.length <= 500 && x.length >= Math.min(length, 250), `${x.length} of ${length}`);
    assert.ok(x.every((value, i) => i === 0 || value > x[i - 1]));
    assert.ok(x.every((value, i) => Math.abs(y[i] - 2 * value) < 1e-6 * length));
    assert.ok(x[0] <= 64 && x.at(-1)! > length - 64);
  }
});

test('a curve that is cut continues from there, and NaN leaves a gap', () => {
  const curve = new ThinCurve();
  for (const x of [1, 2, 3, 4]) curve.add(x, x);
  curve.cutBehind(2);
  curve.add(3, NaN);
  assert.deepEqual(JSON.parse(JSON.stringify(curve.all)), { x: [1, 2, 3], y: [1, 2, null] });
  assert.deepEqual(smoothed([1, null, 4, 8], 0.5), [1, null, 3, 3 + 5 / 1.75]);
  assert.deepEqual(smoothed([5, 1, 2], 0), [5, 1, 2]);
  assert.deepEqual(smoothed(new Array<number>(99).fill(0.1), 0.8), new Array(99).fill(0.1));
});
