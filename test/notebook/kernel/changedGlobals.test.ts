// Cells that change what the kernel itself works with: whoever waits for an answer gets one, or hears that the kernel
// ended.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findKernelSpec } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { KernelClient } from 'sparsebook/notebook/kernel/client/kernelClient.js';
import { hearing } from './cells.ts';

const LONGEST_MILLISECONDS = 120_000;

/** What becomes of two cells, one after the other. */
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
  'a cell that replaces Promise leaves a kernel that says why cells fail',
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
  'a cell that takes Buffer away ends the kernel, which can read no more',
  { timeout: LONGEST_MILLISECONDS },
  async () => {
    const outcomes = await outcomesOf('(globalThis as any).Buffer = undefined;', '1');
    assert.equal(outcomes[1], 'dead');
  },
);
