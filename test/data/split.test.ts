import assert from 'node:assert/strict';
import { test } from 'node:test';
import { split } from 'sparsebook/data/dataSplits.js';

test('the split of CIFAR-10 is 45,000 to 5,000, complete, and never changes', () => {
  const { training, validation, hash } = split(50_000, 5_000);
  assert.equal(training.length, 45_000);
  assert.equal(validation.length, 5_000);
  assert.equal(new Set([...training, ...validation]).size, 50_000);
  assert.equal(hash, 'd6311ca07c6916d1');
});

test('a smaller split takes the first pictures of either side and has a hash of its own', () => {
  const whole = split(1000, 100);
  const part = split(1000, 100, { training: 50, validation: 20 });
  assert.deepEqual(part.training, whole.training.slice(0, 50));
  assert.deepEqual(part.validation, whole.validation.slice(0, 20));
  assert.notEqual(part.hash, whole.hash);
  assert.notEqual(split(1000, 100, { training: 50, validation: 21 }).hash, part.hash);
});
