import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DocumentFile } from 'sparsebook/notebook/live/document/documentFile.js';
import { NotebookFolder } from 'sparsebook/notebook/live/notebookFolder.js';
import { joined, type Notebook } from 'sparsebook/notebook/run/notebook.js';
import { notebookText } from 'sparsebook/notebook/run/notebookFile.js';
import { codeCell, notebookOf } from '../report/fixture.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sparsebook-file-'));
after(() => rmSync(scratch, { recursive: true }));

const notebook = (source: string): Notebook => notebookOf(codeCell(source, { id: 'a' }));

function fileOf(name: string, source = 'first'): string {
  const path = join(scratch, name);
  writeFileSync(path, notebookText(notebook(source)));
  return path;
}

test('a file that no other program touched can be saved again and again', async () => {
  const file = new DocumentFile(fileOf('quiet.ipynb'));
  await file.read();
  assert.equal(await file.write(notebook('second')), 'same');
  assert.equal(await file.look(), 'same');
  assert.equal(await file.write(notebook('third')), 'same');
  assert.equal(readFileSync(file.path, 'utf8'), notebookText(notebook('third')));
});

test('a file that another program changed or removed is not overwritten until the user accepts', async () => {
  const file = new DocumentFile(fileOf('contested.ipynb'));
  await file.read();
  const theirs = notebookText(notebook('theirs'));
  writeFileSync(file.path, theirs);
  assert.equal(await file.look(), 'changed');
  assert.equal(await file.write(notebook('mine')), 'changed');
  assert.equal(readFileSync(file.path, 'utf8'), theirs);
  await file.accept();
  assert.equal(await file.write(notebook('mine')), 'same');
  unlinkSync(file.path);
  assert.equal(await file.write(notebook('mine again')), 'gone');
  await file.accept();
  assert.equal(await file.write(notebook('mine again')), 'same');
});

test('a file that was rewritten with the same content is no conflict', async () => {
  const file = new DocumentFile(fileOf('touched.ipynb'));
  await file.read();
  writeFileSync(file.path, readFileSync(file.path));
  assert.equal(await file.look(), 'same');
  assert.equal(await file.write(notebook('second')), 'same');
});

test('concurrent saves end with the last one, whole, and with a copy beside it', async () => {
  const file = new DocumentFile(fileOf('busy.ipynb'));
  await file.read();
  const states = await Promise.all(['a', 'b', 'c', 'd'].map((source) => file.write(notebook(source))));
  assert.deepEqual(states, ['same', 'same', 'same', 'same']);
  assert.equal(readFileSync(file.path, 'utf8'), notebookText(notebook('d')));
  const copy = await file.writeCopy(notebook('copy'));
  assert.match(copy, /busy-copy-[\d-]+\.ipynb$/);
  assert.equal(readFileSync(copy, 'utf8'), notebookText(notebook('copy')));
  const names = ['e', 'f', 'g', 'h'];
  const copies = await Promise.all(names.map((source) => file.writeCopy(notebook(source))));
  assert.deepEqual(
    copies.map((path) => readFileSync(path, 'utf8')),
    names.map((source) => notebookText(notebook(source))),
    'none replaces another',
  );
});

test('anything but a plain text file with a notebook is refused with the reason; a byte order mark is no part of the text', async () => {
  const fifo = join(scratch, 'pipe.ipynb');
  execFileSync('mkfifo', [fifo]);
  symlinkSync('/dev/zero', join(scratch, 'zeros.ipynb'));
  mkdirSync(join(scratch, 'folder.ipynb'));
  const of = (name: string, bytes: string | Buffer): string => {
    writeFileSync(join(scratch, name), bytes);
    return join(scratch, name);
  };
  const text = notebookText(notebook('first'));
  const cases: [path: string, reason: RegExp][] = [
    [fifo, /pipe\.ipynb is not a file/],
    [join(scratch, 'zeros.ipynb'), /zeros\.ipynb is not a file/],
    [join(scratch, 'folder.ipynb'), /folder\.ipynb is not a file/],
    [join(scratch, 'gone.ipynb'), /there is no notebook .*gone\.ipynb/],
    [of('latin.ipynb', Buffer.from(text.replace('first', 'é'), 'latin1')), /is not text in UTF-8/],
    [of('empty.ipynb', ''), /is not a notebook/],
    [of('deep.ipynb', '['.repeat(1e6) + ']'.repeat(1e6)), /is not a notebook/],
    [of('type.ipynb', `{"nbformat":4,"cells":[{"cell_type":${'['.repeat(1e5) + ']'.repeat(1e5)}}]}`), /not a notebook/],
  ];
  for (const [path, reason] of cases) {
    await assert.rejects(new DocumentFile(path).read(), { name: 'UserError', message: reason }, path);
  }
  const marked = await new DocumentFile(of('marked.ipynb', `\uFEFF${text}`)).read();
  assert.equal(joined(marked.cells[0].source), 'first');
  const swapped = new DocumentFile(fileOf('swapped.ipynb'));
  await swapped.read();
  unlinkSync(swapped.path);
  execFileSync('mkfifo', [swapped.path]);
  assert.equal(await swapped.look(), 'changed');
});

test('a very deeply nested output is saved with the rest', async () => {
  let deep: unknown = 'deep';
  for (let level = 0; level < 50_000; level++) deep = [deep];
  const file = new DocumentFile(fileOf('deep-output.ipynb'));
  await file.read();
  const output = { output_type: 'display_data' as const, data: { 'application/json': deep }, metadata: {} };
  assert.equal(await file.write(notebookOf(codeCell('1', { outputs: [output] }))), 'same');
  assert.match(readFileSync(file.path, 'utf8'), /\[\s+"deep"\s+\]/);
  assert.equal(await file.write(notebook('second')), 'same');
});

test('no path leads out of the folder, neither by dots nor by links, and only notebooks are found', async () => {
  const inside = join(scratch, 'folder');
  const outside = fileOf('outside.ipynb');
  mkdirSync(join(inside, 'below'), { recursive: true });
  mkdirSync(join(inside, 'outputs'));
  for (const path of ['one.ipynb', 'below/two.ipynb', 'outputs/saved.ipynb', '.hidden.ipynb']) {
    writeFileSync(
      join(inside, path),
      notebookText(notebookOf({ cell_type: 'markdown', id: 'm', metadata: {}, source: '# Title' })),
    );
  }
  writeFileSync(join(inside, 'secret.txt'), 'secret');
  symlinkSync(outside, join(inside, 'link.ipynb'));
  symlinkSync(scratch, join(inside, 'out'));
  symlinkSync(join(inside, 'secret.txt'), join(inside, 'text.ipynb'));
  symlinkSync(join(inside, 'one.ipynb'), join(inside, 'alias.ipynb'));
  const folder = await NotebookFolder.open(inside);
  assert.equal(await folder.locate('below/two.ipynb'), join(folder.root, 'below/two.ipynb'));
  assert.equal(await folder.locate('alias.ipynb'), join(folder.root, 'alias.ipynb'));
  for (const path of [
    '../outside.ipynb',
    'below/../../outside.ipynb',
    outside,
    'link.ipynb',
    'out/outside.ipynb',
    'secret.txt',
    'below',
    '',
    '..',
    'gone.ipynb',
    'one.ipynb\0.ipynb',
    '..\\outside.ipynb',
    '/etc/passwd',
  ]) {
    await assert.rejects(folder.locate(path), { name: 'UserError' }, path);
  }
  const listed = await folder.list();
  assert.deepEqual(
    listed.map(({ path, title, fault }) => [path, fault === undefined ? title : undefined]),
    [
      ['alias.ipynb', 'Title'],
      ['below/two.ipynb', 'Title'],
      ['link.ipynb', undefined],
      ['one.ipynb', 'Title'],
      ['text.ipynb', undefined],
    ],
  );
  const file = await folder.locate('one.ipynb');
  unlinkSync(file);
  await folder.check(file);
  symlinkSync(outside, file);
  await assert.rejects(folder.check(file), /leads out of the folder/);
});
