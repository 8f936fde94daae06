import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { experiment } from 'sparsebook/experiments/experiment.js';
import { carriedRuns } from 'sparsebook/notebook/page/carriedRuns.js';
import type { Notebook, Output } from 'sparsebook/notebook/run/notebook.js';
import { codeCell, notebookOf } from '../report/fixture.ts';

test('a page carries the finished runs that outputs name, without paths of the machine, and with their weights if they fit', async (t) => {
  await useBackend({ backend: 'simd', threads: 1 });
  // Inside a home folder, whose name must not get into a page.
  const folder = mkdtempSync(join(homedir(), '.sparsebook-carried-'));
  t.after(() => rmSync(folder, { recursive: true }));
  process.env.SPARSEBOOK_DATA = folder;
  const data = await loadData('synthetic', { sizes: { train: 16, validation: 8, test: 8 }, imageSize: '8x8' });
  const ask = (width: number) =>
    experiment({ network: { name: 'c3', width }, data, recipe: { epochs: 1, batch_size: 16, optimizer: 'adam' } });
  const [small, large] = [await ask(0.125).finish(), await ask(6).finish()];
  const runs = [small, large, small].map(({ dir }) => ({ id: basename(dir!) }));
  const told = (metadata: object): Notebook =>
    notebookOf(codeCell('1', { outputs: [{ output_type: 'display_data', data: {}, metadata: { ...metadata } }] }));
  const named = [...runs, { id: '../elsewhere' }, { id: 'gone', name: 'a run that is gone' }, { id: 3 }].map((run) => ({
    name: 'a run',
    ...run,
  }));
  const { files: carried, missing } = carriedRuns(told({ sparsebook: { runs: named } }), folder);
  assert.deepEqual(missing, ['a run that is gone']);
  assert.deepEqual(carriedRuns(told({ sparsebook: { runs: 'none' } }), folder), { files: new Map(), missing: [] });
  const odd = ['text', 7, null, [], {}, { output_type: 'display_data', metadata: 'x' }] as unknown as Output[];
  assert.deepEqual(carriedRuns(notebookOf(codeCell('1', { outputs: odd })), folder), { files: new Map(), missing: [] });
  for (const [path, bytes] of carried) assert.ok(!Buffer.from(bytes).includes(homedir()), path);

  const elsewhere = join(folder, 'elsewhere');
  for (const [path, bytes] of carried) {
    mkdirSync(dirname(join(elsewhere, path)), { recursive: true });
    writeFileSync(join(elsewhere, path), bytes);
  }
  process.env.SPARSEBOOK_DATA = join(elsewhere, 'data');
  for (const [run, width, trains] of [
    [small, 0.125, false],
    [large, 6, true],
  ] as const) {
    const again = await ask(width).finish();
    assert.deepEqual(again.record, run.record);
    const before = again.dir;
    assert.deepEqual(await again.evaluate('test'), await run.evaluate('test'));
    assert.equal(again.dir !== before, trains);
    for (const each of [again, run]) each.dispose();
  }
});
