import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { handleCommand } from 'sparsebook/notebook/live/commands.js';
import type { LiveSession } from 'sparsebook/notebook/live/liveSession.js';
import { NotebookFolder } from 'sparsebook/notebook/live/notebookFolder.js';
import { OpenNotebooks } from 'sparsebook/notebook/live/openNotebooks.js';
import type { Command } from 'sparsebook/notebook/live/protocol.js';
import { notebookText, sourceHash } from 'sparsebook/notebook/run/notebookFile.js';
import { codeCell, notebookOf } from '../report/fixture.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sparsebook-drafts-'));
after(() => rmSync(scratch, { recursive: true }));

const SOURCE = 'const rate = 2; // 1 to 10';
const ran = (source: string, more: object = {}) => ({ sparsebook: { sourceHash: sourceHash(source) }, ...more });
const shipped = notebookText({
  ...notebookOf(
    codeCell(SOURCE, { id: 'parameters', metadata: ran(SOURCE, { tags: ['parameters'] }) }),
    codeCell('console.log(rate);', { id: 'show', metadata: ran('console.log(rate);') }),
  ),
  metadata: { sparsebook: { parameters: { rate: 2 } } },
});

/** A folder with one notebook, and servers for it, one after another or at the same time. */
class Place {
  readonly folder = mkdtempSync(join(scratch, 'folder-'));
  readonly file = join(this.folder, 'a.ipynb');
  readonly draft = join(this.folder, '.a.draft.ipynb');

  constructor() {
    writeFileSync(this.file, shipped);
  }

  async serve(): Promise<{
    notebooks: OpenNotebooks;
    session: LiveSession;
    act: (command: Command) => Promise<unknown>;
  }> {
    const notebooks = new OpenNotebooks(await NotebookFolder.open(this.folder));
    const session = await notebooks.at('a.ipynb');
    return { notebooks, session, act: (command) => handleCommand(session, command, 'test') };
  }

  /** Moves the rate, and closes without saving. */
  async leave(value: number): Promise<string[]> {
    const { notebooks, act } = await this.serve();
    await act({ do: 'set', name: 'rate', value });
    return notebooks.close();
  }

  text(path = this.file): string {
    return readFileSync(path, 'utf8');
  }
}

test('a moved parameter is kept in a draft, which opens with the notebook, stale marks included, until it is saved', async () => {
  const place = new Place();
  assert.match((await place.leave(5)).join(), /a\.ipynb has changes that are not saved; they are kept in a draft/);
  assert.equal(place.text(), shipped);
  const { notebooks, session, act } = await place.serve();
  assert.match(session.document.cell('parameters').source, /rate = 5/);
  const { draft, ...status } = session.status.get();
  assert.deepEqual(status, { path: 'a.ipynb', dirty: true });
  assert.ok(Math.abs(Date.parse(draft ?? '') - Date.now()) < 60_000);
  const { cells, parameters } = session.opening();
  assert.deepEqual([cells.parameters.run?.fault, cells.show.run?.because], ['stale', ['rate']]);
  assert.deepEqual(
    parameters?.map(({ value, default: usual }) => [value, usual]),
    [[5, 2]],
  );
  assert.deepEqual(
    (await notebooks.list()).map(({ path, dirty }) => [path, dirty]),
    [['a.ipynb', true]],
  );
  assert.equal(await act({ do: 'save' }), true);
  assert.deepEqual(session.status.get(), { path: 'a.ipynb', dirty: false });
  assert.match(place.text(), /rate = 5/);
  assert.deepEqual(readdirSync(place.folder), ['a.ipynb']);
  assert.deepEqual(await notebooks.close(), []);
});

test('a change is kept in the draft within seconds, even without a save or an end of the server', async () => {
  const place = new Place();
  const { notebooks, act } = await place.serve();
  await act({ do: 'set', name: 'rate', value: 5 });
  const end = performance.now() + 60_000;
  while (!existsSync(place.draft)) {
    assert.ok(performance.now() < end, 'no draft was written');
    await sleep(100);
  }
  assert.match(place.text(place.draft), /rate = 5/);
  assert.equal(place.text(), shipped);
  await notebooks.close();
});

test('a draft is listed even if the notebook is not open, and is not listed as a notebook', async () => {
  const place = new Place();
  await place.leave(5);
  const folder = await NotebookFolder.open(place.folder);
  assert.deepEqual(
    (await folder.list()).map(({ path, dirty }) => [path, dirty]),
    [['a.ipynb', true]],
  );
});

test('discarding unsaved changes restores the document from the file, and leaves no draft', async () => {
  const place = new Place();
  await place.leave(5);
  const { notebooks, session, act } = await place.serve();
  await act({ do: 'discardDraft' });
  assert.equal(session.document.cell('parameters').source, SOURCE);
  assert.deepEqual(session.status.get(), { path: 'a.ipynb', dirty: false });
  await notebooks.close();
  assert.deepEqual([place.text(), existsSync(place.draft)], [shipped, false]);
});

test('parameters are reset to their values in the file', async () => {
  const place = new Place();
  await place.leave(5);
  const { notebooks, session, act } = await place.serve();
  await act({ do: 'resetParameters' });
  assert.equal(session.document.cell('parameters').source, SOURCE);
  const { parameters, cells } = session.opening();
  assert.equal(parameters?.[0].default, undefined);
  assert.deepEqual([cells.parameters.run?.fault, cells.show.run?.fault], [undefined, undefined]);
  await notebooks.close();
});

test('a file that was changed after its draft is a conflict, like a file changed while it is open', async () => {
  for (const choice of ['mine', 'theirs', 'copy'] as const) {
    const place = new Place();
    await place.leave(5);
    const theirs = shipped.replace('rate = 2', 'rate = 3');
    writeFileSync(place.file, theirs);
    const { notebooks, session, act } = await place.serve();
    assert.equal(session.status.get().conflict, 'changed');
    assert.equal(await act({ do: 'save' }), false);
    await act({ do: 'resolve', with: choice });
    assert.equal(session.status.get().conflict, undefined);
    assert.match(place.text(), choice === 'mine' ? /rate = 5/ : /rate = 3/);
    const copies = readdirSync(place.folder).filter((name) => name.includes('-copy-'));
    assert.equal(copies.length, choice === 'copy' ? 1 : 0);
    await notebooks.close();
    assert.equal(existsSync(place.draft), false);
  }
});

test('a draft that was saved, but not deleted, is ignored', async () => {
  const place = new Place();
  await place.leave(5);
  const { draft: _draft, ...metadata } = (JSON.parse(place.text(place.draft)) as { metadata: Record<string, unknown> })
    .metadata;
  writeFileSync(place.file, notebookText({ ...JSON.parse(place.text(place.draft)), metadata } as never));
  const { notebooks, session } = await place.serve();
  assert.deepEqual(session.status.get(), { path: 'a.ipynb', dirty: false });
  assert.equal(existsSync(place.draft), false);
  await notebooks.close();
});

test('a damaged draft is left as it is, with a note; unsaved changes then go into a copy', async () => {
  const place = new Place();
  writeFileSync(place.draft, '{"cells": [');
  const { notebooks, session, act } = await place.serve();
  assert.match(session.status.get().note ?? '', /\.a\.draft\.ipynb is not a notebook/);
  await act({ do: 'set', name: 'rate', value: 7 });
  assert.equal(await session.keep(), false);
  const said = (await notebooks.close()).join();
  assert.equal(place.text(place.draft), '{"cells": [');
  assert.match(place.text(/saved as (\S+)/.exec(said)?.[1] ?? ''), /rate = 7/);
});

test('two servers for one folder do not overwrite each other’s drafts', async () => {
  const place = new Place();
  const [one, other] = [await place.serve(), await place.serve()];
  await one.act({ do: 'set', name: 'rate', value: 5 });
  await other.act({ do: 'set', name: 'rate', value: 6 });
  assert.equal(await one.session.keep(), true);
  assert.equal(await other.session.keep(), false);
  assert.match(other.session.status.get().note ?? '', /is a draft that another program writes/);
  assert.match(place.text(place.draft), /rate = 5/);
  assert.equal(await one.act({ do: 'save' }), true);
  assert.match((await other.notebooks.close()).join(), /draft|saved as/);
  await one.notebooks.close();
});

test('a draft that cannot be written is reported and tried again; the notebook stays intact', async () => {
  const place = new Place();
  mkdirSync(place.draft);
  const { notebooks, session, act } = await place.serve();
  await act({ do: 'set', name: 'rate', value: 5 });
  await notebooks.keepAll();
  assert.match(session.status.get().note ?? '', /\.a\.draft\.ipynb/);
  assert.equal(session.status.get().dirty, true);
  rmSync(place.draft, { recursive: true });
  await notebooks.keepAll();
  assert.deepEqual(session.status.get(), { path: 'a.ipynb', dirty: true });
  assert.match(place.text(place.draft), /rate = 5/);
  assert.equal(place.text(), shipped);
  await notebooks.close();
});

test('a notebook is created, duplicated with unsaved changes, and renamed with its draft; no name is used twice', async () => {
  const place = new Place();
  const { notebooks, act } = await place.serve();
  const made = await notebooks.change({ do: 'new' });
  assert.deepEqual([made, await notebooks.change({ do: 'new' })], ['untitled.ipynb', 'untitled-2.ipynb']);
  const fresh = await notebooks.at(made);
  assert.deepEqual(
    fresh.document.list.map(({ cell }) => cell.cell_type),
    ['markdown', 'code', 'code'],
  );
  assert.equal(fresh.code.panel.controls.get()[0].name, 'rate');
  await act({ do: 'set', name: 'rate', value: 5 });
  const copy = await notebooks.change({ do: 'duplicate', path: 'a.ipynb' });
  assert.match(place.text(join(place.folder, copy)), /rate = 5/);
  mkdirSync(join(place.folder, 'below'));
  const rename = (to: string): Promise<string> => notebooks.change({ do: 'rename', path: 'a.ipynb', to });
  for (const [to, why] of [
    ['untitled.ipynb', /exists already/],
    ['.hidden.ipynb', /begins with a dot/],
    ['../out.ipynb', /outside of the folder/],
    ['gone/b.ipynb', /in a folder that does not exist/],
    ['outputs/b.ipynb', /in a folder that is not listed/],
    ['b.txt', /does not end in \.ipynb/],
  ] as const) {
    await assert.rejects(rename(to), { name: 'UserError', message: why }, to);
  }
  assert.equal(await rename('below/b.ipynb'), 'below/b.ipynb');
  await assert.rejects(notebooks.at('a.ipynb'), /does not exist/);
  const renamed = await notebooks.at('below/b.ipynb');
  assert.match(renamed.document.cell('parameters').source, /rate = 5/);
  assert.ok(renamed.status.get().draft);
  await notebooks.close();
});
