import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ArchiveServer } from './archiveServer.ts';

const empty = mkdtempSync(join(tmpdir(), 'sparsebook-data-command-'));
after(() => rmSync(empty, { recursive: true }));

/** Runs the command line with an empty data folder. */
function sparsebook(...words: string[]): Promise<{ failed: boolean; out: string; err: string }> {
  const cli = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cli, ...words],
      { env: { ...process.env, SPARSEBOOK_DATA: empty } },
      (error, out, err) => resolve({ failed: error !== null, out, err }),
    );
  });
}

test('data check reports what a data set contains', async () => {
  const { failed, out } = await sparsebook('data', 'check', 'synthetic');
  assert.equal(failed, false);
  assert.match(
    out,
    /^synthetic collages: 4,000 training, 1,000 validation and 2,000 test images \(32x32x3, 10 classes, split [0-9a-f]{16}\)\n/,
  );
  const rows = out
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  assert.equal(rows.length, 10);
  assert.deepEqual(rows[0][0], 'circle');
  assert.equal(
    rows.reduce((sum, row) => sum + Number(row[1]), 0),
    4000,
  );
});

test('data check without the data fails and says how to get it', async () => {
  const { failed, err } = await sparsebook('data', 'check');
  assert.equal(failed, true);
  assert.match(err, /CIFAR-10 is not in .*sparsebook data get cifar10/);
});

test('data get refuses an unknown name, an invalid address, and a mirror with another file', async () => {
  const unknown = await sparsebook('data', 'get', 'cifar100');
  assert.ok(unknown.failed);
  assert.match(unknown.err, /must be cifar10; received cifar100/);
  const wrong = await sparsebook('data', 'get', 'cifar10', '--mirror', 'ftp://example.org/');
  assert.ok(wrong.failed);
  assert.match(wrong.err, /--mirror must be an http or https address of the archive; received ftp/);

  const server = new ArchiveServer(Buffer.from('not CIFAR-10'));
  const url = await server.start();
  const other = await sparsebook('data', 'get', 'cifar10', '--mirror', url.slice(0, url.lastIndexOf('/') + 1));
  server.stop();
  assert.ok(other.failed);
  assert.match(other.err, /cifar-10-binary\.tar\.gz offers 12 bytes, so it is another file/);
  assert.deepEqual(readdirSync(empty), []);
});
