import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseFolderCommand } from 'sparsebook/notebook/live/commands.js';
import type { ListedNotebook } from 'sparsebook/notebook/live/protocol.js';
import { notebookText } from 'sparsebook/notebook/run/notebookFile.js';
import type { Notebook } from 'sparsebook/notebook/run/notebook.js';
import { type Answer, Page, Site, smallNotebook } from './site.ts';

let site: Site;
before(async () => {
  site = await Site.open({ 'small.ipynb': smallNotebook() });
});
after(() => site.close());

const json = { 'content-type': 'application/json' };
const ask = (command: unknown, headers: Record<string, string | undefined> = {}): Promise<Answer> =>
  site.ask('POST', '/api/notebooks', { ...json, origin: site.origin, ...headers }, JSON.stringify(command));

test('the list creates, duplicates and renames notebooks, and shows them', async () => {
  assert.deepEqual(JSON.parse((await ask({ do: 'new' })).text), { path: 'untitled.ipynb' });
  const renamed = await ask({ do: 'rename', path: 'untitled.ipynb', to: 'später (2).ipynb' });
  assert.deepEqual(JSON.parse(renamed.text), { path: 'später (2).ipynb' });
  const { path } = JSON.parse((await ask({ do: 'duplicate', path: 'small.ipynb' })).text) as { path: string };
  const listed = JSON.parse((await site.ask('GET', '/api/notebooks')).text) as ListedNotebook[];
  assert.deepEqual(listed.map((one) => one.path).sort(), [path, 'small.ipynb', 'später (2).ipynb'].sort());
  const taken = await ask({ do: 'rename', path, to: 'small.ipynb' });
  assert.deepEqual([taken.status, /exists already/.test(taken.text)], [400, true]);
});

test('renaming an open notebook closes its pages; their unsaved changes go along', async () => {
  const page = await new Page(site, 'small.ipynb').connect();
  await page.do({ do: 'edit', id: 'other', source: '// unsaved' });
  assert.equal((await ask({ do: 'rename', path: 'small.ipynb', to: 'moved.ipynb' })).status, 200);
  assert.match((await site.ask('GET', '/api/events/small.ipynb')).text, /'small\.ipynb' does not exist/);
  const moved = await new Page(site, 'moved.ipynb').connect();
  await moved.until('the draft', ({ state }) => state.file?.draft !== undefined);
  assert.equal(moved.state.cells.other.text?.source, '// unsaved');
  assert.equal((await ask({ do: 'rename', path: 'moved.ipynb', to: 'small.ipynb' })).status, 200);
  page.disconnect();
  moved.disconnect();
});

test('an open notebook whose file or whole folder is deleted stays open, and is saved there again', async () => {
  for (const [path, deleted] of [
    ['deleted.ipynb', 'deleted.ipynb'],
    ['below/a.ipynb', 'below'],
  ]) {
    mkdirSync(join(site.folder, dirname(path)), { recursive: true });
    writeFileSync(join(site.folder, path), notebookText(smallNotebook()));
    const page = await new Page(site, path).connect();
    await page.do({ do: 'edit', id: 'other', source: '// before' });
    page.disconnect();
    rmSync(join(site.folder, deleted), { recursive: true });
    assert.equal((await site.ask('GET', `/notebooks/${path}`)).status, 200);
    await page.connect();
    await page.do({ do: 'edit', id: 'curve', source: '// after' });
    assert.equal(await page.do({ do: 'save' }), false);
    await page.until('the conflict', ({ state }) => state.file?.conflict === 'gone');
    await page.do({ do: 'resolve', with: 'mine' });
    await page.until('the save', ({ state }) => state.file?.conflict === undefined && !state.file?.dirty);
    assert.match(JSON.stringify(site.saved(path)), /after.*before/);
    page.disconnect();
  }
});

test('a folder that is deleted while its notebook is open, and replaced by a link to outside, is refused', async () => {
  mkdirSync(join(site.folder, 'way'));
  writeFileSync(join(site.folder, 'way', 'a.ipynb'), notebookText(smallNotebook()));
  await site.command('way/a.ipynb', { do: 'edit', id: 'other', source: '// mine' });
  rmSync(join(site.folder, 'way'), { recursive: true });
  const outside = mkdtempSync(join(tmpdir(), 'sparsebook-outside-'));
  symlinkSync(outside, join(site.folder, 'way'));
  const { status, text } = await site.command('way/a.ipynb', { do: 'resolve', with: 'mine' });
  assert.deepEqual([status, /leads out of the folder/.test(text)], [400, true]);
  await site.server.notebooks.keepAll();
  assert.deepEqual(readdirSync(outside), []);
  rmSync(outside, { recursive: true });
  rmSync(join(site.folder, 'way'));
});

test('a notebook and its report are downloaded in their current state, and never as a page of this server', async () => {
  await site.command('small.ipynb', { do: 'edit', id: 'other', source: "console.log('not saved');" });
  const notebook = await site.ask('GET', '/api/download/small.ipynb');
  assert.match(JSON.stringify(JSON.parse(notebook.text) as Notebook), /not saved/);
  const report = await site.ask('GET', '/api/report/small.ipynb');
  assert.match(report.text, /<h1[^]*A curve to move[^]*not saved/);
  for (const [{ headers, status }, name] of [
    [notebook, 'small.ipynb'],
    [report, 'small.html'],
  ] as const) {
    assert.deepEqual([status, headers['content-disposition']], [200, `attachment; filename*=UTF-8''${name}`]);
  }
});

test('without access a notebook can neither be seen nor downloaded, and the folder cannot be changed', async () => {
  for (const path of ['/api/download/small.ipynb', '/api/report/small.ipynb', '/api/notebooks']) {
    assert.equal((await site.ask('GET', path, { 'x-key': undefined })).status, 401, path);
    assert.equal((await site.ask('GET', path, { cookie: undefined })).status, 401, path);
    assert.equal((await site.ask('GET', path, { origin: 'http://evil.example' })).status, 403, path);
  }
  assert.equal((await ask({ do: 'new' }, { 'x-key': undefined })).status, 401);
  assert.equal((await ask({ do: 'new' }, { origin: 'http://evil.example' })).status, 403);
  for (const path of ['..%2Fpackage.json', '..%2F..%2Fnotebooks%2F01-l0-googlenet.ipynb', 'gone.ipynb', '%ff']) {
    for (const what of ['download', 'report'])
      assert.equal((await site.ask('GET', `/api/${what}/${path}`)).status, 400);
  }
  const out = await ask({ do: 'rename', path: 'small.ipynb', to: '../small.ipynb' });
  assert.deepEqual([out.status, /outside of the folder/.test(out.text)], [400, true]);
  for (const command of [
    null,
    {},
    { do: 'delete' },
    { do: 'rename', path: 'small.ipynb' },
    { do: 'duplicate', path: 5 },
  ]) {
    assert.throws(() => parseFolderCommand(command), { name: 'UserError' });
  }
});

test('a notebook with a byte order mark can be opened and saved', async () => {
  writeFileSync(join(site.folder, 'bom.ipynb'), `\uFEFF${notebookText(smallNotebook())}`);
  const page = await new Page(site, 'bom.ipynb').connect();
  await page.until('the cells', ({ state }) => state.order !== undefined);
  await page.do({ do: 'edit', id: 'other', source: '// edited' });
  assert.equal(await page.do({ do: 'save' }), true);
  assert.equal((await site.ask('GET', '/notebooks/bom.ipynb')).status, 200);
  page.disconnect();
});

test('without a kernel there are no variables and no diagnostics of cells', async () => {
  const page = await new Page(site, 'small.ipynb').connect();
  await page.until('the cells', ({ state }) => state.order !== undefined);
  assert.equal(await page.do({ do: 'diagnose', code: 'const a: number = "b";' }), null);
  assert.deepEqual([page.state.variables, page.state.tensors], [[], null]);
  page.disconnect();
});

test('only variables reported in the agreed form are shown; a kernel that cannot report them is not asked again', async () => {
  const { kernel } = await site.server.notebooks.at('small.ipynb');
  let asked = 0;
  const answers = [
    {
      status: 'ok',
      variables: [{ name: 'x', type: 'Tensor', shape: [2, '3'], text: 'y'.repeat(900) }, null],
      tensors: { count: 1, bytes: 24 },
    },
    { status: 'ok', variables: 'none' },
    undefined,
  ];
  Object.assign(kernel, { running: Promise.resolve({}), ask: () => Promise.resolve(answers[asked++]) });
  await kernel.lookAtVariables();
  assert.deepEqual(kernel.variables.get(), [{ name: 'x', type: 'Tensor', shape: [2, 3], text: 'y'.repeat(200) }]);
  assert.deepEqual(kernel.tensors.get(), { count: 1, bytes: 24 });
  await kernel.lookAtVariables();
  assert.deepEqual([kernel.variables.get(), kernel.tensors.get()], [[], null]);
  for (let round = 0; round < 3; round++) await kernel.lookAtVariables();
  assert.equal(asked, 3);
  Object.assign(kernel, { running: undefined });
});
