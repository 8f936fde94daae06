import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { getCifar10 } from 'sparsebook/data/getCifar10.js';
import { officialArchive, readCifar10 } from 'sparsebook/data/cifar10.js';
import type { Archive } from 'sparsebook/data/cifar10.js';
import type { GetOptions } from 'sparsebook/data/getCifar10.js';
import type { Transfer } from 'sparsebook/data/download.js';
import { smallFiles } from './smallCifar10.ts';
import { ArchiveServer, interrupted, silence, stalled, status, whole } from './archiveServer.ts';
import type { Answer } from './archiveServer.ts';
import { archiveOf, smallEntries, tarGz } from './smallTar.ts';

const bytes = tarGz(smallEntries());
const server = new ArchiveServer(bytes);
const partial = 'cifar-10-binary.tar.gz.part';
let archive: Archive;
let to: string;

before(async () => {
  archive = archiveOf(bytes, await server.start());
});
after(() => server.stop());
beforeEach(() => {
  to = mkdtempSync(join(tmpdir(), 'sparsebook-get-'));
  server.content = bytes;
  server.plan(whole);
});
afterEach(() => rmSync(to, { recursive: true }));

const get = (options: Partial<GetOptions> = {}): Promise<string> =>
  getCifar10({ to, archive, stallMs: 200, retries: 2, pauseMs: 1, ...options });

const cutAfter = (count: number): Answer => interrupted(count, () => join(to, partial));

async function refused(message: RegExp, left: string[], options: Partial<GetOptions> = {}): Promise<void> {
  await assert.rejects(get(options), { name: 'UserError', message });
  assert.deepEqual(readdirSync(to).sort(), left);
}

test('the archive becomes a folder that is proven to be CIFAR-10, and nothing else is left', async () => {
  const seen: Transfer[] = [];
  const folder = await get({ onProgress: (transfer) => seen.push(transfer) });
  assert.deepEqual(readdirSync(to), ['cifar-10-batches-bin']);
  for (const [name, content] of Object.entries(smallFiles()))
    assert.deepEqual(readFileSync(join(folder, name)), content);
  assert.equal(existsSync(join(folder, 'readme.html')), false);
  assert.equal((await readCifar10(to, archive)).name, 'CIFAR-10');
  assert.equal(seen[seen.length - 1].received, bytes.length);
  assert.ok(seen.every(({ fetched, total }) => fetched > 0 && total === bytes.length));
});

test('complete data is not downloaded again; damaged data is', async () => {
  const folder = await get();
  await get();
  assert.equal(server.ranges.length, 1);
  truncateSync(join(folder, 'data_batch_2.bin'), 100);
  await get();
  assert.equal(server.ranges.length, 2);
  assert.equal((await readCifar10(to, archive)).name, 'CIFAR-10');
});

test("a folder of the user's own is left alone", async () => {
  mkdirSync(join(to, 'cifar-10-batches-bin'));
  writeFileSync(join(to, 'cifar-10-batches-bin', 'mine.txt'), 'mine');
  await refused(/exists and was not made by this command/, ['cifar-10-batches-bin']);
  assert.equal(readFileSync(join(to, 'cifar-10-batches-bin', 'mine.txt'), 'utf8'), 'mine');
  assert.equal(server.ranges.length, 0);
});

test('a server without the file is not asked again', async () => {
  for (const code of [404, 403]) {
    server.plan(status(code));
    await refused(new RegExp(`answered ${code} .*Try another --mirror`), []);
    assert.equal(server.ranges.length, 1);
  }
});

test('a busy server is asked again, up to the maximal number of attempts', async () => {
  server.plan(status(500), status(503), whole);
  await get();
  assert.equal(server.ranges.length, 3);
  rmSync(join(to, 'cifar-10-batches-bin'), { recursive: true });
  server.plan(status(500));
  await refused(/failed 3 times in a row; last: .* answered 500 Internal Server Error.*run the same command again/, []);
});

test('a server that falls silent is given up, before the headers and in the middle', async () => {
  server.plan(silence);
  await refused(/nothing came from .* for 0\.2 s/, []);
  server.plan(stalled(1000), silence, silence, silence);
  await refused(/nothing came from .* 1000 of \d+ bytes are kept/, [partial]);
  assert.deepEqual(server.ranges, [undefined, 1000, 1000]);
});

test('an interrupted download continues where it stopped, at once and in a later call', async () => {
  server.plan(cutAfter(5000), cutAfter(7000), whole);
  await get();
  assert.deepEqual(server.ranges, [undefined, 5000, 12000]);
  rmSync(join(to, 'cifar-10-batches-bin'), { recursive: true });

  server.plan(cutAfter(3000), status(500));
  await refused(/3000 of \d+ bytes are kept/, [partial]);
  server.plan(whole);
  const seen: Transfer[] = [];
  await get({ onProgress: (transfer) => seen.push(transfer) });
  assert.deepEqual(server.ranges, [3000]);
  assert.equal(seen[seen.length - 1].fetched, bytes.length - 3000);
  assert.deepEqual(readdirSync(to), ['cifar-10-batches-bin']);
});

test('many interruptions do not end a download that makes progress', async () => {
  const piece = Math.ceil(bytes.length / 12);
  server.plan(...new Array<Answer>(11).fill(cutAfter(piece)), whole);
  await get();
  assert.equal(server.ranges.length, 12);
});

test('a server that cannot send parts sends everything again', async () => {
  server.plan(cutAfter(5000), (response, _range, content) => whole(response, undefined, content));
  await get();
  assert.equal((await readCifar10(to, archive)).name, 'CIFAR-10');
});

test('a partial file that is damaged or too long is downloaded again', async () => {
  writeFileSync(join(to, partial), Buffer.alloc(4000, 7));
  await get();
  assert.deepEqual(server.ranges, [4000, undefined]);
  rmSync(join(to, 'cifar-10-batches-bin'), { recursive: true });
  server.plan(whole);
  writeFileSync(join(to, partial), Buffer.alloc(bytes.length + 1));
  await get();
  assert.deepEqual(server.ranges, [undefined]);
});

test('a complete archive left behind by an earlier call is used only if its checksum is right', async () => {
  writeFileSync(join(to, 'cifar-10-binary.tar.gz'), bytes);
  await get();
  assert.equal(server.ranges.length, 0);
  rmSync(join(to, 'cifar-10-batches-bin'), { recursive: true });
  writeFileSync(join(to, 'cifar-10-binary.tar.gz'), Buffer.alloc(bytes.length));
  await get();
  assert.equal(server.ranges.length, 1);
});

test('an archive truncated at any of 50 places is refused', async () => {
  for (let i = 0; i < 50; i++) {
    server.content = bytes.subarray(0, Math.floor((bytes.length * i) / 50));
    server.plan(whole);
    await refused(/so it is another file/, []);
  }
});

test('an archive with one bit flipped at any of 50 offsets is refused', async () => {
  for (let i = 0; i < 50; i++) {
    server.content = Buffer.from(bytes);
    server.content[Math.floor((bytes.length * (i + 0.5)) / 50)] ^= 1 << (i % 8);
    server.plan(whole);
    await refused(/must have the SHA-256 .* It was deleted/, []);
  }
});

test('an archive with another MD5 is refused though its SHA-256 is right', async () => {
  await refused(/must have the MD5 0{32}; received [0-9a-f]{32}\. It was deleted/, [], {
    archive: { ...archive, md5: '0'.repeat(32) },
  });
});

test('the official archive is identified by its size and both checksums', () => {
  const { bytes, sha256, md5 } = officialArchive;
  assert.deepEqual(
    [bytes, sha256, md5],
    [
      170_052_171,
      'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
      'c32a1d4ab5d03f1284b67883e8d87530',
    ],
  );
});

test('a server that sends more than the archive is cut off', async () => {
  server.plan((response, _range, content) => {
    response.write(content);
    response.end(content);
  });
  await refused(/offers more, so it is another file/, []);
});

test('an address where nobody listens is reported as such', async () => {
  await refused(/failed 3 times in a row; last: fetch failed.*0 of \d+ bytes are kept/, [], {
    archive: { ...archive, url: 'http://127.0.0.1:1/' },
  });
});

test('an archive with the right checksum and a wrong label is refused as a whole', async () => {
  const entries = smallEntries();
  for (const entry of entries) if (entry.path.endsWith('data_batch_4.bin')) entry.content?.writeUInt8(200, 0);
  server.content = tarGz(entries);
  await refused(/data_batch_4\.bin: a label must be a byte from 0 to 9; found 200 at byte offset 0/, [], {
    archive: archiveOf(server.content, archive.url),
  });
});
