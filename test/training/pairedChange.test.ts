import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { answers, evaluate, pairedChange } from 'sparsebook/training/evaluate.js';
import { colours, smallNet } from './small.ts';

const bits = (text: string): Uint8Array => Uint8Array.from(text, Number);

test('images that become wrong and images that become right are counted separately', () => {
  const change = pairedChange(bits('1111100000'), bits('1110011000'));
  assert.deepEqual([change.images, change.gained, change.lost, change.change], [10, 2, 2, 0]);
  assert.ok(Math.abs(change.error - Math.sqrt(4) / 10) < 1e-12);
});

test('the error is the standard deviation of the paired differences over the square root of their number', () => {
  const [before, after] = [bits('110010111010110'), bits('101011111111110')];
  const differences = [...before].map((right, i) => after[i] - right);
  const mean = differences.reduce((sum, d) => sum + d, 0) / differences.length;
  const variance = differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / differences.length;
  const change = pairedChange(before, after);
  assert.ok(Math.abs(change.change - mean) < 1e-12);
  assert.ok(Math.abs(change.error - Math.sqrt(variance / differences.length)) < 1e-12);
});

test('answers to other images are refused', () => {
  assert.throws(() => pairedChange(bits('10'), bits('100')), { name: 'UserError', message: /received 2 and 3/ });
  assert.throws(() => pairedChange(bits(''), bits('')), { name: 'UserError' });
});

test('a network is right on as many images as its accuracy says', async () => {
  await useBackend({ backend: 'cpu' });
  const model = smallNet();
  const set = colours(40, 2);
  const { right, loss } = await answers(model, set, { batchSize: 16 });
  const scores = await evaluate(model, set, { batchSize: 7 });
  assert.equal(right.length, 40);
  assert.equal(right.reduce((sum, hit) => sum + hit, 0) / 40, scores.accuracy);
  assert.ok(Math.abs(loss - scores.loss) < 1e-5);
  assert.ok(right.some((hit) => hit === 1) && right.some((hit) => hit === 0));
});
