import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';
import { readRun } from 'sparsebook/training/log/readRun.js';
import { sparsebook, tiny } from '../sparsebook.ts';

const folder = mkdtempSync(join(tmpdir(), 'sparsebook-lost-'));
after(() => rmSync(folder, { recursive: true }));

/** Starts a command and closes one of its streams once it has written to it. */
async function closing(stream: 'stdout' | 'stderr', ...words: string[]): ReturnType<typeof sparsebook>['ended'] {
  const { child, ended } = sparsebook(words, { SPARSEBOOK_DATA: folder });
  child[stream]?.once('data', () => child[stream]?.destroy());
  return ended;
}

const long = tiny.map((word) => (word.startsWith('epochs') ? 'epochs=400' : word));

test('training whose output is closed saves between two steps and logs that it was stopped', async () => {
  const { code } = await closing('stderr', 'train', 'l0-googlenet', ...long);
  assert.equal(code, 141);
  const [run] = readdirSync(join(folder, 'runs'));
  const { events } = await readRun(join(folder, 'runs', run));
  const end = events.at(-1);
  assert.ok(end?.type === 'end' && end.reason === 'aborted', JSON.stringify(end));
  const { step } = await loadCheckpoint(join(folder, 'runs', run, 'checkpoints', 'last'));
  assert.equal(step, end.step);
});

test('other commands end silently when their reader has gone', async () => {
  const checkpoint = join(folder, 'runs', readdirSync(join(folder, 'runs'))[0], 'checkpoints', 'last');
  const measured = [`ckpt_path=${checkpoint}`, 'backend=simd', 'threads=1', 'latency.runs=100000'];
  for (const words of [
    ['test', ...measured],
    ['compact', ...measured],
  ]) {
    const { code, stderr } = await closing('stdout', ...words);
    assert.deepEqual([code, stderr], [141, ''], words[0]);
  }
});
