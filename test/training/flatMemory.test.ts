import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { randomFlip } from 'sparsebook/data/augment.js';
import { combineSparsifiers } from 'sparsebook/sparsity/combineSparsifiers.js';
import type { Sparsifier } from 'sparsebook/sparsity/sparsifier.js';
import { freezeSparsifier } from 'sparsebook/sparsity/freeze.js';
import { istaSparsifier } from 'sparsebook/sparsity/ista.js';
import { iterative } from 'sparsebook/sparsity/schedules.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { reprSparsifier } from 'sparsebook/sparsity/repr.js';
import { AdamW } from 'sparsebook/training/adam.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { WeightAverages } from 'sparsebook/training/weightAverages.js';
import { assertFlatMemory } from './flatMemory.ts';
import { colours, smallNet } from './small.ts';

await useBackend({ backend: 'simd', threads: 1 });
const data = { train: colours(80), validation: colours(8, 2) };
const shared = { data, batchSize: 4, augment: [randomFlip] };

test('memory stays flat over 1,000 steps without a method', async () => {
  const model = smallNet({ gates: false });
  const averages = new WeightAverages(model);
  await assertFlatMemory({ ...shared, model, averages, optimizer: new Sgd({ momentum: 0.9 }) });
});

test('memory stays flat over 250 steps of L0', async () => {
  const model = smallNet();
  const sparsifier = l0Sparsifier(model, { lambda_l0: 1, lr_gates: 0.05, clampLogAlpha: true });
  await assertFlatMemory({ ...shared, model, sparsifier, optimizer: new AdamW({ lr: 0.01 }) }, 250);
});

test('memory stays flat over 250 steps of ISTA', async () => {
  const model = smallNet({ gates: false });
  const sparsifier = istaSparsifier(model, { l1_penalty: 1 });
  const averages = new WeightAverages(model);
  await assertFlatMemory({ ...shared, model, averages, sparsifier, optimizer: new Sgd({ lr: 0.05 }) }, 250);
});

test('memory stays flat over 250 steps of RePr, its cycles included', async () => {
  const model = smallNet({ gates: false });
  const sparsifier = reprSparsifier(model, { S1: 1, S2: 1, prune_ratio: 0.5 });
  await assertFlatMemory({ ...shared, model, sparsifier, optimizer: new Sgd({ lr: 0.05, momentum: 0.9 }) }, 250);
});

test('memory stays flat over 250 steps of repeated pruning with a frozen kernel', async () => {
  const model = smallNet({ gates: false });
  const magnitude = magnitudeSparsifier(model, { plan: iterative(0.1, { times: 20 }), restore: true });
  const sparsifier = combineSparsifiers(magnitude, freezeSparsifier(model, { first: 1 }));
  await assertFlatMemory({ ...shared, model, sparsifier, optimizer: new AdamW({ lr: 0.01 }) }, 250);
});

test('a method that keeps a tensor per epoch is detected', async () => {
  const kept: tf.Tensor[] = [];
  const sparsifier: Sparsifier = {
    name: 'hoarder',
    beforeEpoch: () => void kept.push(tf.zeros([1])),
    channelMasks: () => new Map(),
    state: () => ({}),
    restore: () => undefined,
  };
  const model = smallNet({ gates: false });
  await assert.rejects(
    assertFlatMemory({ ...shared, model, sparsifier }, 200),
    /tensors: \d+ in the first half, \d+ in/,
  );
});

test('a method that keeps values per epoch is detected', async () => {
  const kept: number[][] = [];
  const sparsifier: Sparsifier = {
    name: 'archivist',
    beforeEpoch: () => void kept.push(Array.from({ length: 20_000 }, (_, i) => i / 3)),
    channelMasks: () => new Map(),
    state: () => ({}),
    restore: () => undefined,
  };
  const model = smallNet({ gates: false });
  await assert.rejects(assertFlatMemory({ ...shared, model, sparsifier }, 200), /heap grows by \d+ bytes a step/);
});
