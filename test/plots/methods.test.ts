import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import * as plots from 'sparsebook';
import { accuracyMargin } from 'sparsebook/plots/accuracy.js';
import { gammaPaths } from 'sparsebook/plots/proximalStep.js';
import { rankFilters, type ReprRanking } from 'sparsebook/sparsity/orthogonality.js';
import { softThreshold } from 'sparsebook/sparsity/ista.js';
import { figures, reprRecords, scores } from './sampleFigures.ts';

const of = (figure: plots.Figure, name: string): plots.Trace => {
  const found = figure.data.find((trace) => trace.name === name);
  assert.ok(found, `no trace ${name}`);
  return found;
};

test('a gamma that the loss supports with less than the penalty reaches exactly 0 only by proximal steps', () => {
  const { gradient, subgradient, proximal } = gammaPaths({ minimum: 0.2, l1_penalty: 0.5, learning_rate: 0.1 });
  assert.equal(gradient.length, 61);
  assert.ok(Math.abs(gradient.at(-1)! - 0.2) < 0.01);
  assert.ok(proximal.slice(-20).every((gamma) => gamma === 0));
  assert.ok(subgradient.slice(-20).every((gamma) => gamma !== 0 && Math.abs(gamma) < 0.1));
  assert.ok(subgradient.slice(-20).some((gamma) => gamma < 0));
});

test('a gamma that the loss supports with more than the penalty ends where the two balance', () => {
  const { proximal } = gammaPaths({ minimum: 0.8, l1_penalty: 0.3, learning_rate: 0.1, steps: 300 });
  assert.ok(Math.abs(proximal.at(-1)! - 0.5) < 1e-6);
});

test("the figure's map is the one used in training", () => {
  const { x, y } = of(figures.proximalStep, 'threshold 0.3');
  const wanted = softThreshold(tf.tensor1d(x as number[]), 0.3).dataSync();
  (y as number[]).forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-6));
});

test('there is a line for each gamma, versions follow one another, and a line ends where its channel was cut out', () => {
  const { x, y } = of(figures.gammasOverSteps, 'stage1 first');
  assert.deepEqual(x, [10, 20, null, 10, 20, null, 10, 20, null, 35, null, 35, null]);
  assert.deepEqual(y, [1, 1.1, null, 0.8, 0.6, null, 0.5, 0, null, 1.2, null, 0.7, null]);
  assert.match(figures.gammasOverSteps.layout.meta.alt, /not 0 at the end are 2 of 3 in stage1 first\./);
});

test('the history of versions has accuracy, fake sparsity and group lasso at the steps where they were measured', () => {
  const figure = figures.versionsOverSteps;
  assert.deepEqual(of(figure, 'validation accuracy').x, [25, null, 35, null]);
  assert.deepEqual(of(figure, 'fake sparsity').y, [0, 100 * (1 / 3), null, 0, null]);
  assert.deepEqual(
    (figure.layout.shapes as { x0: number }[]).map(({ x0 }) => x0),
    [25],
  );
  assert.match(figure.layout.meta.alt, /warm-up: fake sparsity 33\.3 %, group lasso 1\.7, 80\.0 % right on validation/);
});

test('the margin of an accuracy is the margin of a proportion of that many images', () => {
  assert.ok(Math.abs(accuracyMargin({ accuracy: 0.9, images: 100 }) - 1.96 * 0.03) < 1e-12);
  assert.equal(accuracyMargin({ accuracy: 1, images: 10 }), 0);
});

test('a sweep has a line for each weight decay, by increasing penalty', () => {
  const figure = figures.penaltySweep;
  assert.deepEqual(of(figure, 'weight_decay 0').x, ['0', '0.1']);
  assert.deepEqual(of(figure, 'weight_decay 0').y, [0, 50]);
  assert.deepEqual((figure.layout.xaxis as { categoryarray: string[] }).categoryarray, ['0', '0.1']);
});

interface Shape {
  type: string;
  x0: number;
  x1: number;
  xref?: string;
}
const shapesOf = (name: string, type: string): Shape[] =>
  (figures[name].layout.shapes as Shape[]).filter((shape) => shape.type === type);

test('the Gram matrices show |cos|, blank the diagonal, and give the mean without filters that are off', () => {
  const { data, layout } = figures.gramMatrices;
  assert.equal(data.length, 4);
  assert.deepEqual(data[0].z, [
    [null, 0.4, 0],
    [0.4, null, 0],
    [0, 0, null],
  ]);
  assert.match(layout.meta.alt, /before: 0\.4 in block1 conv and 0\.2 in block2 conv/);
});

test('S2 is grey from the end of the previous epoch to its own, in every panel, and standard training has none', () => {
  assert.deepEqual(
    shapesOf('reprCurves', 'rect').map(({ x0, x1 }) => [x0, x1]),
    [[2, 3]],
  );
  assert.deepEqual(shapesOf('reprCurvesOfOneRun', 'rect'), []);
  assert.deepEqual(
    shapesOf('overlapDuringTraining', 'rect').map(({ xref, x0, x1 }) => [xref, x0, x1]),
    [
      ['x', 2, 3],
      ['x2', 2, 3],
    ],
  );
});

test('the cycle has the gaps of its schedule: filters end where they are pruned and continue where they return', () => {
  const { data } = figures.reprCycle;
  assert.deepEqual(
    data.map(({ name }) => name),
    ['as it started', 'come back once', 'come back twice', 'S2: those with a gap are off'],
  );
  const bars = data.slice(0, 3);
  const parts = bars.flatMap(({ base, x, y }) =>
    (base as number[]).map((from, i) => ({ f: (y as number[])[i], from, to: from + (x as number[])[i] })),
  );
  for (let epoch = 0; epoch < 8; epoch++) {
    const on = parts.filter(({ from, to }) => from <= epoch && epoch < to).length;
    assert.equal(on, epoch === 2 || epoch === 5 ? 7 : 10, `epoch ${epoch}`);
  }
});

test('curves of several seeds are drawn as their mean, with the range of validation as a band', () => {
  const line = figures.reprCurves.data.find(({ name }) => name === 'RePr, validation');
  assert.deepEqual(
    (line!.y as number[]).map((value) => Number(value.toFixed(6))),
    [11, 20, 29, 38, 47],
  );
  const band = figures.reprCurves.data.find(({ fill }) => fill === 'toself');
  assert.deepEqual(
    (band!.y as number[]).map((value) => Number(value.toFixed(6))),
    [12, 21, 30, 39, 48, 46, 37, 28, 19, 10],
  );
  assert.ok(!figures.reprCurvesOfOneRun.data.some(({ fill }) => fill === 'toself'));
});

test('the filter map has a row for each pruning and a column for each filter', () => {
  assert.deepEqual(figures.filterMap.data[0].z, [[1, 1, 0, 1, 0]]);
  assert.match(figures.filterMap.layout.meta.alt, /RePr: 1 in block1 conv and 1 in block2 conv\. reverse: /);
  const stages = reprRecords(1)[0].history.prunings.length;
  assert.deepEqual(
    figures.filterMap.data[0].y,
    Array.from({ length: stages }, (_, stage) => stage + 1),
  );
});

test('a mean has its interval as a bar, a single value has none and is hollow', () => {
  const [standard, repr] = figures.accuracyIntervals.data as unknown as {
    x: number[];
    error_x: { array: (number | null)[] };
    marker: { symbol: string[] };
  }[];
  assert.deepEqual(
    [standard.x, standard.error_x.array],
    [
      [72.1, 65],
      [null, 2],
    ],
  );
  assert.deepEqual(standard.marker.symbol, ['circle-open', 'circle']);
  assert.deepEqual(repr.error_x.array, [3]);
  assert.match(figures.accuracyIntervals.layout.meta.alt, /paper, standard: 72\.1 % \(one value\).*± 3\.0, n = 3/);
});

test('scores are filled where the rule prunes them', () => {
  const [pruned, kept] = figures.filterScores.data;
  const rules: ReprRanking[] = ['global', 'perLayer', 'depthNormalised'];
  const flags = rules.map((ranking) => rankFilters(scores, { prune_ratio: 0.3, ranking }));
  const expected = flags.flatMap((rule) => scores.flatMap((layer, l) => layer.scores.filter((_, f) => rule[l][f])));
  assert.deepEqual(pruned.y, expected);
  assert.equal((kept.y as number[]).length + expected.length, 3 * 8);
  const { shapes } = plots.filterScores(scores, { prune_ratio: 0.3 }).layout as unknown as { shapes: { y0: number }[] };
  assert.equal(shapes[0].y0.toFixed(4), (0.75 * Math.sqrt(2 / (27 * Math.PI))).toFixed(4));
});
