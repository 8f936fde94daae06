// The library's file operations behave in memory as on a disk: results, error codes, and the files left.
import assert from 'node:assert/strict';
import * as nodeFiles from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { clearOrphans } from 'sparsebook/platform/asideName.js';
import * as memory from 'sparsebook/platform/memoryFiles.js';
import { jsonFile, writeFileWhole } from 'sparsebook/platform/writeFile.js';
import { deleteFolder, writeFolderWhole } from 'sparsebook/platform/writeFolder.js';
import { temporaryFolder } from '../training/checkpoint/sample.ts';

type Files = typeof nodeFiles;
type SyncCall = (...given: unknown[]) => unknown;

const names = 'link mkdir readdir readFile realpath rename rm rmdir stat truncate writeFile'.split(' ');
const calls = memory as unknown as Record<string, SyncCall>;
const inMemory = {
  ...Object.fromEntries(
    names.map((name) => [name, (...given: unknown[]) => attempt(() => calls[`${name}Sync`](...given))]),
  ),
  open: memory.open,
} as unknown as Files;

const attempt = (call: () => unknown): Promise<unknown> => new Promise((resolve) => resolve(call()));

/** The results of calls: the values they return, or the codes of their errors. */
async function outcomes(...work: (() => unknown)[]): Promise<unknown[]> {
  const told: unknown[] = [];
  for (const each of work) {
    told.push(
      await attempt(each).then(
        (value) => value ?? 'done',
        (error: NodeJS.ErrnoException) => error.code,
      ),
    );
  }
  return told;
}

const kind = { name: 'a test folder', files: ['a', 'b'], mark: 'a' };

/** Operations in an empty folder, by what they demonstrate. */
const works: Record<string, (files: Files, at: (path: string) => string) => Promise<unknown>> = {
  'a file is written, appended to, truncated and read': async (files, at) => {
    await files.writeFile(at('f'), 'abc');
    await files.writeFile(at('f'), 'dé', { flag: 'a' });
    const whole = await files.readFile(at('f'), 'utf8');
    await files.truncate(at('f'), 2);
    const { size } = await files.stat(at('f'));
    await files.truncate(at('f'), 4);
    return [whole, size, [...(await files.readFile(at('f')))]];
  },
  'a missing file, or one of another kind, is refused with an error code': async (files, at) => {
    await files.writeFile(at('f'), 'abc');
    await files.mkdir(at('d'));
    await files.writeFile(at('d/in'), '');
    return outcomes(
      () => files.readFile(at('none')),
      () => files.readFile(at('none/none')),
      () => files.readFile(at('d')),
      () => files.stat(at('none')),
      () => files.realpath(at('none')),
      () => files.readdir(at('none')),
      () => files.readdir(at('f')),
      () => files.writeFile(at('none/f'), ''),
      () => files.writeFile(at('f/f'), ''),
      () => files.writeFile(at('d'), ''),
      () => files.writeFile(at('f'), '', { flag: 'wx' }),
      () => files.mkdir(at('d')),
      () => files.mkdir(at('f')),
      () => files.mkdir(at('none/d')),
      () => files.mkdir(at('f/d')),
      () => files.mkdir(at('f/d'), { recursive: true }),
      () => files.rm(at('none')),
      () => files.rm(at('none'), { force: true }),
      () => files.rm(at('d')),
      () => files.rmdir(at('d')),
      () => files.rmdir(at('f')),
      () => files.rmdir(at('none')),
      () => files.link(at('none'), at('g')),
      () => files.link(at('f'), at('d')),
      () => files.rename(at('none'), at('g')),
      () => files.rename(at('f'), at('none/g')),
      () => files.rename(at('f'), at('d')),
      () => files.rename(at('d'), at('f')),
      () => files.rename(at('d'), at('d/e')),
      () => files.open(at('none'), 'r'),
      () => files.open(at('f'), 'ax'),
      () => files.truncate(at('none')),
    );
  },
  'folders are made, renamed with their contents, and removed': async (files, at) => {
    await files.mkdir(at('a/b/c'), { recursive: true });
    await files.mkdir(at('a/b/c'), { recursive: true });
    await files.writeFile(at('a/b/c/f'), '1');
    await files.mkdir(at('empty'));
    await files.mkdir(at('full/in'), { recursive: true });
    const refused = await outcomes(() => files.rename(at('a'), at('full')));
    await files.rename(at('a'), at('empty'));
    const moved = await files.readdir(at('empty'), { withFileTypes: true });
    const text = await files.readFile(at('empty/b/c/f'), 'utf8');
    await files.rm(at('full'), { recursive: true });
    await files.rmdir(at('empty/b/c')).catch(() => undefined);
    return [
      refused,
      moved.map((each) => [each.name, each.isDirectory(), each.isFile()]),
      text,
      await listing(files, at('.')),
    ];
  },
  'a file replaces another, and a second name is the same file': async (files, at) => {
    await files.writeFile(at('f'), 'old');
    await files.link(at('f'), at('kept'));
    await files.writeFile(at('g'), 'new');
    await files.rename(at('g'), at('f'));
    await files.writeFile(at('kept'), 'kept', { flag: 'a' });
    await files.link(at('kept'), at('twice'));
    await files.rename(at('kept'), at('twice'));
    return listing(files, at('.'));
  },
  'a handle reads and writes at its position or another, and follows its file': async (files, at) => {
    const file = await files.open(at('f'), 'wx');
    const written = (await file.write(Buffer.from('0123456789'), 2, 5)).bytesWritten;
    await file.write(Buffer.from('ab'), 0, 2, 1);
    await file.write(Buffer.from('z'));
    await file.sync();
    await files.rename(at('f'), at('g'));
    await file.appendFile('!');
    const { size } = await file.stat();
    await file.close();
    const reader = await files.open(at('g'), 'r');
    const bytes = Buffer.alloc(20);
    const first = (await reader.read(bytes, 0, 3)).bytesRead;
    const rest = (await reader.read(bytes, 3, 17)).bytesRead;
    const end = (await reader.read(bytes, 0, 20)).bytesRead;
    const inside = await reader.read(Buffer.alloc(2), 0, 2, 4);
    const refused = await outcomes(() => reader.write(Buffer.from('x')));
    await reader.close();
    const closed = await outcomes(() => reader.read(bytes, 0, 1, 0));
    const texts = [bytes.toString('latin1', 0, first + rest), inside.buffer.toString('latin1')];
    return [written, size, first, rest, end, texts, refused, closed, await listing(files, at('.'))];
  },
  'a log is appended to at its end, wherever it was truncated': async (files, at) => {
    const log = await files.open(at('log'), 'a');
    for (let line = 0; line < 200; line++) await log.appendFile(`${line}\n`);
    await files.truncate(at('log'), 10);
    await log.appendFile('end');
    await log.close();
    return files.readFile(at('log'), 'utf8');
  },
  'a folder is opened and synced': async (files, at) => {
    const folder = await files.open(at('.'), 'r');
    await folder.sync();
    await folder.close();
    return outcomes(() => files.open(at('.'), 'w'));
  },
  'a file is written whole, replaced, and another kind is refused': async (files, at) => {
    await writeFileWhole(at('deep/er/f.json'), '{"a":1}', jsonFile, files);
    await writeFileWhole(at('deep/er/f.json'), '{"a":2}', jsonFile, files);
    await files.writeFile(at('text'), 'no JSON');
    const refused = await writeFileWhole(at('text'), '{}', jsonFile, files).catch((error: Error) => error.name);
    const folder = await writeFileWhole(at('deep'), '{}', jsonFile, files).catch((error: Error) => error.name);
    return [refused, folder, await listing(files, at('.'))];
  },
  'a folder is written whole, replaced, cleared of leftovers, and deleted': async (files, at) => {
    const contents = (text: string) =>
      new Map([
        ['a', Buffer.from(text)],
        ['b', Buffer.from('b')],
      ]);
    await writeFolderWhole(at('one'), contents('1'), kind, files);
    await writeFolderWhole(at('one'), contents('2'), kind, files);
    await writeFolderWhole(at('two'), contents('3'), kind, files);
    await deleteFolder(at('two'), files);
    await files.mkdir(at('.gone.999999999-00000000.gone/in'), { recursive: true });
    await files.writeFile(at('.f.999999999-00000000.old'), 'put back');
    const cleared = await clearOrphans(at('.'), files);
    await files.writeFile(at('one/mine'), '');
    const refused = await writeFolderWhole(at('one'), contents('4'), kind, files).catch((error: Error) => error.name);
    return [cleared, refused, await listing(files, at('.'))];
  },
};

/** Everything below a folder: paths, and contents of files. */
async function listing(files: Files, folder: string, below = ''): Promise<string[]> {
  const told: string[] = [];
  for (const entry of (await files.readdir(folder, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      told.push(`${below}${entry.name}/`, ...(await listing(files, path, `${below}${entry.name}/`)));
    else told.push(`${below}${entry.name}: ${await files.readFile(path, 'utf8')}`);
  }
  return told;
}

let folders = 0;
for (const [what, work] of Object.entries(works)) {
  test(`${what}: in memory as on a disk`, async (t) => {
    const disk = join(temporaryFolder(t), 'empty');
    mkdirSync(disk);
    const there = `/empty-${folders++}`;
    memory.mkdirSync(there);
    const [wanted, found] = [
      await work(nodeFiles, (path) => join(disk, path)),
      await work(inMemory, (path) => join(there, path)),
    ];
    assert.deepEqual(found, wanted);
  });
}

test('relative paths start in the folder of the package', () => {
  memory.writeFileSync('mine', 'here');
  assert.equal(memory.readFileSync('/sparsebook/mine', 'utf8'), 'here');
  assert.equal(memory.realpathSync('mine'), '/sparsebook/mine');
});
