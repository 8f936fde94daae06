import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { joined, type CodeCell, type Notebook } from 'sparsebook/notebook/run/notebook.js';
import { notebookText } from 'sparsebook/notebook/run/notebookFile.js';
import { kernelsOf } from '../run/runs.ts';
import { schemaErrors } from '../run/nbformat.ts';
import { codeCell, notebookOf } from '../report/fixture.ts';
import { fresh, Page, parametersSource, Site, smallNotebook } from './site.ts';

const codeIn = (notebook: Notebook, id: string): CodeCell => notebook.cells.find((cell) => cell.id === id) as CodeCell;

describe('an open notebook', () => {
  let site: Site;
  let page: Page;
  before(async () => {
    const failing = notebookOf(
      fresh('tolerated', "throw new Error('tolerated');", ['raises-exception']),
      fresh('broken', "throw new Error('broken');"),
      fresh('behind', "console.log('behind');"),
      fresh('loud', "for (let i = 0; i < 100; i++) console.log(String(i).padStart(3) + 'x'.repeat(1e6));"),
      fresh('many', "import { display } from 'tslab';\nfor (let i = 0; i < 600; i++) display.text('n' + i);"),
      fresh('exit', "console.log('last words');\nprocess.exit(3);"),
    );
    site = await Site.open({ 'small.ipynb': smallNotebook(), 'failing.ipynb': failing });
    page = await new Page(site, 'small.ipynb').connect();
  });
  after(async () => {
    page.disconnect();
    await site.close();
    assert.deepEqual(kernelsOf(process.pid), []);
  });

  test('it has its cells, text as HTML and parameters; no kernel starts before a cell runs', async () => {
    await page.until('the parameters', ({ state }) => (state.parameters ?? []).length === 2);
    assert.equal(await page.do({ do: 'complete', code: 'Math.ma', position: 7 }), null);
    assert.equal(page.state.kernel?.state, 'off');
    assert.deepEqual(kernelsOf(process.pid), []);
    assert.deepEqual(page.state.order, ['title', 'parameters', 'curve', 'other', 'endless']);
    assert.match(page.state.cells.title.text?.html ?? '', /<h1>(<a id=[^>]*><\/a>)+A curve to move<\/h1>[^]*katex/);
    assert.deepEqual(page.state.parameters?.[0], {
      name: 'lambda_l0',
      cell: 'parameters',
      comment: 'the penalty; try 10, 50',
      value: 20,
      range: { min: 0, max: 50, step: 1 },
    });
    assert.deepEqual(page.state.file, { path: 'small.ipynb', dirty: false });
  });

  test('cells run in order; figures are redrawn in place and a progress line is one line', async () => {
    await page.do({ do: 'run', ids: ['parameters', 'curve', 'other'] });
    await page.until('the cells have run', (at) => at.ran('other'));
    assert.match(page.shown('curve'), /Curve for 20/);
    assert.match(page.shown('curve'), /step 3 of 3/);
    assert.doesNotMatch(page.shown('curve'), /step 1 of 3/);
    assert.equal(page.state.cells.curve.outputs?.length, 2);
    assert.match(page.shown('other'), /other a/);
    assert.ok(page.patches.some(({ cells }) => cells.curve?.run?.state === 'queued'));
    assert.equal(page.state.file?.dirty, true);
  });

  test('two gestures: a value is set, and only the cells that depend on it run again', async () => {
    const count = page.state.cells.other.run?.count;
    await page.do({ do: 'set', name: 'lambda_l0', value: 35 });
    await page.until(
      'the source',
      ({ state }) => state.cells.parameters.text?.source.startsWith('const lambda_l0 = 35;') ?? false,
    );
    assert.equal(page.state.cells.parameters.text?.source, parametersSource.replace('20', '35'));
    assert.equal(page.state.cells.parameters.run?.fault, 'stale');
    assert.deepEqual(page.state.cells.curve.run?.because, ['lambda_l0']);
    assert.equal(page.state.parameters?.[0].default, 20);
    await page.do({ do: 'runChanged' });
    await page.until('the new curve', (at) => /Curve for 35/.test(at.shown('curve')) && at.ran('curve'));
    assert.deepEqual([page.state.cells.curve.run?.fault, page.state.cells.curve.run?.because], [undefined, undefined]);
    assert.equal(page.state.cells.other.run?.count, count, 'a cell that does not use the value');
    const refused = await site.command('small.ipynb', { do: 'set', name: 'lambda_l0', value: 'much' });
    assert.match(refused.text, /'lambda_l0' must be a number, such as 35; received \\"much\\"/);
    assert.match(
      (await site.command('small.ipynb', { do: 'set', name: 'gone', value: 1 })).text,
      /no parameter 'gone'/,
    );
  });

  test('pages show the same; a page that was away gets what it missed and no more', async () => {
    await page.until('an idle kernel', ({ state }) => state.kernel?.state === 'idle');
    const other = await new Page(site, 'small.ipynb', 'other page').connect();
    const complete = (at: Page): boolean => at.state.cells.curve?.outputs !== undefined;
    await other.until('all', complete);
    other.disconnect();
    const [opening, outputs] = other.patches;
    assert.ok(
      opening.whole && opening.order && opening.cells.curve.text && !opening.cells.curve.outputs,
      'cells first',
    );
    assert.ok(!outputs.whole && !outputs.order && !outputs.cells.curve.text && outputs.cells.curve.outputs);
    const before = other.patches.length;
    await page.do({ do: 'edit', id: 'other', source: "console.log('edited', label);" });
    await page.do({ do: 'insert', type: 'markdown', index: 1, id: 'new' });
    await page.do({ do: 'edit', id: 'new', source: '*new*' });
    await page.do({ do: 'remove', id: 'title' });
    await page.do({ do: 'move', id: 'new', index: 3 });
    await other.connect();
    await other.until('the missed', ({ state }) => state.order?.includes('new') ?? false);
    const [missed] = other.patches.slice(before);
    assert.equal(missed.whole, false);
    assert.deepEqual(Object.keys(missed.cells).sort(), ['new', 'other']);
    assert.deepEqual(missed.order, ['parameters', 'curve', 'other', 'new', 'endless']);
    assert.equal(missed.cells.other.text?.by, 'test');
    assert.match(missed.cells.new.text?.html ?? '', /<em>new<\/em>/);
    await other.do({ do: 'restore' });
    await page.until('the restored cell', ({ state: { order } }) => order?.[0] === 'title' && order.includes('new'));
    other.disconnect();
    const anew = await new Page(site, 'small.ipynb').connect();
    await anew.until('all', complete);
    assert.deepEqual(anew.state.order, page.state.order);
    assert.equal(anew.shown('curve'), page.shown('curve'));
    anew.disconnect();
  });

  test('the kernel completes names and describes them', async () => {
    const answer = await page.do({ do: 'complete', code: 'label.toUpperC', position: 14 });
    assert.deepEqual(answer, { matches: ['toUpperCase'], start: 6, end: 14 });
    const { text } = (await page.do({ do: 'inspect', code: 'lambda_l0', position: 3 })) as { text: string };
    assert.match(text, /const lambda_l0/);
    assert.equal(await page.do({ do: 'inspect', code: '   ', position: 1 }), null);
  });

  test('a cell can run with what it needs, or with what depends on it, both without the rest', async () => {
    const counts = (): unknown[] => ['parameters', 'curve', 'other'].map((id) => page.state.cells[id].run?.count);
    const [, curve, other] = counts();
    await page.do({ do: 'set', name: 'label', value: 'b' });
    await page.until('the mark', ({ state }) => state.cells.curve.run?.because?.join() === 'label');
    await page.do({ do: 'runNeeds', id: 'other' });
    await page.until('the cell', (at) => /edited b/.test(at.shown('other')) && at.ran('other'));
    assert.equal(counts()[1], curve);
    assert.notEqual(counts()[2], other);
    assert.deepEqual(page.state.cells.curve.run?.because, ['label']);
    await page.do({ do: 'set', name: 'label', value: 'a' });
    const [before] = counts();
    await page.do({ do: 'run', ids: ['parameters'] });
    await page.until('the parameters', (at) => at.ran('parameters') && counts()[0] !== before);
    const [parameters] = counts();
    await page.do({ do: 'runDependents', id: 'parameters' });
    await page.until('both', (at) => /edited a/.test(at.shown('other')) && at.ran('other'));
    assert.equal(counts()[0], parameters);
    assert.equal(page.state.cells.curve.run?.fault, undefined);
  });

  test('an interrupt stops the cell and empties the queue; variables stay', async () => {
    await page.do({ do: 'run', ids: ['endless', 'other'] });
    await page.until('a busy kernel', (at) => /started/.test(at.shown('endless')));
    assert.deepEqual([page.state.kernel?.state, page.runs('other')], ['busy', 'queued']);
    await page.do({ do: 'interrupt' });
    await page.until('an empty queue', (at) => at.runs('other') === 'idle');
    // Sent while the kernel may still be handling the interrupt, which must not hit the new cell.
    await page.do({ do: 'run', ids: ['other'] });
    await page.until('the interrupt', (at) => /Interrupted/.test(at.shown('endless')));
    assert.equal(page.state.cells.endless.run?.fault, 'failed');
    await page.until('the other cell', (at) => /edited a/.test(at.shown('other')));
  });

  test('a restart ends the running cell and clears variables; outputs stay', async () => {
    await page.do({ do: 'run', ids: ['endless'] });
    await page.until('a busy kernel', (at) => at.runs('endless') === 'running' && /started/.test(at.shown('endless')));
    await page.do({ do: 'restart' });
    await page.until('a new kernel', ({ state }) => state.kernel?.state === 'idle');
    assert.match(page.shown('endless'), /the kernel was stopped/);
    assert.match(page.shown('curve'), /Curve for 35/);
    await page.do({ do: 'run', ids: ['other'] });
    await page.until('the failure', ({ state }) => state.cells.other.run?.fault === 'failed');
    assert.match(page.shown('other'), /label/);
    const [before] = kernelsOf(process.pid);
    await site.server.notebooks.restartKernels(); // as after a rebuild of the library
    await page.until('another kernel', ({ state }) => state.kernel?.state === 'idle');
    assert.ok(!kernelsOf(process.pid).includes(before));
    assert.match(page.shown('curve'), /Curve for 35/);
    await page.do({ do: 'stop' });
    await page.until('no kernel', ({ state }) => state.kernel?.state === 'off');
    assert.deepEqual(kernelsOf(process.pid), []);
  });

  test('it is saved as Jupyter saves, with outputs and the parameters of the run', async () => {
    assert.equal(await page.do({ do: 'save' }), true);
    await page.until('saved', ({ state }) => state.file?.dirty === false);
    const saved = site.saved('small.ipynb');
    assert.deepEqual(schemaErrors(saved), []);
    assert.match(JSON.stringify(codeIn(saved, 'curve').outputs), /Curve for 35/);
    assert.equal(joined(codeIn(saved, 'parameters').source), parametersSource.replace('20', '35'));
    assert.equal(saved.metadata.kernelspec?.name, 'tslab');
  });

  test('a file that another program changed is not overwritten; each of the three choices works', async () => {
    const file = join(site.folder, 'small.ipynb');
    let theirs = '';
    const mine = async (source: string): Promise<void> => {
      await page.do({ do: 'edit', id: page.state.order?.at(-1) ?? '', source });
      theirs = notebookText(notebookOf(fresh('theirs', source.replace('mine', 'theirs'))));
      writeFileSync(file, theirs);
      assert.equal(await page.do({ do: 'save' }), false);
      await page.until('the conflict', ({ state }) => state.file?.conflict === 'changed');
      assert.equal(readFileSync(file, 'utf8'), theirs);
    };
    await mine('// mine 1');
    await page.do({ do: 'resolve', with: 'mine' });
    await page.until('no conflict', ({ state }) => state.file?.conflict === undefined && !state.file?.dirty);
    assert.match(readFileSync(file, 'utf8'), /mine 1/);
    await mine('// mine 2');
    await page.do({ do: 'resolve', with: 'copy' });
    await page.until('their cells', ({ state }) => state.order?.[0] === 'theirs');
    assert.equal(page.patches.at(-1)?.whole || page.patches.at(-2)?.whole, true);
    const copy = readdirSync(site.folder).find((name) => name.includes('-copy-')) ?? '';
    assert.match(readFileSync(join(site.folder, copy), 'utf8'), /mine 2/);
    assert.match(page.state.file?.note ?? '', new RegExp(copy));
    await mine('// mine 3');
    await page.do({ do: 'resolve', with: 'theirs' });
    await page.until('their source', ({ state }) => state.cells.theirs.text?.source === '// theirs 3');
    assert.equal(readFileSync(file, 'utf8'), theirs);
  });

  test('a failing cell stops the queue, unless it is allowed to fail', async () => {
    const failing = await new Page(site, 'failing.ipynb').connect();
    await failing.until('all', ({ state }) => state.order !== undefined);
    await failing.do({ do: 'run', ids: ['tolerated', 'broken', 'behind'] });
    await failing.until('the failure', ({ state }) => state.cells.broken.run?.fault === 'failed');
    await failing.until('quiet', ({ state }) => state.kernel?.state === 'idle');
    assert.match(failing.shown('tolerated'), /Error: tolerated/);
    assert.equal(failing.state.cells.tolerated.run?.fault, undefined);
    assert.equal(failing.shown('behind'), '');
    failing.disconnect();
  });

  test('of 100 MB of text and of 600 outputs only a part is kept, with a note; the kernel survives', async () => {
    const failing = await new Page(site, 'failing.ipynb').connect();
    await failing.until('all', ({ state }) => state.order !== undefined);
    await failing.do({ do: 'run', ids: ['loud', 'many', 'behind'] });
    await failing.until('the end', (at) => /behind/.test(at.shown('behind')));
    const loud = failing.shown('loud');
    assert.match(loud, /… (99|100),\d{3},\d{3} characters are left out here/);
    assert.match(loud, /^[^…]*  0xxx/);
    assert.ok(loud.length < 110_000, String(loud.length));
    assert.match(failing.shown('many'), /n499[^]*100 further outputs are left out/);
    assert.equal(await failing.do({ do: 'save' }), true);
    assert.ok(statSync(join(site.folder, 'failing.ipynb')).size < 400_000);
    failing.disconnect();
  });

  test('a kernel that dies is announced, its outputs stay, and the next cell gets a new kernel', async () => {
    const failing = await new Page(site, 'failing.ipynb').connect();
    await failing.until('all', ({ state }) => state.order !== undefined);
    await failing.do({ do: 'run', ids: ['exit', 'behind'] });
    await failing.until('the exit', ({ state }) => state.kernel?.state === 'dead');
    assert.match(failing.state.kernel?.note ?? '', /The kernel ended with exit code 3 .*what is shown and saved stays/);
    await failing.until('the cell’s end', (at) => /KernelDied/.test(at.shown('exit')));
    assert.match(failing.shown('exit'), /last words/);
    await failing.do({ do: 'run', ids: ['behind'] });
    await failing.until('a new kernel', (at) => at.state.kernel?.state === 'idle' && at.ran('behind'));
    failing.disconnect();
  });

  test('a notebook that cannot be written stays unsaved, with the reason; the others are still saved', async (t) => {
    const own = await Site.open({ 'b.ipynb': smallNotebook() });
    t.after(() => own.close());
    const text = notebookText(notebookOf(codeCell('1', { id: 'large', outputs: [] }), fresh('other', '1')));
    writeFileSync(join(own.folder, 'a.ipynb'), text);
    const page = await new Page(own, 'a.ipynb').connect();
    await page.until('the cells', ({ state }) => state.order !== undefined);
    for (const name of ['a.ipynb', 'b.ipynb']) {
      await own.command(name, { do: 'edit', id: 'other', source: '// unsaved' });
    }
    // Stands in for more text than a string can hold: a value that cannot be written as JSON, until its cell is
    // deleted.
    const { document } = await own.server.notebooks.at('a.ipynb');
    (document.cell('large').cell as CodeCell).outputs = [
      { output_type: 'display_data', data: { 'application/json': 1n }, metadata: {} },
    ];
    await own.server.notebooks.keepAll();
    await page.until('the reason', ({ state }) => state.file?.note !== undefined);
    assert.match(page.state.file?.note ?? '', /a\.draft\.ipynb cannot be written: .*delete the cell/);
    assert.equal(await page.do({ do: 'save' }), false);
    await page.until('the same of the file', ({ state }) => / a\.ipynb|\/a\.ipynb/.test(state.file?.note ?? ''));
    assert.equal(page.state.file?.dirty, true);
    assert.match(joined(codeIn(own.saved('.b.draft.ipynb'), 'other').source), /unsaved/);
    await page.do({ do: 'remove', id: 'large' });
    await own.server.notebooks.keepAll();
    assert.match(joined(codeIn(own.saved('.a.draft.ipynb'), 'other').source), /unsaved/);
    assert.equal(await page.do({ do: 'save' }), true);
    await page.until('saved', ({ state }) => state.file?.dirty === false && state.file.note === undefined);
    page.disconnect();
  });

  test('the list shows open notebooks; closing keeps unsaved changes, and saves them beside a file that is gone', async (t) => {
    const closing = await Site.open({ 'a.ipynb': smallNotebook(), 'b.ipynb': smallNotebook() });
    t.after(() => closing.close());
    for (const name of ['a.ipynb', 'b.ipynb']) {
      await closing.command(name, { do: 'edit', id: 'other', source: '// unsaved' });
    }
    const listed = JSON.parse((await closing.ask('GET', '/api/notebooks')).text) as {
      path: string;
      title: string;
      dirty: boolean;
    }[];
    assert.deepEqual(
      listed.map(({ path, title, dirty }) => [path, title, dirty]),
      [
        ['a.ipynb', 'A curve to move', true],
        ['b.ipynb', 'A curve to move', true],
      ],
    );
    const before = readFileSync(join(closing.folder, 'a.ipynb'), 'utf8');
    rmSync(join(closing.folder, 'b.ipynb'));
    const said = await closing.server.close();
    assert.equal(readFileSync(join(closing.folder, 'a.ipynb'), 'utf8'), before);
    assert.match(said.join('\n'), /a\.ipynb has changes that are not saved; they are kept in a draft/);
    assert.match(joined(codeIn(closing.saved('.a.draft.ipynb'), 'other').source), /unsaved/);
    const copy = /is saved as (\S+)/.exec(said.join('\n'))?.[1] ?? '';
    assert.match(readFileSync(copy, 'utf8'), /unsaved/);
  });
});
