import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { clearOrphans } from 'sparsebook/platform/asideName.js';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';
import { saveCheckpoint } from 'sparsebook/training/checkpoint/saveCheckpoint.js';
import type { FileSystem } from 'sparsebook/platform/fileSystem.js';
import { failingAt } from '../../platform/failingFiles.ts';
import { sample, temporaryFolder } from './sample.ts';

for (const code of ['ENOSPC', 'EROFS', 'EIO']) {
  test(`${code} at any call of a save leaves only the old checkpoint, and the error names the path`, async (t) => {
    const dir = temporaryFolder(t);
    await saveCheckpoint(dir, 'other', sample(1));
    const path = await saveCheckpoint(dir, 'same', sample(2));
    const counted = failingAt(Infinity, code);
    await saveCheckpoint(dir, 'same', sample(2), counted.files);
    // All calls except the two that only delete the replaced checkpoint.
    const calls = counted.calls.slice(0, -1);
    for (const what of ['mkdir', 'open', 'write', 'sync', 'rename']) assert.ok(calls.includes(what), what);

    for (let n = 0; n < calls.length; n++) {
      const { files } = failingAt(n, code);
      const where = `${calls[n]}, call ${n}`;
      await assert.rejects(
        saveCheckpoint(dir, 'same', sample(9), files),
        (error: Error) => {
          assert.equal(error.name, 'UserError');
          assert.ok(error.message.startsWith(`${path} cannot be saved: ${code}: injected, ${calls[n]}`), error.message);
          assert.match(error.message, /Whatever was saved before is unchanged/);
          return true;
        },
        where,
      );
      assert.deepEqual(await loadCheckpoint(path), { path, ...sample(2) }, where);
      assert.equal((await loadCheckpoint(join(dir, 'other'))).step, 1, where);
      assert.deepEqual(readdirSync(dir).sort(), ['other', 'same'], where);
    }
  });
}

test('a replaced checkpoint that cannot be deleted is cleared away at the next start', async (t) => {
  const dir = temporaryFolder(t);
  const path = await saveCheckpoint(dir, 'same', sample(1));
  const { files, calls } = failingAt(Infinity, 'EACCES');
  const stuck = { ...files, rm: () => Promise.reject(new Error('EACCES')) } as FileSystem;
  await saveCheckpoint(dir, 'same', sample(2), stuck);
  assert.ok(calls.length > 0);
  assert.equal((await loadCheckpoint(path)).step, 2);
  assert.equal(readdirSync(dir).length, 2);
  assert.equal(await clearOrphans(dir), 1);
  assert.deepEqual(readdirSync(dir), ['same']);
});

test('a path that cannot be a folder is named', async (t) => {
  const dir = temporaryFolder(t);
  writeFileSync(join(dir, 'file'), '');
  const inside = join(dir, 'file', 'checkpoints');
  const refused = (work: Promise<unknown>): Promise<void> =>
    assert.rejects(work, (error: Error) => error.name === 'UserError' && error.message.includes(inside));
  await refused(saveCheckpoint(inside, 'x', sample(1)));
  await refused(clearOrphans(inside));
  mkdirSync(join(dir, 'free'));
  await saveCheckpoint(join(dir, 'free', 'new', 'folder'), 'x', sample(1));
});
