import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DocumentFile } from 'sparsebook/notebook/live/document/documentFile.js';
import { NotebookFolder } from 'sparsebook/notebook/live/notebookFolder.js';
import { notebookText, type Notebook } from 'sparsebook/notebook/run';
import { codeCell, notebookOf } from '../report/fixture.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sparsebook-file-'));
after(() => rmSync(scratch, { recursive: true }));

const notebook = (source: string): Notebook => notebookOf(codeCell(source, { id: 'a' }));

function fileOf(name: string, source = 'first'): string {
  const path = join(scratch, name);
  writeFileSync(path, notebookText(notebook(source)));
  return path;
}

test('a file that nobody else touched is saved, again and again', async () => {
  const file = new DocumentFile(fileOf('quiet.ipynb'));
  await file.read();
  assert.equal(await file.write(notebook('second')), 'same');
  assert.equal(await file.look(), 'same');
  assert.equal(await file.write(notebook('third')), 'same');
  assert.equal(readFileSync(file.path, 'utf8'), notebookText(notebook('third')));
});

test('a file that somebody else changed, or removed, is not written over until that is accepted', async () => {
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

test('a file that was written anew with the same content is no conflict', async () => {
  const file = new DocumentFile(fileOf('touched.ipynb'));
  await file.read();
  writeFileSync(file.path, readFileSync(file.path));
  assert.equal(await file.look(), 'same');
  assert.equal(await file.write(notebook('second')), 'same');
});

test('saves at the same time end with the last one, whole, and a copy lies beside', async () => {
  const file = new DocumentFile(fileOf('busy.ipynb'));
  await file.read();
  const states = await Promise.all(['a', 'b', 'c', 'd'].map((source) => file.write(notebook(source))));
  assert.deepEqual(states, ['same', 'same', 'same', 'same']);
  assert.equal(readFileSync(file.path, 'utf8'), notebookText(notebook('d')));
  const copy = await file.writeCopy(notebook('copy'));
  assert.match(copy, /busy-copy-[\d-]+\.ipynb$/);
  assert.equal(readFileSync(copy, 'utf8'), notebookText(notebook('copy')));
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
    listed.map(({ path, title }) => [path, title]),
    [
      ['alias.ipynb', 'Title'],
      ['below/two.ipynb', 'Title'],
      ['one.ipynb', 'Title'],
      ['text.ipynb', ''],
    ],
  );
  const file = await folder.locate('one.ipynb');
  unlinkSync(file);
  await folder.check(file);
  symlinkSync(outside, file);
  await assert.rejects(folder.check(file), /leads out of the folder/);
});
