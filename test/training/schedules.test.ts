import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exponentialDecay, multiStep, oneCycle } from 'sparsebook/training/schedules.js';
import { assertClose } from '../goldens.ts';

test('one cycle rises from base / 25 to base and falls to base / 250,000, without jumps', () => {
  const schedule = oneCycle();
  const rates = Array.from({ length: 101 }, (_, step) => schedule({ epoch: 0, step, totalSteps: 100 }));
  const top = rates.indexOf(Math.max(...rates));
  assert.equal(top, 29);
  // (1/25 + 1)/2 halfway up, (1 + 4e-6)/2 halfway down.
  assertClose([rates[0], rates[29], rates[64], rates[99]], [0.04, 1, 0.500002, 4e-6], { relative: 1e-9 }, 'rates');
  assert.equal(rates[100], rates[99], 'stays at the end');
  for (let i = 1; i < 100; i++) {
    assert.ok(i <= top ? rates[i] > rates[i - 1] : rates[i] < rates[i - 1], `step ${i}`);
    assert.ok(Math.abs(rates[i] - rates[i - 1]) < 0.06);
  }
});

test('one cycle has a rate for every step, however short the run', () => {
  for (let totalSteps = 1; totalSteps <= 40; totalSteps++) {
    for (let step = 0; step <= totalSteps; step++) {
      const rate = oneCycle()({ epoch: 0, step, totalSteps });
      assert.ok(rate > 0 && rate <= 1, `${rate} at step ${step} of ${totalSteps}`);
    }
  }
});

test('schedules whose numbers would stop or break training are refused', () => {
  for (const [make, message] of [
    [() => multiStep({ gamma: NaN }), /gamma must be a number of at least 0; received NaN/],
    [() => multiStep({ milestones: [NaN] }), /milestones must be a list, each a whole number of at least 0/],
    [() => exponentialDecay({ decaySteps: 0, factor: 0.5 }), /decaySteps must be a number above 0; received 0/],
    [() => exponentialDecay({ decaySteps: 10, factor: -1 }), /factor must be a number of at least 0; received -1/],
  ] as const) {
    assert.throws(make, { name: 'UserError', message });
  }
});
