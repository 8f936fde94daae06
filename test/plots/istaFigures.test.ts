import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import * as plots from 'sparsebook/plots';
import { softThreshold } from 'sparsebook/sparsity';
import { figures } from './sampleFigures.ts';

const of = (figure: plots.Figure, name: string): plots.Trace => {
  const found = figure.data.find((trace) => trace.name === name);
  assert.ok(found, `no trace ${name}`);
  return found;
};

test('a gamma that the loss supports with less than the penalty gets to exactly 0 by proximal steps alone', () => {
  const { gradient, subgradient, proximal } = plots.gammaPaths({ minimum: 0.2, l1_penalty: 0.5, learning_rate: 0.1 });
  assert.equal(gradient.length, 61);
  assert.ok(Math.abs(gradient.at(-1)! - 0.2) < 0.01);
  assert.ok(proximal.slice(-20).every((gamma) => gamma === 0));
  assert.ok(subgradient.slice(-20).every((gamma) => gamma !== 0 && Math.abs(gamma) < 0.1));
  assert.ok(subgradient.slice(-20).some((gamma) => gamma < 0));
});

test('a gamma that the loss supports with more than the penalty ends where the two are even', () => {
  const { proximal } = plots.gammaPaths({ minimum: 0.8, l1_penalty: 0.3, learning_rate: 0.1, steps: 300 });
  assert.ok(Math.abs(proximal.at(-1)! - 0.5) < 1e-6);
});

test("the figure's map is the one that training uses", () => {
  const { x, y } = of(figures.proximalStep, 'threshold 0.3');
  const wanted = softThreshold(tf.tensor1d(x as number[]), 0.3).dataSync();
  (y as number[]).forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-6));
});

test('a line for each gamma, versions one behind another, and a line ends where its channel was cut out', () => {
  const { x, y } = of(figures.gammasOverSteps, 'stage1 first');
  assert.deepEqual(x, [10, 20, null, 10, 20, null, 10, 20, null, 35, null, 35, null]);
  assert.deepEqual(y, [1, 1.1, null, 0.8, 0.6, null, 0.5, 0, null, 1.2, null, 0.7, null]);
  assert.match(figures.gammasOverSteps.layout.meta.alt, /not 0 at the end are 2 of 3 in stage1 first\./);
});

test('the course of versions has accuracy, fake sparsity and group lasso at the steps they were measured', () => {
  const figure = figures.versionsOverSteps;
  assert.deepEqual(of(figure, 'validation accuracy').x, [25, null, 35, null]);
  assert.deepEqual(of(figure, 'fake sparsity').y, [0, 100 * (1 / 3), null, 0, null]);
  assert.deepEqual(
    (figure.layout.shapes as { x0: number }[]).map(({ x0 }) => x0),
    [25],
  );
  assert.match(figure.layout.meta.alt, /warm-up: fake sparsity 33\.3 %, group lasso 1\.7, 80\.0 % right on validation/);
});

test('the margin of an accuracy is that of a share of so many images', () => {
  assert.ok(Math.abs(plots.accuracyMargin({ accuracy: 0.9, images: 100 }) - 1.96 * 0.03) < 1e-12);
  assert.equal(plots.accuracyMargin({ accuracy: 1, images: 10 }), 0);
});

test('a sweep has a line for each weight decay, by rising penalty', () => {
  const figure = figures.penaltySweep;
  assert.deepEqual(of(figure, 'weight_decay 0').x, ['0', '0.1']);
  assert.deepEqual(of(figure, 'weight_decay 0').y, [0, 50]);
  assert.deepEqual((figure.layout.xaxis as { categoryarray: string[] }).categoryarray, ['0', '0.1']);
});
