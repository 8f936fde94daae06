import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkFolderWritable, writeFolderWhole, type FolderKind } from 'sparsebook/platform/writeFolder.js';
import { temporaryFolder } from '../training/checkpoint/sample.ts';
import { failingAt } from './failingFiles.ts';

const kind: FolderKind = { name: 'a sample', files: ['mark.json', 'data.bin'], mark: 'mark.json' };
const contents = (text: string): Map<string, Uint8Array> =>
  new Map([
    ['mark.json', Buffer.from('{}')],
    ['data.bin', Buffer.from(text)],
  ]);
const dataIn = (path: string): string => fs.readFileSync(join(path, 'data.bin'), 'utf8');

test('a folder can be written to a new path, or replace an empty folder or one of its kind', async (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'deep', 'sample');
  await writeFolderWhole(path, contents('first'), kind);
  await writeFolderWhole(path, contents('second'), kind);
  assert.equal(dataIn(path), 'second');
  fs.mkdirSync(join(dir, 'empty'));
  await writeFolderWhole(join(dir, 'empty'), contents('third'), kind);
  assert.equal(dataIn(join(dir, 'empty')), 'third');
  await checkFolderWritable(path, kind);
  assert.equal(dataIn(path), 'second', 'asking alone changes nothing');
  assert.deepEqual(fs.readdirSync(join(dir, 'deep')), ['sample']);
});

const others: [what: string, make: (path: string) => void][] = [
  ['a user’s own folder', (path) => (fs.mkdirSync(path), fs.writeFileSync(join(path, 'chapter1.txt'), 'work'))],
  [
    'a folder with one file of the kind, not its mark',
    (path) => (fs.mkdirSync(path), fs.writeFileSync(join(path, 'data.bin'), 'mine')),
  ],
  [
    'a folder of the kind with a user’s notes in it',
    (path) => (
      fs.mkdirSync(path),
      ['mark.json', 'data.bin', 'notes.txt'].forEach((name) => fs.writeFileSync(join(path, name), 'work'))
    ),
  ],
  ['a plain file', (path) => fs.writeFileSync(path, 'work')],
];
for (const [what, make] of others) {
  test(`${what} is left as it is`, async (t) => {
    const path = join(temporaryFolder(t), 'thesis');
    make(path);
    const listing = (): string[] =>
      fs.statSync(path).isDirectory() ? fs.readdirSync(path) : [fs.readFileSync(path, 'utf8')];
    const before = listing();
    const attempts = [() => checkFolderWritable(path, kind), () => writeFolderWhole(path, contents('new'), kind)];
    for (const attempt of attempts) {
      await assert.rejects(attempt, {
        name: 'UserError',
        message: /thesis is not written: only a sample or an empty folder may be replaced/,
      });
    }
    assert.deepEqual(listing(), before);
  });
}

test('a fault at any call leaves only the old folder', async (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'sample');
  await writeFolderWhole(path, contents('old'), kind);
  const counted = failingAt(Infinity, 'EIO');
  await writeFolderWhole(path, contents('old'), kind, counted.files);
  // All calls except the last rename, which only deletes the replaced folder.
  for (let n = 0; n < counted.calls.length - 1; n++) {
    await assert.rejects(writeFolderWhole(path, contents('new'), kind, failingAt(n, 'EIO').files), /EIO: injected/);
    assert.equal(dataIn(path), 'old', `${counted.calls[n]}, call ${n}`);
    assert.deepEqual(fs.readdirSync(dir), ['sample'], `${counted.calls[n]}, call ${n}`);
  }
});
