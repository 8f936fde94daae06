import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'sparsebook/errors.js';
import { extractCifar10 } from 'sparsebook/data/getCifar10.js';
import { fuzzRuns } from '../fuzz.ts';
import { records, smallFiles } from './smallCifar10.ts';
import { smallEntries, tarGz } from './smallTar.ts';
import type { TarEntry } from './smallTar.ts';

let place: string;
before(() => (place = mkdtempSync(join(tmpdir(), 'sparsebook-tar-'))));
after(() => rmSync(place, { recursive: true }));

/**
 * Unpacks the bytes into an empty folder; returns the files there afterwards, or the error. Nothing may appear beside
 * the folder.
 */
async function unpack(bytes: Buffer): Promise<Record<string, Buffer> | Error> {
  const inside = join(place, 'a', 'b');
  rmSync(join(place, 'a'), { recursive: true, force: true });
  mkdirSync(join(inside, 'target'), { recursive: true });
  const archive = join(inside, 'archive.tar.gz');
  writeFileSync(archive, bytes);
  const target = join(inside, 'target');
  const outcome = await extractCifar10(archive, target, { recordsPerFile: records }).then(
    () => Object.fromEntries(readdirSync(target).map((name) => [name, readFileSync(join(target, name))])),
    (error: unknown) => error as Error,
  );
  assert.deepEqual(readdirSync(place), ['a']);
  assert.deepEqual(readdirSync(join(place, 'a')), ['b']);
  assert.deepEqual(readdirSync(inside).sort(), ['archive.tar.gz', 'target']);
  if (outcome instanceof Error) assert.deepEqual(readdirSync(target), []);
  return outcome;
}

async function refusal(entries: TarEntry[]): Promise<string> {
  const outcome = await unpack(tarGz(entries));
  assert.ok(outcome instanceof UserError, 'the archive was accepted');
  return outcome.message;
}

test('a complete archive gives its seven files', async () => {
  assert.deepEqual(await unpack(tarGz(smallEntries())), smallFiles());
});

test('paths that lead out of the folder are refused', async () => {
  const content = Buffer.from('x');
  for (const path of [
    '../evil',
    '/tmp/evil',
    'cifar-10-batches-bin/../../evil',
    'cifar-10-batches-bin/./data_batch_1.bin',
    'elsewhere/data_batch_1.bin',
    'data_batch_1.bin',
    'C:\\evil',
  ]) {
    assert.match(
      await refusal([...smallEntries(), { path, content }]),
      /and nothing else; found .* Nothing was unpacked/,
    );
  }
});

test('links, devices and folders in place of files are refused', async () => {
  for (const type of ['SymbolicLink', 'Link', 'CharacterDevice', 'Directory'] as const) {
    const linkpath = type.endsWith('Link') ? '/etc/passwd' : undefined;
    const entry: TarEntry = { path: 'cifar-10-batches-bin/data_batch_1.bin', type, linkpath };
    assert.match(await refusal([entry, ...smallEntries()]), new RegExp(`found .*data_batch_1\\.bin.*, a ${type}`));
  }
});

test('a file of the wrong size, a missing file and a second file of the same name are refused', async () => {
  const entries = smallEntries();
  const cut = entries.map((entry) =>
    entry.path.endsWith('test_batch.bin') ? { ...entry, content: entry.content?.subarray(1) } : entry,
  );
  assert.match(await refusal(cut), /found .*test_batch\.bin with 61459 bytes/);
  const less = entries.filter(({ path }) => !path.endsWith('data_batch_5.bin'));
  assert.match(await refusal(less), /must hold data_batch_5\.bin; it is missing/);
  assert.match(await refusal([...entries, entries[2]]), /twice/);
});

test('whatever bytes an archive has, the result is the files or a UserError, and nothing is written elsewhere', async () => {
  const good = tarGz(smallEntries());
  const change = fc.record({ at: fc.nat(good.length - 1), flip: fc.integer({ min: 1, max: 255 }) });
  const bytes = fc.oneof(
    change.map(({ at, flip }) => {
      const changed = Buffer.from(good);
      changed[at] ^= flip;
      return changed;
    }),
    fc.nat(good.length - 1).map((length) => good.subarray(0, length)),
    fc.uint8Array({ maxLength: 2000 }).map((noise) => Buffer.from(noise)),
    fc
      .array(fc.record({ path: fc.string({ minLength: 1, maxLength: 60 }), content: fc.constant(Buffer.from('x')) }))
      .map((entries) => tarGz([...entries, ...smallEntries()])),
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (archive) => {
      const outcome = await unpack(archive);
      if (outcome instanceof Error) assert.ok(outcome instanceof UserError, outcome.stack);
      else assert.deepEqual(outcome, smallFiles());
    }),
    { numRuns: fuzzRuns(100) },
  );
});
