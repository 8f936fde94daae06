import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { Random } from 'sparsebook/backend/random.js';
import {
  defaultHardConcrete,
  inferenceMask,
  expectedOpen,
  probabilityNonZero,
  sampleMask,
  type HardConcrete,
} from 'sparsebook/layers/hardConcrete.js';
import * as hardConcreteCurves from 'sparsebook/layers/hardConcreteCurves.js';
import { assertGradient } from '../gradients.ts';

await tf.setBackend('cpu');
const { cdf, density, mask, openProbability, pointMasses, quantile, testMask } = hardConcreteCurves;

const logAlphas = fc.float({ min: -20, max: 20, noNaN: true });
const noises = fc.float({ min: Math.fround(1e-6), max: Math.fround(1 - 1e-6), noNaN: true });
const temperatures = fc.double({ min: 0.1, max: 2, noNaN: true });
const shapeOf = (temperature: number): HardConcrete => ({ ...defaultHardConcrete, temperature });

test('masks always lie in [0, 1], sampled or not', () => {
  fc.assert(
    fc.property(logAlphas, noises, temperatures, (logAlpha, u, temperature) => {
      const shape = shapeOf(temperature);
      tf.tidy(() => {
        const [a, noise] = [tf.tensor1d([logAlpha]), tf.tensor2d([[u]])];
        for (const m of [sampleMask(a, noise, shape), inferenceMask(a, shape)]) {
          const [value] = m.dataSync();
          assert.ok(value >= 0 && value <= 1, `${value}`);
        }
      });
      assert.ok(mask(u, logAlpha, shape) >= 0 && mask(u, logAlpha, shape) <= 1);
    }),
  );
});

test('the penalty never falls when logAlpha rises', () => {
  fc.assert(
    fc.property(logAlphas, logAlphas, temperatures, (a, b, temperature) => {
      const penalty = (logAlpha: number): number =>
        tf.tidy(() => probabilityNonZero(tf.tensor1d([logAlpha]), shapeOf(temperature)).dataSync()[0]);
      assert.ok(penalty(Math.min(a, b)) <= penalty(Math.max(a, b)));
    }),
  );
});

test('the tensor functions agree with the closed forms for plots', () => {
  fc.assert(
    fc.property(logAlphas, noises, temperatures, (logAlpha, u, temperature) => {
      const shape = shapeOf(temperature);
      tf.tidy(() => {
        const a = tf.tensor1d([logAlpha]);
        const near = (t: tf.Tensor, value: number): void => {
          const [actual] = t.dataSync();
          assert.ok(Math.abs(actual - value) < 1e-5, `${actual} is not ${value}`);
        };
        near(probabilityNonZero(a, shape), openProbability(logAlpha, shape));
        near(inferenceMask(a, shape), testMask(logAlpha, shape));
        near(sampleMask(a, tf.tensor2d([[u]]), shape), mask(u, logAlpha, shape));
      });
    }),
  );
});

test('the quantile undoes the cumulative distribution', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -3, max: 3, noNaN: true }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      temperatures,
      (logAlpha, u, temperature) => {
        const x = quantile(u, logAlpha, shapeOf(temperature));
        // Near the ends of the stretched interval x has too few digits left to determine u.
        fc.pre(x > -0.0999 && x < 1.0999);
        assert.ok(Math.abs(cdf(x, logAlpha, shapeOf(temperature)) - u) < 1e-6);
      },
    ),
  );
});

test('the density is the slope of the cumulative distribution, and with the point masses sums to one', () => {
  for (const logAlpha of [-2, 0, 1.5]) {
    for (const x of [-0.05, 0.2, 0.5, 0.9, 1.05]) {
      const h = 1e-6;
      const slope = (cdf(x + h, logAlpha) - cdf(x - h, logAlpha)) / (2 * h);
      assert.ok(Math.abs(density(x, logAlpha) - slope) < 1e-5 * slope, `at ${x}`);
    }
    const { zero, one } = pointMasses(logAlpha);
    const n = 20000;
    let inside = 0;
    for (let i = 0; i < n; i++) inside += density((i + 0.5) / n, logAlpha) / n;
    assert.ok(Math.abs(zero + inside + one - 1) < 1e-6);
  }
  assert.equal(density(-0.2, 0), 0);
  assert.equal(density(1.2, 0), 0);
});

test('the share of open masks in many samples agrees with P(mask != 0) within four standard errors', () => {
  const n = 40000;
  for (const logAlpha of [-4, -2, 0, 2]) {
    const random = new Random(11);
    let open = 0;
    for (let i = 0; i < n; i++) open += mask(random.next(), logAlpha) > 0 ? 1 : 0;
    const p = openProbability(logAlpha);
    const error = Math.sqrt((p * (1 - p)) / n);
    assert.ok(Math.abs(open / n - p) < 4 * error, `logAlpha ${logAlpha}: ${open / n} against ${p} +- ${error}`);
  }
});

test('gradients with respect to logAlpha agree with finite differences', () => {
  const logAlpha = tf.tensor1d([-2, -0.5, 0.3, 1.2]);
  const noise = tf.tensor2d([
    [0.8, 0.4, 0.6, 0.3],
    [0.9, 0.6, 0.3, 0.25],
  ]);
  const weights = tf.tensor2d([
    [1, -2, 3, 0.5],
    [0.5, 1, -1, 2],
  ]);
  assertGradient((a) => sampleMask(a, noise).mul(weights).sum(), logAlpha, 'sampled mask');
  assertGradient((a) => inferenceMask(a).mul(weights).sum(), logAlpha, 'inference mask');
  assertGradient((a) => probabilityNonZero(a).sum(), logAlpha, 'probability of being open');
  assertGradient((a) => expectedOpen(a, 3), logAlpha, 'expected number of open gates');
});
