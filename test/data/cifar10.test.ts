import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { officialArchive, readCifar10 } from 'sparsebook/data/cifar10.js';
import { recordBytes, trainingFiles } from 'sparsebook/data/cifar10.js';
import { UserError } from 'sparsebook/errors.js';
import { records, smallArchive, smallFiles, smallFolder } from './smallCifar10.ts';

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

function folderWith(change?: (files: Record<string, Buffer>) => void): string {
  const folder = smallFolder(change);
  folders.push(folder);
  return folder;
}

function note(content: unknown): (files: Record<string, Buffer>) => void {
  return (files) => (files['origin.json'] = Buffer.from(JSON.stringify(content)));
}

const hashes = (files: Record<string, Buffer>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [name, createHash('sha256').update(bytes).digest('hex')]),
  );

async function refusal(folder: string): Promise<string> {
  const error: unknown = await readCifar10(folder, smallArchive).then(
    () => assert.fail('the folder was accepted'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof UserError, String(error));
  return error.message;
}

test('every pixel and label of the binary files is where it belongs', async () => {
  const { training, test: testing } = await readCifar10(folderWith(), smallArchive);
  const files = smallFiles();
  assert.equal(training.labels.length, 5 * records);
  assert.equal(testing.labels.length, records);
  assert.deepEqual(training.classNames.slice(0, 3), ['airplane', 'automobile', 'bird']);
  for (const [n, name] of [...trainingFiles, 'test_batch.bin'].entries()) {
    const set = n < 5 ? training : testing;
    const first = n < 5 ? n * records : 0;
    for (const [record, row, column, colour] of [
      [0, 0, 0, 0],
      [1, 31, 30, 2],
      [7, 5, 31, 1],
      [19, 31, 31, 2],
    ]) {
      const byte = files[name][record * recordBytes + 1 + colour * 1024 + row * 32 + column];
      assert.equal(set.images[(((first + record) * 32 + row) * 32 + column) * 3 + colour], byte);
      assert.equal(set.labels[first + record], record % 10);
    }
  }
});

test('a file that is too short or too long is refused with the byte offset', async () => {
  const short = folderWith((files) => (files['data_batch_3.bin'] = files['data_batch_3.bin'].subarray(0, 9_000)));
  assert.match(await refusal(short), /data_batch_3\.bin must hold 20 records .* ends at byte offset 9000, in record 2/);
  const long = folderWith(
    (files) => (files['test_batch.bin'] = Buffer.concat([files['test_batch.bin'], Buffer.alloc(1)])),
  );
  assert.match(await refusal(long), /test_batch\.bin must hold .* surplus starts at byte offset 61460/);
  const empty = folderWith((files) => (files['data_batch_1.bin'] = Buffer.alloc(0)));
  assert.match(await refusal(empty), /data_batch_1\.bin must hold .* ends at byte offset 0/);
});

test('a label above 9 is refused with the byte offset', async () => {
  const folder = folderWith((files) => (files['data_batch_5.bin'][11 * recordBytes] = 10));
  assert.match(await refusal(folder), /data_batch_5\.bin: .* found 10 at byte offset 33803 \(record 11\)/);
});

test('a missing file and an unknown class list are refused by name', async () => {
  const missing = folderWith((files) => delete files['data_batch_4.bin']);
  assert.match(await refusal(missing), /there is no data_batch_4\.bin in .*sparsebook data get cifar10/);
  const foreign = folderWith((files) => (files['batches.meta.txt'] = Buffer.from('airplane\nautomobile\nbride\n')));
  assert.match(await refusal(foreign), /batches\.meta\.txt, line 3: must be "bird"; found "bride"/);
});

test('an unreadable file is named', async () => {
  const folder = folderWith();
  rmSync(join(folder, trainingFiles[1]));
  mkdirSync(join(folder, trainingFiles[1]));
  assert.match(await refusal(folder), /data_batch_2\.bin must be a readable file; it cannot be read: EISDIR/);
});

test('only proof of the official archive earns the name CIFAR-10', async () => {
  const files = hashes(smallFiles());
  const nameWith = async (content?: unknown): Promise<string> =>
    (await readCifar10(folderWith(content === undefined ? undefined : note(content)), smallArchive)).name;
  assert.equal(await nameWith(), 'CIFAR-10 (unverified copy)');
  assert.equal(await nameWith({ name: 'CIFAR-10' }), 'CIFAR-10 (unverified copy)');
  assert.equal(await nameWith({ name: 'CIFAR-10', files, archiveSha256: 'of another' }), 'CIFAR-10 (unverified copy)');
  assert.equal(await nameWith({ name: 'CIFAR-10 (JPEG copy)' }), 'CIFAR-10 (JPEG copy)');
  assert.equal(await nameWith({ name: 'CIFAR-10', files, archiveSha256: officialArchive.sha256 }), 'CIFAR-10');
});

test('a file that changed since its download is refused', async () => {
  const folder = folderWith((files) => {
    note({ name: 'CIFAR-10', files: hashes(files), archiveSha256: officialArchive.sha256 })(files);
    files['test_batch.bin'][5_000] ^= 1;
  });
  assert.match(await refusal(folder), /test_batch\.bin must have the SHA-256 .* changed since it was downloaded/);
});

test('an invalid origin.json is refused with the rule', async () => {
  assert.match(await refusal(folderWith(note({ title: 'mine' }))), /origin\.json must be JSON like .* received none/);
  assert.match(await refusal(folderWith(note(null))), /received none/);
  assert.match(await refusal(folderWith(note({ name: 'x', files: ['a'] }))), /maps file names to SHA-256/);
  const broken = folderWith((files) => (files['origin.json'] = Buffer.from('{')));
  assert.match(await refusal(broken), /origin\.json must be JSON .* cannot be parsed/);
});
