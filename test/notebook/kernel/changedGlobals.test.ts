// Cells that change globals on which the kernel depends: a client that waits for a reply gets one, or learns that the
// kernel ended.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findKernelSpec } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { KernelClient } from 'sparsebook/notebook/kernel/client/kernelClient.js';
import { hearing } from './cells.ts';

const LONGEST_MILLISECONDS = 120_000;

/** Runs cells one after another; returns their statuses, the output and the traceback. */
async function outcomesOf(...cells: string[]): Promise<string[]> {
  const kernel = await KernelClient.start({ spec: findKernelSpec('tslab'), cwd: process.cwd() });
  const { hear, heard } = hearing();
  try {
    const outcomes: string[] = [];
    for (const cell of cells) outcomes.push((await kernel.execute(cell, hear)).status);
    return [...outcomes, heard.stdout(), heard.traceback()];
  } finally {
    await kernel.kill();
  }
}

test(
  'after a cell that replaces Promise the kernel says why cells fail',
  { timeout: LONGEST_MILLISECONDS },
  async () => {
    const replaced = 'globalThis.Promise = class { then() { return this; } } as any;';
    const [first, second, , traceback] = await outcomesOf(replaced, '1');
    assert.match(first, /ok|error/);
    assert.equal(second, 'error');
    assert.match(traceback, /TypeError: .* is not a function/);
  },
);

test(
  'a cell that removes Buffer ends the kernel, which can no longer read',
  { timeout: LONGEST_MILLISECONDS },
  async () => {
    const outcomes = await outcomesOf('(globalThis as any).Buffer = undefined;', '1');
    assert.equal(outcomes[1], 'dead');
  },
);
