import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { realFiles, type FileSystem } from 'sparsebook/platform/fileSystem.js';
import {
  checkWritable,
  jsonFile,
  newFile,
  writeFileWhole,
  writeFileWholeSync,
  type FileKind,
} from 'sparsebook/platform/writeFile.js';
import { temporaryFolder } from '../training/checkpoint/sample.ts';
import { failingAt, forgetful, fullAfter } from './failingFiles.ts';

const old = JSON.stringify({ old: 'x'.repeat(100) });
const young = JSON.stringify({ young: 'y'.repeat(200) });

/** A folder in which `file.json` has been saved once. */
function saved(t: TestContext): { dir: string; path: string } {
  const dir = temporaryFolder(t);
  const path = join(dir, 'file.json');
  fs.writeFileSync(path, old);
  return { dir, path };
}

async function refused(work: Promise<unknown>, message: RegExp, where = ''): Promise<void> {
  await assert.rejects(work, (error: Error) => {
    assert.equal(error.name, 'UserError', where);
    assert.match(error.message, message, where);
    return true;
  });
}

for (const code of ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS']) {
  test(`${code} at any call leaves only the old file, and the error names path and cause`, async (t) => {
    const { dir, path } = saved(t);
    const counted = failingAt(Infinity, code);
    await writeFileWhole(path, old, jsonFile, counted.files);
    for (const what of ['mkdir', 'open', 'write', 'sync', 'rename']) assert.ok(counted.calls.includes(what), what);
    for (let n = 0; n < counted.calls.length; n++) {
      const where = `${counted.calls[n]}, call ${n}`;
      const work = writeFileWhole(path, young, jsonFile, failingAt(n, code).files);
      await refused(work, new RegExp(`file.json cannot be written: ${code}: injected, ${counted.calls[n]}`), where);
      assert.equal(fs.readFileSync(path, 'utf8'), old, where);
      assert.deepEqual(fs.readdirSync(dir), ['file.json'], where);
    }
  });

  test(`${code} at any call of a first save leaves no file`, async (t) => {
    const dir = temporaryFolder(t);
    const path = join(dir, 'file.json');
    const counted = failingAt(Infinity, code);
    await writeFileWhole(path, old, jsonFile, counted.files);
    fs.rmSync(path);
    for (let n = 0; n < counted.calls.length; n++) {
      await refused(writeFileWhole(path, young, jsonFile, failingAt(n, code).files), /cannot be written/);
      assert.deepEqual(fs.readdirSync(dir), [], `${counted.calls[n]}, call ${n}`);
    }
  });
}

test('a disk that fills up at any of 20 sizes leaves the old file; a disk with enough room takes the new one', async (t) => {
  const { dir, path } = saved(t);
  for (let size = 0; size < 20; size++) {
    const room = Math.floor((young.length * size) / 20);
    await refused(writeFileWhole(path, young, jsonFile, fullAfter(room)), /file.json cannot be written: ENOSPC/);
    assert.equal(fs.readFileSync(path, 'utf8'), old, `${room} bytes`);
    assert.deepEqual(fs.readdirSync(dir), ['file.json'], `${room} bytes`);
  }
  await writeFileWhole(path, young, jsonFile, fullAfter(young.length));
  assert.equal(fs.readFileSync(path, 'utf8'), young);
});

test('a disk that silently loses bytes is detected', async (t) => {
  const { path } = saved(t);
  await refused(writeFileWhole(path, young, jsonFile, forgetful(40)), /the disk holds 40 of \d+ bytes/);
  assert.equal(fs.readFileSync(path, 'utf8'), old);
});

test('files are written even if the disk supports no hard links', async (t) => {
  const { dir, path } = saved(t);
  const files: FileSystem = { ...realFiles, link: () => Promise.reject(new Error('EPERM')) };
  await writeFileWhole(path, young, jsonFile, files);
  assert.equal(fs.readFileSync(path, 'utf8'), young);
  assert.deepEqual(fs.readdirSync(dir), ['file.json']);
});

test('files that a killed writer left beside a file are deleted at its next save, and other files stay', async (t) => {
  const { dir, path } = saved(t);
  // No process has this id: Linux uses at most 4,194,304.
  fs.writeFileSync(join(dir, '.file.json.99999999-0123abcd.new'), 'half');
  fs.writeFileSync(join(dir, '.file.json.99999999-0123abcd.old'), old);
  fs.writeFileSync(join(dir, '.other.json.99999999-0123abcd.new'), 'half');
  await writeFileWhole(path, young, jsonFile);
  assert.deepEqual(fs.readdirSync(dir).sort(), ['.other.json.99999999-0123abcd.new', 'file.json']);
});

test('a link stays a link, and permissions stay', async (t) => {
  const { dir, path } = saved(t);
  fs.chmodSync(path, 0o640);
  fs.symlinkSync('file.json', join(dir, 'link.json'));
  await writeFileWhole(join(dir, 'link.json'), young, jsonFile);
  assert.ok(fs.lstatSync(join(dir, 'link.json')).isSymbolicLink());
  assert.equal(fs.readFileSync(path, 'utf8'), young);
  assert.equal(fs.statSync(path).mode & 0o777, 0o640);
});

const cases: { what: string; kind: FileKind; make: (path: string) => void; message: RegExp }[] = [
  {
    what: 'a text where JSON should go',
    kind: jsonFile,
    make: (path) => fs.writeFileSync(path, 'three years of work'),
    message: /only a JSON file may be replaced, and there is a file of another kind/,
  },
  {
    what: 'a folder',
    kind: jsonFile,
    make: (path) => fs.mkdirSync(path),
    message: /only a JSON file may be replaced, and there is a folder/,
  },
  {
    what: 'any file where a new one should go',
    kind: newFile,
    make: (path) => fs.writeFileSync(path, '{}'),
    message: /only a new file may be replaced, and there is a file/,
  },
];
for (const { what, kind, make, message } of cases) {
  test(`${what} is never replaced`, async (t) => {
    const path = join(temporaryFolder(t), 'name');
    make(path);
    const before = fs.statSync(path);
    await refused(writeFileWhole(path, young, kind), message);
    await refused(checkWritable(path, kind), message);
    assert.throws(() => writeFileWholeSync(path, young, kind), message);
    assert.deepEqual(fs.statSync(path).mtimeMs, before.mtimeMs);
    if (before.isFile()) assert.equal(fs.statSync(path).size, before.size);
  });
}

test('an empty file may be replaced, and a missing folder is created', async (t) => {
  const dir = temporaryFolder(t);
  fs.writeFileSync(join(dir, 'empty'), '');
  await writeFileWhole(join(dir, 'empty'), young, jsonFile);
  const deep = join(dir, 'a', 'b', 'file.json');
  await checkWritable(deep, jsonFile);
  assert.deepEqual(fs.readdirSync(join(dir, 'a', 'b')), []);
  await writeFileWhole(deep, young, jsonFile);
  writeFileWholeSync(deep, old, jsonFile);
  assert.equal(fs.readFileSync(deep, 'utf8'), old);
  assert.deepEqual(fs.readdirSync(join(dir, 'a', 'b')), ['file.json']);
});

test(
  'a place where no folder can be created is named, and waiting for it ends',
  { skip: !fs.existsSync('/proc') },
  () => refused(writeFileWhole('/proc/nowhere/deep/file.json', old, jsonFile), /nowhere.*cannot be written: ENOENT/),
);

test('concurrent saves of one file leave one of them whole, and nothing beside it', async (t) => {
  const { dir, path } = saved(t);
  const texts = Array.from({ length: 20 }, (_, i) => JSON.stringify({ i, text: String(i).repeat(5000) }));
  await Promise.all(texts.map((text) => writeFileWhole(path, text, jsonFile)));
  assert.ok(texts.includes(fs.readFileSync(path, 'utf8')));
  assert.deepEqual(fs.readdirSync(dir), ['file.json']);
});
