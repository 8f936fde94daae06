import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { uniform } from 'sparsebook/backend/random.js';
import { clearOrphans } from 'sparsebook/platform/asideName.js';
import { listCheckpoints } from 'sparsebook/training/checkpoint/listCheckpoints.js';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';
import { fuzzRuns } from '../../fuzz.ts';
import { temporaryFolder } from './sample.ts';

const kills = fuzzRuns(80);
const saver = join(import.meta.dirname, 'saver.mjs');

/** Starts a saver, kills it at a random moment of its work; returns its lines of output. */
async function killed(dir: string, firstStep: number, moment: number): Promise<string[]> {
  const child: ChildProcess = spawn(process.execPath, [saver, dir, String(firstStep)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(child.stdout!, 'data');
  await sleep(25 * moment);
  child.kill('SIGKILL');
  const [, signal] = (await once(child, 'close')) as [number | null, string];
  assert.equal(signal, 'SIGKILL', said);
  return said.split('\n').slice(1, -1);
}

/** Kills savers in their own folder, one after another; returns how many died with a half-finished save. */
async function lane(dir: string, number: number, count: number): Promise<number> {
  mkdirSync(dir);
  let orphaned = 0;
  let saved = -1;
  for (let kill = 0; kill < count; kill++) {
    const said = await killed(dir, saved + 1, uniform(number, kill));
    saved = Number(said.at(-1) ?? saved);
    if (readdirSync(dir).some((entry) => entry.startsWith('.'))) orphaned++;
    await clearOrphans(dir);
    const { checkpoints, damaged } = await listCheckpoints(dir);
    assert.deepEqual(damaged, []);
    assert.deepEqual(
      readdirSync(dir).filter((entry) => entry.startsWith('.')),
      [],
    );
    for (const { path, step } of checkpoints) {
      const { weights, optimizer } = await loadCheckpoint(path);
      assert.ok(weights.get('w')!.values.every((value) => value === step));
      assert.equal((optimizer.state.w as { step: number }).step, step);
    }
    const last = checkpoints.at(-1)?.step ?? -1;
    assert.ok(last >= saved, `step ${saved} was said to be saved, ${last} is there`);
    saved = last;
  }
  return orphaned;
}

test(`${kills} writers killed at random moments leave no unreadable checkpoint, and no orphan after a start`, async (t) => {
  const lanes = [1, 2].map((number) => lane(join(temporaryFolder(t), 'checkpoints'), number, kills / 2));
  const orphaned = (await Promise.all(lanes)).reduce((a, b) => a + b);
  t.diagnostic(`${orphaned} of ${kills} died with a save half done`);
  assert.ok(orphaned > kills / 20, `only ${orphaned} of ${kills} died within a save: the others prove little`);
});
