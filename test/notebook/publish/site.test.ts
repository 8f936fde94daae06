import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { serveFolder } from 'sparsebook/notebook/publish/serveFolder.js';
import { renderSite, siteFolder, type RenderedPage, type SiteOptions } from 'sparsebook/notebook/publish/site.js';
import { checkFolderWritable } from 'sparsebook/platform/writeFolder.js';
import { codeCell, notebookOf, visible } from '../report/fixture.ts';
import { figure, notebookFiles, publish, text } from './sites.ts';

const page = (files: Map<string, Uint8Array>, name: string): string => Buffer.from(files.get(name)!).toString();

const introduction = `# Which *channels* are needed?

A network has many.

## Not in the list

**What to expect.** Half of them go.

**Time.** A minute.`;

test('the list links to each page, with its title, its question and results, its size and how long its run took', async () => {
  const run = { duration: 192, start_time: '2026-01-01T00:00:00Z' };
  const first = { ...notebookOf(text(introduction), figure), metadata: { papermill: run } };
  const files = await renderSite(notebookFiles({ '01-first': first, 'a plain one': [codeCell('1 + 1')] }));
  const list = visible(page(files, 'index.html'));
  assert.match(list, /<a href="01-first\.html">Which channels are needed\?<\/a>/);
  assert.match(list, /<p>A network has many\.<\/p>\s*<p><strong>What to expect\.<\/strong> Half of them go\.<\/p>/);
  assert.doesNotMatch(list, /Not in the list|A minute/);
  assert.match(list, /0\.\d MB · its run took 3:12 min</);
  assert.match(list, /<a href="a%20plain%20one\.html">a plain one<\/a>/);
  assert.deepEqual([...files.keys()].filter((name) => name.endsWith('.html')).sort(), [
    '01-first.html',
    'a plain one.html',
    'index.html',
  ]);
});

test('titles and names are text, whatever they contain', async () => {
  const odd = `a'"&<b>`;
  const files = await renderSite(
    notebookFiles({
      [odd]: [text('no title')],
      named: [text('# `<script>x()</script>` & "quotes"\n\n<img src=x onerror=x()>')],
    }),
  );
  const list = visible(page(files, 'index.html'));
  assert.match(list, />&lt;script&gt;x\(\)&lt;\/script&gt; &amp; &quot;quotes&quot;<\/a>/);
  assert.match(list, /<a href="a&#39;%22%26%3Cb%3E\.html">a&#39;&quot;&amp;&lt;b&gt;<\/a>/);
  assert.doesNotMatch(list, /<script|onerror|<b>/);
});

test('links from one notebook to another lead to its page, and other links stay as they were', async () => {
  const links = '[b](b.ipynb) [part](two%20words.ipynb#Part) [unknown](c.ipynb) [below](x/b.ipynb) `href="b.ipynb"`';
  const files = await renderSite(notebookFiles({ a: [text(links)], b: [], 'two words': [] }));
  const found = [...visible(page(files, 'a.html')).matchAll(/ href="([^"#]*(?:ipynb|html)[^"]*)"/g)].map(
    ([, link]) => link,
  );
  assert.deepEqual(found, ['index.html', 'b.html', 'two%20words.html#Part', 'c.ipynb', 'x/b.ipynb']);
});

test('plotly.js is one file of the site, and the policy lets a page load that file and nothing else', async () => {
  const files = await renderSite(notebookFiles({ a: [figure], b: [figure], c: [text('no figure')] }));
  const bins = [...files.keys()].filter((name) => name.endsWith('.bin'));
  const [plotly] = bins;
  assert.equal(bins.length, 1);
  const hash = createHash('sha256').update(files.get(plotly)!).digest('hex');
  assert.equal(plotly, `plotly-${hash.slice(0, 10)}.bin`, 'under a name that changes with it');
  assert.ok(files.get(plotly)!.length > 4e5);
  for (const name of ['a.html', 'b.html', 'c.html', 'index.html']) {
    const html = page(files, name);
    assert.ok(html.length < 200_000, `${name} has ${html.length} bytes`);
    const [, policy] = /Content-Security-Policy" content="([^"]*)"/.exec(html)!;
    assert.match(policy, /default-src 'none'.*worker-src 'self'; connect-src 'self';/);
    assert.doesNotMatch(policy, /unsafe-eval|https?:|\*/);
    assert.doesNotMatch(html, /(?:src|href)="(?:https?:)?\/\//);
  }
});

test('runs that are missing are reported to the publisher and to the page that runs', async () => {
  process.env.SPARSEBOOK_DATA = mkdtempSync(join(tmpdir(), 'data-'));
  const metadata = { sparsebook: { runs: [{ id: 'gone', name: 'tune 20' }] } };
  const shown = codeCell('1 + 1', {
    outputs: [{ output_type: 'display_data', data: { 'text/plain': 'x' }, metadata }],
  });
  const rendered: RenderedPage[] = [];
  const options: SiteOptions = { runs: (file) => file.endsWith('runs.ipynb'), onPage: (one) => rendered.push(one) };
  const files = await renderSite(notebookFiles({ runs: [shown], shows: [shown] }), options);
  assert.deepEqual(
    rendered.map(({ name, missingRuns }) => [name, missingRuns]),
    [
      ['runs.html', ['tune 20']],
      ['shows.html', []],
    ],
  );
  assert.match(page(files, 'runs.html'), /"missingRuns":\["tune 20"\]/);
  assert.ok(!page(files, 'shows.html').includes('missingRuns'));
});

test('two pages of one name are refused, even if the names differ only in capitals', async () => {
  const [a] = notebookFiles({ same: [] });
  const [b] = notebookFiles({ Same: [] });
  const [list] = notebookFiles({ index: [] });
  for (const [given, named] of [
    [[a, b], b],
    [[list], list],
  ] as const) {
    await assert.rejects(renderSite(given), { name: 'UserError', message: `${named} cannot be the page ${named.endsWith('index.ipynb') ? 'index' : 'Same'}.html: there is one already. Rename it.` }); // prettier-ignore
  }
});

test('a site replaces the previous one, but nothing that contains files of others', async () => {
  const site = await publish({ a: [] });
  await checkFolderWritable(site, await siteFolder(site));
  const others: [what: string, make: (path: string) => void][] = [
    ['a user’s own folder', (path) => writeFileSync(join(path, 'index.html'), 'mine')],
    ['a site with a file that was added', (path) => copyTo(path, site, 'CNAME')],
    ['a mark that is no JSON', (path) => writeFileSync(join(path, 'sparsebook-site.json'), 'mine')],
    ['a mark that lists no files', (path) => (writeFileSync(join(path, 'sparsebook-site.json'), '{"files": [1]}'), writeFileSync(join(path, '1'), 'mine'))], // prettier-ignore
  ];
  for (const [what, make] of others) {
    const path = mkdtempSync(join(tmpdir(), 'foreign-'));
    make(path);
    const isMarkAlone = readdirSync(path).join() === 'sparsebook-site.json';
    if (isMarkAlone) writeFileSync(join(path, 'thesis.txt'), 'mine');
    const named = what.includes('was added') ? 'CNAME was added to this one\\. Move that away' : '';
    const message = new RegExp(
      `is not written: only a site that publish wrote or an empty folder may be replaced, and .*${named}`,
    );
    await assert.rejects(siteFolder(path).then((kind) => checkFolderWritable(path, kind)), { name: 'UserError', message }, what); // prettier-ignore
  }
});

function copyTo(path: string, site: string, added: string): void {
  for (const name of readdirSync(site)) writeFileSync(join(path, name), readFileSync(join(site, name)));
  writeFileSync(join(path, added), 'mine');
}

test('the plain server serves the files of its folder below its path, without isolating them, and nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'served-'));
  const inner = join(folder, 'site');
  mkdirSync(join(inner, 'sub'), { recursive: true });
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  writeFileSync(join(inner, 'index.html'), 'the list');
  writeFileSync(join(inner, 'a b.bin'), 'bytes');
  const { address, close } = await serveFolder(inner, '/deep/');
  t.after(close);
  const get = async (path: string): Promise<string> => {
    const answer = await fetch(new URL(path, address));
    assert.equal(answer.headers.get('cross-origin-embedder-policy'), null);
    return `${answer.status} ${await answer.text()}`;
  };
  for (const [path, answer] of [
    ['', '200 the list'],
    ['a%20b.bin', '200 bytes'],
    ['none', '404 '],
    ['sub', '404 '],
    ['/', '404 '],
    ['..%2fsecret.txt', '404 '],
    ['%2e%2e', '404 '],
    ['%ff', '404 '],
  ]) {
    assert.equal(await get(path), answer, path);
  }
});
