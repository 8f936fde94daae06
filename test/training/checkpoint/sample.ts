// A small checkpoint without a network, and a folder that is deleted after the test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { CheckpointState } from 'sparsebook/training/checkpoint/checkpoint.js';

/** A state whose every value depends on the step. */
export function sample(step: number, accuracy?: number): CheckpointState {
  const values = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => step + i / 8);
  return {
    step,
    epoch: Math.floor(step / 5),
    validation: accuracy === undefined ? undefined : { loss: 1, accuracy },
    early: false,
    settings: { lambda_l0: 0.5, nested: { milestones: [1, 2] } },
    provenance: { version: '0.1.0', engine: 'Node 20', backend: 'cpu', date: '2026-01-31T12:00:00.000Z' },
    draws: { gate: step },
    weights: new Map([
      ['conv/kernel', { shape: [3, 4], values: values(12) }],
      ['conv/bias', { shape: [4], values: values(4) }],
      ['scale', { shape: [], values: values(1) }],
    ]),
    optimizer: { name: 'AdamW', state: { 'conv/kernel': { step, m: values(12), v: values(12) }, 'a~b': {} } },
    averages: { steps: step, averages: { 'conv/kernel': values(12), scale: values(1) } },
    sparsifier: { name: 'L0', state: { draws: { gate: step }, odd: NaN, low: -Infinity, zero: -0, none: null } },
  };
}

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sparsebook-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
