import assert from 'node:assert/strict';
import * as nodeFiles from 'node:fs/promises';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cleanCheckpoints, loadCheckpoint, saveCheckpoint, type FileSystem } from 'sparsebook/training';
import { sample, temporaryFolder } from './sample.ts';

/** The real file system, whose n-th call of what changes something fails with a code. Counts the calls. */
function failing(n: number, code: string): { files: FileSystem; calls: string[] } {
  const calls: string[] = [];
  const perhaps = (what: string): void => {
    calls.push(what);
    if (calls.length === n + 1) throw Object.assign(new Error(`${code}: injected, ${what}`), { code });
  };
  const files = {
    ...nodeFiles,
    mkdir: async (...args: Parameters<typeof nodeFiles.mkdir>) => (perhaps('mkdir'), nodeFiles.mkdir(...args)),
    rename: async (...args: Parameters<typeof nodeFiles.rename>) => (perhaps('rename'), nodeFiles.rename(...args)),
    open: async (...args: Parameters<typeof nodeFiles.open>) => {
      perhaps('open');
      const handle = await nodeFiles.open(...args);
      return new Proxy(handle, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          return async (...given: unknown[]): Promise<unknown> => {
            // Half of the file is there when the disk is full.
            if (name === 'writeFile' && calls.length === n) {
              await target.writeFile((given[0] as Uint8Array).subarray(0, 20));
            }
            if (name !== 'close') perhaps(String(name));
            return (value as (...args: unknown[]) => Promise<unknown>).apply(target, given);
          };
        },
      });
    },
  } as FileSystem;
  return { files, calls };
}

for (const code of ['ENOSPC', 'EROFS', 'EIO']) {
  test(`${code} at any call of a save leaves the old checkpoint and nothing else, and names the path`, async (t) => {
    const dir = temporaryFolder(t);
    await saveCheckpoint(dir, 'other', sample(1));
    const path = await saveCheckpoint(dir, 'same', sample(2));
    const counted = failing(Infinity, code);
    await saveCheckpoint(dir, 'same', sample(2), counted.files);
    // All calls but the two that only delete the replaced one.
    const calls = counted.calls.slice(0, -1);
    for (const what of ['mkdir', 'open', 'writeFile', 'sync', 'rename']) assert.ok(calls.includes(what), what);

    for (let n = 0; n < calls.length; n++) {
      const { files } = failing(n, code);
      const where = `${calls[n]}, call ${n}`;
      await assert.rejects(
        saveCheckpoint(dir, 'same', sample(9), files),
        (error: Error) => {
          assert.equal(error.name, 'UserError');
          assert.ok(error.message.startsWith(`${path} cannot be saved: ${code}: injected, ${calls[n]}`), error.message);
          assert.match(error.message, /Whatever was saved before is as it was/);
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
  const { files, calls } = failing(Infinity, 'EACCES');
  const stuck = { ...files, rm: () => Promise.reject(new Error('EACCES')) } as FileSystem;
  await saveCheckpoint(dir, 'same', sample(2), stuck);
  assert.ok(calls.length > 0);
  assert.equal((await loadCheckpoint(path)).step, 2);
  assert.equal(readdirSync(dir).length, 2);
  assert.equal(await cleanCheckpoints(dir), 1);
  assert.deepEqual(readdirSync(dir), ['same']);
});

test('a folder that cannot be one is named', async (t) => {
  const dir = temporaryFolder(t);
  writeFileSync(join(dir, 'file'), '');
  const inside = join(dir, 'file', 'checkpoints');
  const refused = (work: Promise<unknown>): Promise<void> =>
    assert.rejects(work, (error: Error) => error.name === 'UserError' && error.message.includes(inside));
  await refused(saveCheckpoint(inside, 'x', sample(1)));
  await refused(cleanCheckpoints(inside));
  mkdirSync(join(dir, 'free'));
  await saveCheckpoint(join(dir, 'free', 'new', 'folder'), 'x', sample(1));
});
