import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'sparsebook';
import { clearOrphans } from 'sparsebook/platform/asideName.js';
import { listCheckpoints, pruneCheckpoints } from 'sparsebook/training/checkpoint/listCheckpoints.js';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';
import { saveCheckpoint } from 'sparsebook/training/checkpoint/saveCheckpoint.js';
import { fuzzRuns } from '../../fuzz.ts';
import { sample, temporaryFolder } from './sample.ts';

test('a checkpoint is read as it was saved, odd numbers included', async (t) => {
  const dir = temporaryFolder(t);
  const path = await saveCheckpoint(dir, 'step-000007', sample(7, 0.5));
  assert.equal(path, join(dir, 'step-000007'));
  assert.deepEqual(await loadCheckpoint(path), { path, ...sample(7, 0.5) });
  assert.deepEqual(readdirSync(dir), ['step-000007']);
});

test('its checksums can be verified with sha256sum', async (t) => {
  const dir = temporaryFolder(t);
  const path = await saveCheckpoint(dir, 'one', sample(1));
  const said = execFileSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: path, encoding: 'utf8' });
  assert.match(said, /weights.safetensors: OK\nstate.safetensors: OK\ncheckpoint.json: OK/);
});

test('a checkpoint of the same name is replaced', async (t) => {
  const dir = temporaryFolder(t);
  await saveCheckpoint(dir, 'step', sample(1));
  const path = await saveCheckpoint(dir, 'step', sample(2));
  assert.deepEqual(await loadCheckpoint(path), { path, ...sample(2) });
  assert.deepEqual(readdirSync(dir), ['step']);
});

test('last is the one saved last, best the first with the best validation accuracy among steps that were not repeated', async (t) => {
  const dir = temporaryFolder(t);
  for (const [step, accuracy] of [
    [20, 0.2],
    [30, 0.6],
    [40, 0.6],
    [50, 0.7],
    [45, undefined],
  ] as const) {
    await saveCheckpoint(dir, `step-${step}`, sample(step, accuracy));
  }
  assert.equal((await loadCheckpoint(join(dir, 'last'))).step, 45);
  assert.equal((await loadCheckpoint(join(dir, 'best'))).step, 30);
  const { checkpoints } = await listCheckpoints(dir);
  assert.deepEqual(
    checkpoints.map(({ step }) => step),
    [20, 30, 40, 50, 45],
  );
  await pruneCheckpoints(dir, 1);
  assert.deepEqual(readdirSync(dir).sort(), ['step-30', 'step-45']);
});

test('pruning keeps checkpoints that it cannot read', async (t) => {
  const dir = temporaryFolder(t);
  mkdirSync(join(dir, 'notes'));
  for (const step of [1, 2, 3]) await saveCheckpoint(dir, `step-${step}`, sample(step));
  assert.deepEqual(await pruneCheckpoints(dir, 2), [join(dir, 'step-1')]);
  assert.deepEqual(readdirSync(dir).sort(), ['notes', 'step-2', 'step-3']);
});

test('a missing checkpoint is an error that lists the existing ones', async (t) => {
  const dir = temporaryFolder(t);
  await assert.rejects(loadCheckpoint(join(dir, 'last')), {
    name: 'UserError',
    message: /no checkpoint .*last. There are none/,
  });
  await saveCheckpoint(dir, 'step-1', sample(1));
  await assert.rejects(loadCheckpoint(join(dir, 'step-2')), /no checkpoint .*step-2. There are: step-1, last, best/);
  await assert.rejects(loadCheckpoint(join(dir, 'best')), /no checkpoint .*best/);
  await assert.rejects(loadCheckpoint(dir), /SHA256SUMS cannot be read: .* A checkpoint is a folder with the files/);
  await assert.rejects(saveCheckpoint(dir, '../x', sample(1)), { name: 'UserError', message: /received '..\/x'/ });
});

test('a damaged newer checkpoint is not silently skipped', async (t) => {
  const dir = temporaryFolder(t);
  await saveCheckpoint(dir, 'step-1', sample(1));
  await saveCheckpoint(dir, 'step-2', sample(2));
  writeFileSync(join(dir, 'step-2', 'checkpoint.json'), '{');
  await assert.rejects(
    loadCheckpoint(join(dir, 'last')),
    /The last checkpoint cannot be determined while .*step-2 is damaged. Name one, such as .*step-1/,
  );
  assert.equal((await loadCheckpoint(join(dir, 'step-1'))).step, 1);
});

test("a user's own folder among checkpoints is ignored, and a run's folder stands for its last checkpoint", async (t) => {
  const run = temporaryFolder(t);
  const dir = join(run, 'checkpoints');
  await assert.rejects(loadCheckpoint(run), { name: 'UserError', message: /SHA256SUMS cannot be read/ });
  const path = await saveCheckpoint(dir, 'step-1', sample(1, 0.5));
  mkdirSync(join(dir, 'step-2'));
  writeFileSync(join(dir, 'step-2', 'notes.txt'), 'mine');
  assert.deepEqual((await listCheckpoints(dir)).damaged, []);
  for (const meant of [join(dir, 'last'), join(dir, 'best'), run]) {
    assert.equal((await loadCheckpoint(meant)).path, path, meant);
  }
  await pruneCheckpoints(dir, 1);
  assert.equal(readFileSync(join(dir, 'step-2', 'notes.txt'), 'utf8'), 'mine');
});

test('any missing file, changed byte or cut is detected, and the file named', async (t) => {
  const dir = temporaryFolder(t);
  const whole = await saveCheckpoint(dir, 'whole', sample(3));
  const files = readdirSync(whole);
  assert.deepEqual(files.sort(), ['SHA256SUMS', 'checkpoint.json', 'state.safetensors', 'weights.safetensors']);
  const copy = join(dir, 'copy');
  cpSync(whole, copy, { recursive: true });
  for (const file of files) {
    const path = join(copy, file);
    const bytes = readFileSync(path);
    rmSync(path);
    await assert.rejects(loadCheckpoint(copy), {
      name: 'UserError',
      message: new RegExp(`${file} cannot be read: ENOENT`),
    });
    // In the file of checksums, a changed byte makes another file's checksum wrong.
    const named =
      file === 'SHA256SUMS'
        ? /(safetensors|checkpoint.json) is damaged or was changed/
        : new RegExp(`${file} is damaged`);
    const refused = async (changed: Uint8Array): Promise<void> => {
      writeFileSync(path, changed);
      await assert.rejects(loadCheckpoint(copy), { name: 'UserError', message: named });
    };
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length - 2 }), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = Uint8Array.from(bytes);
        changed[at] ^= flip;
        await refused(changed);
        await refused(bytes.subarray(0, at));
      }),
      { numRuns: 100 },
    );
    writeFileSync(path, bytes);
  }
  assert.equal((await loadCheckpoint(copy)).step, 3);
});

test('an intact description of something else is refused in a sentence', async (t) => {
  const dir = temporaryFolder(t);
  const path = await saveCheckpoint(dir, 'x', sample(1));
  const file = join(path, 'checkpoint.json');
  const good = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  const refused = async (changes: object, message: RegExp): Promise<void> => {
    writeFileSync(file, JSON.stringify({ ...good, ...changes }));
    const sums = execFileSync(
      'sha256sum',
      readdirSync(path).filter((name) => name !== 'SHA256SUMS'),
      { cwd: path },
    );
    writeFileSync(join(path, 'SHA256SUMS'), sums);
    await assert.rejects(loadCheckpoint(path), { name: 'UserError', message });
  };
  await refused({ format: 'x' }, /checkpoint.json does not describe a checkpoint: its format is "x"/);
  await refused({ version: 2 }, /its version is 2, and this program reads version 1/);
  await refused({ step: -1 }, /its step is -1/);
  await refused({ epoch: null }, /its epoch is null/);
  await refused({ draws: 3 }, /it has no draws/);
  await refused({ optimizer: null }, /its optimizer or sparsifier has no name/);
  await refused(
    { optimizer: { name: 'Adam', state: [] } },
    /state.safetensors belongs to a state that is not an object/,
  );
  await refused({ sparsifier: { name: 'L0', state: { m: { $tensor: '/no' } } } }, /has no tensor "\/no" of type F32/);
});

test('cleaning deletes what dead writers were writing or deleting, and restores what they were replacing', async (t) => {
  const dir = temporaryFolder(t);
  const dead = 2 ** 22 + 1;
  const leave = async (fate: string, name: string, pid: number): Promise<void> => {
    await saveCheckpoint(dir, 'made', sample(1));
    renameSync(join(dir, 'made'), join(dir, `.${name}.${pid}-0123abcd.${fate}`));
  };
  await saveCheckpoint(dir, 'there', sample(2));
  await leave('new', 'a', dead);
  await leave('gone', 'b', dead);
  await leave('old', 'there', dead);
  await leave('old', 'c', dead);
  await leave('new', 'd', process.pid);
  await leave('new', 'e', process.ppid);
  writeFileSync(join(dir, '.other'), '');
  assert.equal(await clearOrphans(dir), 5);
  assert.deepEqual(readdirSync(dir).sort(), [`.e.${process.ppid}-0123abcd.new`, '.other', 'c', 'there']);
  assert.equal((await loadCheckpoint(join(dir, 'c'))).step, 1);
  assert.equal((await loadCheckpoint(join(dir, 'there'))).step, 2);
  assert.equal(await clearOrphans(join(dir, 'nowhere')), 0);
});

test('whatever name a checkpoint has, nothing is written outside its folder', async (t) => {
  const root = temporaryFolder(t);
  const dir = join(root, 'a', 'b');
  const name = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc
      .array(fc.constantFrom('..', '.', '/', 'x', '~', '\\', '%2e', '\0'), { maxLength: 6 })
      .map((parts) => parts.join('')),
  );
  await fc.assert(
    fc.asyncProperty(name, async (name) => {
      mkdirSync(dir, { recursive: true });
      const saved = await saveCheckpoint(dir, name, sample(1)).catch((error: unknown) => error);
      if (typeof saved === 'string') assert.equal(saved, join(dir, basename(saved)));
      else assert.ok(saved instanceof UserError, String(saved));
      assert.deepEqual([readdirSync(root), readdirSync(join(root, 'a'))], [['a'], ['b']]);
      rmSync(dir, { recursive: true });
    }),
    { numRuns: fuzzRuns(200) },
  );
});
