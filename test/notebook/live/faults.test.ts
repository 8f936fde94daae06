import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { DocumentFile } from 'sparsebook/notebook/live/document/documentFile.js';
import { LiveSession } from 'sparsebook/notebook/live/liveSession.js';
import type { ListedNotebook } from 'sparsebook/notebook/live/protocol.js';
import { fuzzRuns } from '../../fuzz.ts';
import { notebookOf } from '../report/fixture.ts';
import { kernelsOf } from '../run/runs.ts';
import { fresh, Page, Site, smallNotebook } from './site.ts';

/** The JSON of a value in that many nested lists. */
const nested = (depth: number, inside = '1'): string => '['.repeat(depth) + inside + ']'.repeat(depth);

/** A notebook's JSON: one cell, as given, and metadata. */
const withCell = (cell: string, metadata = '{}'): string =>
  `{"nbformat":4,"nbformat_minor":5,"metadata":${metadata},"cells":[${cell}]}`;
const withOutputs = (outputs: string, more = ''): string =>
  withCell(`{"cell_type":"code","id":"c","metadata":{},"source":"1","outputs":${outputs},"execution_count":1${more}}`);
const withText = (source: string, attachments = '{}'): string =>
  withCell(
    `{"cell_type":"markdown","id":"c","metadata":{},"source":${JSON.stringify(source)},"attachments":${attachments}}`,
  );
const withKernel = (kernelspec: string): string =>
  withCell('{"cell_type":"code","id":"c","metadata":{},"source":"1"}', `{"kernelspec":${kernelspec}}`);
const plot = (figure: string): string =>
  withOutputs(`[{"output_type":"display_data","metadata":{},"data":{"application/vnd.plotly.v1+json":${figure}}}]`);

describe('one server', () => {
  let site: Site;
  let well: Page;
  before(async () => {
    const running = notebookOf(
      fresh(
        'figure',
        "import { display } from 'tslab';\ndisplay.raw('application/vnd.plotly.v1+json', { data: {} } as any);",
      ),
      fresh('formula', "display.raw('text/latex', '\\\\frac{'.repeat(3000) + '1' + '}{2}'.repeat(3000));"),
      fresh('last', "console.log('the last cell');"),
    );
    site = await Site.open({ 'well.ipynb': smallNotebook(), 'running.ipynb': running });
    well = await new Page(site, 'well.ipynb').connect();
  });
  after(async () => {
    well.disconnect();
    await site.close();
  });

  const isAlive = async (): Promise<void> => {
    const source = `// ${Math.random()}`;
    await well.do({ do: 'edit', id: 'other', source });
    await well.until('the edit', ({ state }) => state.cells.other.text?.source === source);
  };

  /** Notebooks with one odd part, where to find it in the page, and what must be shown there. */
  const odd: Record<string, [json: string, where: (page: Page) => string | undefined, says: RegExp]> = {
    'an output without data': [withOutputs('[{"output_type":"display_data","metadata":{}}]'), below, /./],
    'an error without traceback': [withOutputs('[{"output_type":"error","ename":"E","evalue":"x"}]'), below, /./],
    'an output that is null': [withOutputs('[null]'), below, /./],
    'outputs that are a word': [withOutputs('"none"'), below, /./],
    'outputs that are an object': [withOutputs('{"length":1e9}'), below, /./],
    'a stream of numbers': [withOutputs('[{"output_type":"stream","name":5,"text":[1,{}]}]'), below, /./],
    'an endlessly nested traceback': [
      withOutputs(`[{"output_type":"error","ename":"E","evalue":"x","traceback":${nested(20_000)}}]`),
      below,
      /./,
    ],
    'an endlessly nested figure': [plot(`{"data":${nested(20_000)}}`), below, /./],
    'a figure whose data is not a list': [plot('{"data":{}}'), below, /./],
    'a figure that is a number': [plot('5'), below, /./],
    'times that are objects': [
      withCell(
        '{"cell_type":"code","id":"c","metadata":{"execution":{"iopub.execute_input":{"toString":1}},"sparsebook":7},"source":"1","outputs":[5],"execution_count":"one"}',
      ),
      below,
      /./,
    ],
    'an attachment that is a number': [withText('before ![x](attachment:a.png)', '{"a.png":5}'), text, /before/],
    'an image with a bad escape': [withText('before ![x](%ff)'), text, /before/],
    'a kernel that is a number': [
      withKernel('{"name":5}'),
      kernel,
      /a kernel's name must be made of letters.*received 5/,
    ],
    'a kernel that is a path': [
      withKernel('{"name":"../../k"}'),
      kernel,
      /a kernel's name must be made of letters.*received "\.\.\/\.\.\/k"/,
    ],
    'a kernel without a name': [
      withKernel('{}'),
      kernel,
      /a kernel's name must be made of letters.*received undefined/,
    ],
    'a kernelspec that is null': [withKernel('null'), kernel, /a kernel's name must be made of letters/],
    'endlessly nested parameters': [
      withCell(
        `{"cell_type":"code","id":"c","metadata":{"tags":["parameters"]},"source":"const a = ${nested(3000)};"}`,
      ),
      ({ state }) => state.file?.note,
      /The parameters cannot be read/,
    ],
    'hundreds of thousands of outputs': [
      withOutputs(`[${Array(100_000).fill('{"output_type":"display_data","metadata":{},"data":{}}').join()}]`),
      below,
      /99,500 further outputs are left out/,
    ],
    'a text of 30 MB': [
      withOutputs(`[{"output_type":"stream","name":"stdout","text":"${'x'.repeat(30_000_000)}"}]`),
      below,
      /29,\d+,\d+ characters are left out here/,
    ],
    'outputs of 90 MB': [
      withOutputs(
        `[${Array(3)
          .fill(`{"output_type":"display_data","metadata":{},"data":{"text/html":"${'x'.repeat(30_000_000)}"}}`)
          .join()}]`,
      ),
      below,
      /left out/,
    ],
  };
  function below(page: Page): string | undefined {
    return page.state.cells.c?.outputs && page.shown('c');
  }
  function text(page: Page): string | undefined {
    return page.state.cells.c?.text?.html;
  }
  function kernel({ state }: Page): string | undefined {
    return state.kernel?.note;
  }

  for (const [what, [json, where, says]] of Object.entries(odd)) {
    test(`outlives ${what}, and shows the error in its place`, async () => {
      const name = `${what.replaceAll(' ', '-')}.ipynb`;
      writeFileSync(join(site.folder, name), json);
      const page = await new Page(site, name).connect();
      await page.until(String(says), (at) => where(at) !== undefined);
      assert.match(where(page) ?? '', says);
      page.disconnect();
      await isAlive();
      rmSync(join(site.folder, name));
    });
  }

  test('opening notebooks starts no kernel', () => {
    assert.deepEqual(kernelsOf(process.pid), []);
  });

  test('outlives cells whose outputs cannot be shown; the cells after them run', async () => {
    const page = await new Page(site, 'running.ipynb').connect();
    await page.until('the cells', ({ state }) => state.order !== undefined);
    await page.do({ do: 'runAll' });
    await page.until('the last cell', (at) => at.ran('last') && at.state.cells.last.outputs !== undefined);
    for (const id of ['figure', 'formula', 'last']) assert.notEqual(page.shown(id), '', id);
    await isAlive();
    page.disconnect();
  });

  test('lists notebooks that cannot be opened with the reason, which opening them shows too', async () => {
    const at = (name: string): string => join(site.folder, name);
    mkdirSync(at('a-folder.ipynb'));
    symlinkSync(at('nowhere.ipynb'), at('b-broken.ipynb'));
    symlinkSync(at('c-loop.ipynb'), at('c-loop.ipynb'));
    execFileSync('mkfifo', [at('d-pipe.ipynb')]);
    writeFileSync(at('e-json.ipynb'), '{"cells": [');
    writeFileSync(at('f-deep.ipynb'), nested(1e6));
    writeFileSync(at('g-latin.ipynb'), Buffer.from(withText('é'), 'latin1'));
    writeFileSync(at('h-line\nbreak.ipynb'), withText('x'));
    writeFileSync(at('i-huge.ipynb'), '');
    truncateSync(at('i-huge.ipynb'), 3e9);
    writeFileSync(at('j-marked.ipynb'), `\uFEFF${withText('# Marked')}`);
    symlinkSync('/dev/zero', at('k-device.ipynb'));
    const reasons: Record<string, RegExp> = {
      'a-folder.ipynb': /is not a file/,
      'b-broken.ipynb': /does not exist/,
      'c-loop.ipynb': /leads to itself/,
      'd-pipe.ipynb': /is not a file/,
      'e-json.ipynb': /is not a notebook: it is not JSON/,
      'f-deep.ipynb': /is not a notebook/,
      'g-latin.ipynb': /not text in UTF-8/,
      'h-line\nbreak.ipynb': /control characters/,
      'i-huge.ipynb': /has 3000 MB; notebooks of up to 100 MB are opened/,
      'k-device.ipynb': /leads out of the folder/,
    };
    for (let round = 0; round < 2; round++) {
      const listed = JSON.parse((await site.ask('GET', '/api/notebooks')).text) as ListedNotebook[];
      const faults = new Map(listed.map(({ path, fault }) => [path, fault]));
      for (const [path, reason] of Object.entries(reasons)) assert.match(faults.get(path) ?? '', reason, path);
      const marked = listed.find(({ path }) => path === 'j-marked.ipynb');
      assert.deepEqual([marked?.title, marked?.fault], ['Marked', undefined]);
      assert.equal(faults.get('well.ipynb'), undefined);
    }
    for (const [path, reason] of Object.entries(reasons)) {
      const { status, text: said } = await site.ask('GET', `/api/events/${encodeURIComponent(path)}`);
      assert.equal(status, 400, path);
      assert.match(said, reason, path);
    }
    await isAlive();
  });
});

test('whatever a file contains, it opens, is shown and is saved, or is refused with the reason', async (t) => {
  const scratch = mkdtempSync(join(tmpdir(), 'sparsebook-mutated-'));
  t.after(() => rmSync(scratch, { recursive: true }));
  const path = join(scratch, 'mutated.ipynb');
  const json = fc.jsonValue({ maxDepth: 3 });
  const words = fc.oneof({ weight: 3, arbitrary: fc.string() }, { weight: 3, arbitrary: fc.array(fc.string()) }, json);
  const mimes = ['text/plain', 'text/html', 'text/markdown', 'text/latex', 'image/svg+xml', 'image/png', 'application/json', 'application/vnd.plotly.v1+json']; // prettier-ignore
  const either = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 4, arbitrary: usual }, { weight: 1, arbitrary: json });
  const some = { requiredKeys: [] };
  const figure = fc.record({ data: json, layout: json, frames: json, config: json }, some);
  const output = fc.record(
    {
      output_type: either(fc.constantFrom('stream', 'error', 'display_data', 'execute_result', 'other')),
      name: either(fc.constantFrom('stdout', 'stderr')),
      text: words,
      data: either(fc.dictionary(fc.constantFrom(...mimes), fc.oneof(words, figure))),
      metadata: json,
      ename: json,
      evalue: json,
      traceback: words,
      execution_count: json,
    },
    some,
  );
  const metadata = fc.record(
    {
      tags: fc.constantFrom(['parameters'], ['raises-exception'], []),
      execution: either(fc.dictionary(fc.constantFrom('iopub.execute_input', 'shell.execute_reply'), json)),
      sparsebook: either(fc.record({ sourceHash: json })),
    },
    some,
  );
  const cell = fc.record(
    {
      cell_type: fc.constantFrom('code', 'code', 'markdown', 'raw'),
      id: json,
      source: fc.oneof(
        fc.string(),
        fc.array(fc.string()),
        fc.constantFrom('const a = 1; // try 2', '# T\n![x](%ff) $x$'),
      ),
      metadata: either(metadata),
      outputs: either(fc.array(either(output), { maxLength: 4 })),
      execution_count: json,
      attachments: either(fc.dictionary(fc.string(), json)),
    },
    { requiredKeys: ['cell_type', 'source'] },
  );
  const notebook = fc.record(
    {
      nbformat: fc.constant(4),
      nbformat_minor: json,
      metadata: either(fc.record({ kernelspec: either(fc.record({ name: either(fc.string()) })) }, some)),
      cells: fc.array(cell, { maxLength: 4 }),
    },
    { requiredKeys: ['nbformat', 'cells'] },
  );
  await fc.assert(
    fc.asyncProperty(notebook, async (value) => {
      writeFileSync(path, JSON.stringify(value));
      const opening = LiveSession.open(new DocumentFile(path), 'mutated.ipynb');
      const session = await opening.catch((error: Error) => {
        assert.equal(error.name, 'UserError', error.stack);
      });
      if (!session) return;
      const { order = [], cells } = session.opening();
      JSON.stringify([cells, session.since(session.clock.version, 0)]);
      for (const id of order) session.document.cell(id).edit('const b = [2]; // changed');
      session.changed();
      session.code.toRun();
      assert.equal(await session.save(), true, session.status.get().note);
      await (await LiveSession.open(new DocumentFile(path), 'mutated.ipynb')).stop();
    }),
    { numRuns: fuzzRuns(200) },
  );
});
