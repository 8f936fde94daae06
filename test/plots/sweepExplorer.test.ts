// A figure that explores a sweep: its frames, its intervals, and how it reports what is missing.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { UserError } from 'sparsebook/errors.js';
import type { SavedSweep } from 'sparsebook/experiments/results/runHistory.js';
import type { ExploredSweep } from 'sparsebook/experiments/results/stops.js';
import { figureBundle } from 'sparsebook/notebook/display/figure.js';
import { sweepExplorer } from 'sparsebook/plots/sweepExplorer.js';
import type { Figure } from 'sparsebook/plots/theme.js';
import { madeSweep } from './madeSweep.ts';

interface Slider {
  active: number;
  currentvalue: { prefix: string };
  steps: { label: string; method: string; args: [string[], object] }[];
}

const sliderOf = ({ layout }: Figure): Slider => (layout.sliders as Slider[])[0];

/** The figure at a step: its data updated by the step's frame. */
function shownAt(figure: Figure, name: string): Record<string, unknown>[] {
  const { traces, data } = figure.frames!.find((frame) => frame.name === name)!;
  return figure.data.map((trace, i) => ({ ...trace, ...data[traces.indexOf(i)] }));
}

const panel = (traces: Record<string, unknown>[], is: Record<string, unknown>): Record<string, unknown> =>
  traces.find((trace) => Object.entries(is).every(([key, value]) => trace[key] === value))!;

const bars = { orientation: 'h' };
const validation = { name: 'validation accuracy' };

/** The lines of text at a step, without markup. */
const said = (traces: Record<string, unknown>[]): string[] =>
  (panel(traces, { mode: 'text' }).text as string[])[0].replace(/<\/?b>/g, '').split('<br>');

for (const [what, sweep] of [
  ['one seed', madeSweep({ lambdas: [10, 20, 30], seeds: 1 })],
  ['three seeds', madeSweep({ lambdas: [1, 2], seeds: 3 })],
] as const) {
  test(`of ${what} every step of the slider names a frame, in order, and the figure starts at the first`, () => {
    const figure = sweepExplorer(sweep);
    const { active, steps, currentvalue } = sliderOf(figure);
    assert.deepEqual(
      steps.map(({ method, args: [[name, ...more]] }) => [method, name, more.length]),
      figure.frames!.map(({ name }) => ['animate', name, 0]),
    );
    assert.deepEqual(
      steps.map(({ label }) => label),
      sweep.groups!.map(({ values }) => values.lambda_l0),
    );
    assert.equal(currentvalue.prefix, 'lambda_l0 = ');
    assert.equal(active, 0);
    assert.deepEqual(shownAt(figure, figure.frames![0].name), figure.data);
    for (const { traces, data, layout } of figure.frames!) {
      assert.deepEqual([traces.length, new Set(traces).size], [data.length, data.length]);
      assert.ok(Math.max(...traces) < figure.data.length);
      assert.match((layout.meta as { alt: string }).alt, /^A slider walks over .* At lambda_l0 = \d+: \d runs?, /);
    }
  });
}

test('three seeds have intervals by Student’s t: in numbers, as bars and along the curves', () => {
  const sweep = madeSweep({ lambdas: [10, 20], seeds: 3 });
  const shown = shownAt(sweepExplorer(sweep), 'tune lambda_l0=10');
  // 0.82 +- t(2) s / sqrt(3), s = 0.02: 4.302653 * 0.011547
  assert.deepEqual(said(shown), [
    'lambda_l0 = 10',
    '3 runs, means and 95 % intervals',
    'test accuracy 82 % [77, 87]',
    'parameters 61,000 = 23.4 % [13.9, 32.9]',
    'multiply-adds 18.3 million = 23 % [13.6, 32.3]',
  ]);
  const { error_y, y } = panel(shown, { xaxis: 'x3', mode: 'lines+markers+text' }) as {
    error_y: { array: number[] };
    y: number[];
  };
  assert.equal(y[0], 82);
  assert.ok(Math.abs(error_y.array[0] - 4.9683) < 1e-3, `${error_y.array[0]}`);
  const layers = panel(shown, bars) as { x: number[]; y: string[]; error_x: { array: number[] } };
  const open = sweep.records.slice(0, 3).map(({ history }) => history.channels!.block1_1x1_conv);
  const mean = open.reduce((sum, { all, open }) => sum + open.at(-1)! / all / 3, 0);
  assert.deepEqual([layers.y[0], layers.x[0], layers.x.length], ['block1 1x1', Number((100 * mean).toFixed(1)), 32]);
  assert.ok(
    layers.error_x.array.every((half) => half >= 0 && half <= 100) && layers.error_x.array.some((half) => half > 0),
  );
  const band = panel(shown, { fill: 'toself' }) as { x: number[] };
  assert.deepEqual(band.x, [1, 2, 3, 4, 5, 5, 4, 3, 2, 1]);
});

for (const seeds of [1, 2]) {
  test(`of ${seeds === 1 ? 'one seed' : 'two seeds'} there is no interval, and the figure says so`, () => {
    const shown = shownAt(sweepExplorer(madeSweep({ lambdas: [10, 20], seeds })), 'tune lambda_l0=20');
    assert.equal(said(shown)[1], `${seeds === 1 ? '1 run' : '2 runs'}, no interval over seeds`);
    assert.doesNotMatch(said(shown).join(), /\[/);
    assert.deepEqual(panel(shown, { fill: 'toself' }).x, [null]);
    const { array } = panel(shown, bars).error_x as { array: unknown[] };
    assert.ok(array.every((half) => half === null));
  });
}

test('points that were not run, or failed, are stops that say so', () => {
  const sweep = madeSweep({ lambdas: [10, 20, 30], seeds: 3 });
  sweep.groups![0].missing = '3 not run';
  sweep.groups![1].missing = '1 failed';
  const figure = sweepExplorer({
    ...sweep,
    records: sweep.records.filter(
      ({ name, seed }) => name !== 'tune lambda_l0=10' && !(name === 'tune lambda_l0=20' && seed === 1),
    ),
  });
  assert.equal(sliderOf(figure).active, 1, 'the first with a run');
  const [none, two] = sweep.groups!.map(({ group }) => shownAt(figure, group));
  assert.deepEqual(said(none), ['lambda_l0 = 10', '3 not run']);
  assert.deepEqual([panel(none, validation).x, panel(none, { xaxis: 'x3', mode: 'markers' }).x], [[null], [null]]);
  assert.ok((panel(none, bars).x as unknown[]).every((x) => x === null));
  assert.deepEqual(said(two).slice(0, 3), [
    'lambda_l0 = 20',
    '2 runs of 3 (1 failed), no interval over seeds',
    'test accuracy 82 %',
  ]);
});

test('a sweep without finished runs is drawn with a note that there are none', () => {
  const { groups } = madeSweep({ lambdas: [10, 20], seeds: 3 });
  const figure = sweepExplorer({ groups, records: [] });
  assert.match(figure.layout.meta.alt, /At lambda_l0 = 10: not run\.$/);
});

test('one lambda has a frame and no slider', () => {
  const { frames, layout } = sweepExplorer(madeSweep({ lambdas: [10], seeds: 3 }));
  assert.deepEqual([frames!.length, layout.sliders], [1, undefined]);
});

test('the data of 20 lambdas and 3 seeds, with all gates of GoogleNet and 180 epochs, stay below a megabyte', () => {
  const lambdas = Array.from({ length: 20 }, (_, i) => i + 1);
  const figure = sweepExplorer(madeSweep({ lambdas, seeds: 3, epochs: 180 }));
  const last = shownAt(figure, 'tune lambda_l0=20');
  const { x } = panel(last, validation) as { x: number[] };
  assert.deepEqual([x[0], x.at(-1), x.length, (panel(last, bars).y as string[]).length], [1, 180, 60, 32]);
  const bytes = Buffer.byteLength(JSON.stringify(figureBundle(figure, null)));
  assert.ok(bytes < 1e6, `${bytes} bytes`);
});

test('an older file without channels is drawn with a note of what is missing', () => {
  const { records } = madeSweep({ lambdas: [10, 20], seeds: 1 });
  const old: ExploredSweep = { records: records.map(({ history: _, settings: __, ...record }) => record) };
  const figure = sweepExplorer(old);
  assert.equal(sliderOf(figure).currentvalue.prefix, 'run: ');
  const shown = shownAt(figure, 'tune lambda_l0=20');
  assert.equal(said(shown).at(-1), 'not in this file: open channels by layer and curves');
  assert.equal(said(shown)[2], 'test accuracy 80 %');
  const { records: noSizes } = madeSweep({ lambdas: [10], seeds: 1 });
  const bare = sweepExplorer({ records: noSizes.map(({ name, history }) => ({ name, history })) });
  assert.deepEqual(said(bare.data).slice(2), [
    'test accuracy not in this file',
    'parameters not in this file',
    'multiply-adds not in this file',
  ]);
});

test('where no channel has a mask, the weights that are not 0 are shown', () => {
  const sweep = madeSweep({ lambdas: [10, 20], seeds: 1 });
  const pruned = sweep.records.map((record) => ({
    ...record,
    sparsity: { complete: 0.5, published: null, zeros: 0.25 },
    zeros: { 'stem_conv/kernel': 0.25, 'logits/kernel': 0 },
    history: {
      ...record.history,
      channels: {},
      epochs: record.history.epochs.map((epoch) => ({ ...epoch, zeros: 0.25 })),
    },
  }));
  const { data } = sweepExplorer({ ...sweep, records: pruned });
  assert.deepEqual(
    [panel(data, bars).x, panel(data, bars).y],
    [
      [75, 100],
      ['stem', 'logits'],
    ],
  );
  assert.deepEqual(panel(data, { name: 'weights that are not 0' }).y, [75, 75, 75, 75, 75]);
});

test('stops can be named; an unknown name is refused, and so is a sweep without runs', () => {
  const sweep = madeSweep({ lambdas: [10, 20, 30], seeds: 1 });
  const some = sweepExplorer(sweep, { groups: ['tune lambda_l0=30', 'tune lambda_l0=10'] });
  assert.deepEqual(
    some.frames!.map(({ name }) => name),
    ['tune lambda_l0=10', 'tune lambda_l0=30'],
  );
  const refused = (explored: ExploredSweep, groups: string[] | undefined, message: RegExp): void =>
    assert.throws(
      () => sweepExplorer(explored, { groups }),
      (error) => error instanceof UserError && message.test(error.message),
    );
  refused(sweep, ['tune'], /must stop at groups of its runs; received 'tune'\. Name some of: tune lambda_l0=10, /);
  refused(sweep, [], /received none/);
  refused({ records: [] }, undefined, /received none\. Name some of: none, since there are no runs\./);
});

test('texts of a sweep cannot become markup', () => {
  const { records } = madeSweep({ lambdas: [10, 20], seeds: 1 });
  const figure = sweepExplorer({
    records: records.map((record, i) => ({ ...record, settings: {}, name: `<b>${i}</b> & more` })),
  });
  assert.equal(sliderOf(figure).steps[0].label, '&lt;b&gt;0&lt;/b&gt; &amp; more');
  assert.ok(
    (panel(figure.data, { mode: 'text' }).text as string[])[0].startsWith('<b>&lt;b&gt;0&lt;/b&gt; &amp; more</b>'),
  );
});

test('the saved sweep of notebook 01 covers four lambdas, with the channels of every layer; 60 such runs stay below a megabyte', () => {
  const text = readFileSync('notebooks/outputs/01-l0-googlenet/sweep-synthetic.json', 'utf8');
  const sweep = JSON.parse(text) as SavedSweep;
  assert.ok((60 * text.length) / sweep.records.length < 1e6);
  const figure = sweepExplorer(sweep, { groups: [10, 20, 30, 50].map((lambda) => `tune ${lambda}`) });
  assert.equal(sliderOf(figure).currentvalue.prefix, 'lambda_l0 = ');
  assert.deepEqual(
    sliderOf(figure).steps.map(({ label }) => label),
    ['10', '20', '30', '50'],
  );
  const means = figure.frames!.map(({ name }) => {
    const open = panel(shownAt(figure, name), { name: 'open channels' }).y as number[];
    assert.equal(open[0], 100);
    return open.at(-1)!;
  });
  const recorded = sweep.records
    .filter(({ name }) => name!.startsWith('tune'))
    .map(({ channels }) => Number((100 - (100 * channels!.closed) / channels!.all).toFixed(1)));
  assert.deepEqual(means, recorded);
});
