import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';
import type { Output } from 'sparsebook/notebook/run/notebook.js';
import { sourceHash } from 'sparsebook/notebook/run/notebookFile.js';
import { codeCell, notebookOf, renderFixture, visible } from './fixture.ts';

const showcase = await renderFixture('showcase');
const plain = await renderFixture('plain');
const count = (html: string, pattern: RegExp): number => [...html.matchAll(new RegExp(pattern, 'g'))].length;

test('a report has one title, the landmarks and a skip link', () => {
  for (const html of [showcase, plain]) {
    const page = visible(html);
    for (const tag of [/<h1>/, /<main /, /<body>\s*<a class="skip" href="#main">/, /<nav /])
      assert.equal(count(page, tag), 1);
    assert.equal(count(page, /\n<header>/), 1);
    assert.equal(count(page, /\n<footer>/), 1);
    assert.match(page, /<html lang="en">/);
  }
  assert.match(visible(showcase), /<h1>(<a id=[^>]*><\/a>)+How many channels does a GoogleNet need\?<\/h1>/);
  assert.match(showcase, /<title>How many channels does a GoogleNet need\?<\/title>/);
});

test("code is highlighted in the notebook's language", () => {
  const notebook = notebookOf(codeCell("total = 0  # the run's sum"));
  for (const [language_info, comment] of [
    [{ name: 'python' }, /<span class="hljs-comment"># the run&#x27;s sum<\/span>/],
    [{ name: 'unheard-of' }, /<code>total = 0 {2}# the run&#39;s sum<\/code>/],
    [5, /<span class="hljs-number">0<\/span> {2}# the run/],
  ] as const) {
    assert.match(renderReport({ ...notebook, metadata: { language_info } }, { name: 'sums' }), comment);
  }
});

test('a notebook without a heading of level 1 is titled by its name', () => {
  assert.match(plain, /<h1>plain<\/h1>/);
});

test('the table of contents leads to every section, even to two of the same name', () => {
  const targets = [...visible(plain).matchAll(/<li class="level-2"><a href="#([^"]+)">/g)].map((match) => match[1]);
  assert.deepEqual(targets, ['section-one', 'section-one--2']);
  for (const id of targets) assert.equal(count(plain, new RegExp(`<h2 id="${id}"`)), 1);
});

test('apart from its figures a report stays under 2.5 MB, and without figures or formulas it is small', () => {
  const figures = [...showcase.matchAll(/<script type="application\/json">.*?<\/script>|data:image[^"]*/g)].join(
    '',
  ).length;
  assert.ok(Buffer.byteLength(showcase) - figures < 2.5e6);
  // If all of KaTeX's fonts were used, they would still fit: 350 kB instead of the showcase's fonts.
  const fonts = [...showcase.matchAll(/data:font\/woff2;base64,[^)]*/g)].join('').length;
  assert.ok(fonts > 50_000);
  assert.ok(Buffer.byteLength(showcase) - figures - fonts + 350_000 < 2.5e6);
  assert.ok(Buffer.byteLength(plain) < 60_000);
});

test('a report contains no address that a browser would load', () => {
  for (const html of [showcase, plain]) {
    const page = html.replace(/<script type="text\/plain" id="plotly">[^<]*/, '');
    for (const [, address] of page.matchAll(/(?:src|srcset|poster|data|background)="([^"]*)"/g))
      assert.match(address, /^data:/);
    for (const [tag] of page.matchAll(/<(?:link|base|iframe|object|embed)\b[^>]*>/g))
      assert.equal(tag, '<link rel="icon" href="data:,">');
    assert.doesNotMatch(page, /url\((?!data:|#)/);
    assert.doesNotMatch(page, /@import/);
    // Every other address is a link, or the name of a namespace.
    for (const [, before] of page.matchAll(/(.{0,14})https?:\/\/(?!www\.w3\.org)/g)) {
      assert.match(before, /href="$|'$|&#(39|x27);$/);
    }
  }
});

test('the policy of the page admits its own scripts by their hashes and nothing else', () => {
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(showcase)![1];
  assert.match(policy, /^default-src 'none'; script-src ('sha256-[\w+/=]+' ?){3};/);
  assert.doesNotMatch(policy, /https?:|\*|unsafe-eval|script-src[^;]*unsafe-inline/);
  assert.equal(count(plain, /script-src ('sha256-[\w+/=]+' ?){2};/), 1);
});

test('figures with flat axes need the small bundle of plotly.js, all others the full one, and code that may run counts too', () => {
  const size = (type: string, source = 'show()', runs = false): number => {
    const figure = { data: [{ type, y: [1, 2] }], layout: {} };
    const outputs: Output[] = [
      { output_type: 'display_data', data: { 'application/vnd.plotly.v1+json': figure }, metadata: {} },
    ];
    const notebook = { cells: [], controls: [], texts: [], missingRuns: [] };
    const program = runs ? { notebook, code: '', files: new Map() } : undefined;
    const html = renderReport(notebookOf(codeCell(source, { outputs })), { name: 'plots', program });
    return /<script type="text\/plain" id="plotly">([^<]*)/.exec(html)![1].length;
  };
  const [small, full] = [size('scatter'), size('scatter3d')];
  assert.ok(small < 0.4 * full, `${small} and ${full} letters`);
  assert.equal(size('scatter', "draw({ type: 'surface' })"), small);
  assert.equal(size('scatter', "draw({ type: 'surface' })", true), full);
  assert.equal(size('bar', "draw({ type: 'violin' })", true), small);
});

test('formulas are rendered, with only the fonts they need', () => {
  assert.equal(count(visible(showcase), /class="katex"/), 7);
  assert.doesNotMatch(visible(showcase), /katex-error/);
  for (const family of ['KaTeX_Main', 'KaTeX_Math', 'KaTeX_Caligraphic', 'KaTeX_Size1']) {
    assert.match(showcase, new RegExp(`@font-face\\{[^}]*font-family:${family};[^}]*url\\(data:font/woff2`));
  }
  assert.doesNotMatch(showcase, /@font-face\{[^}]*KaTeX_Fraktur/);
  assert.doesNotMatch(plain, /@font-face/);
});

test('parameters show their values in this run, their defaults, and what they mean', () => {
  const page = visible(showcase);
  const row = /<tr class="changed">.*?<\/tr>/.exec(page)![0];
  assert.match(row, /lambda_l0.*<code>20<\/code>.*instead of <code>10<\/code>.*penalty of one open gate/);
  assert.match(
    page,
    /<code>&quot;synthetic&quot;<\/code><\/td><td>&#39;synthetic&#39;, .*https:\/\/example\.org\/cifar/,
  );
  assert.match(page, /droprate_init<\/code><\/th><td class="value"><code>0\.05</);
});

test('provenance shows what the run recorded', () => {
  const page = visible(showcase);
  assert.match(page, /Git revision<\/th><td>revision 3f2c9ab, dirty true/);
  assert.match(page, /Versions<\/th><td>sparsebook 0\.1\.0, node 20\.20\.0/);
  assert.match(page, /Data<\/th><td>synthetic \(seed 1\)/);
  assert.doesNotMatch(visible(plain), /Provenance/);
  const metadata = {
    papermill: { start_time: '2026-01-05T10:00:00.123Z', duration: 151.23, parameters: {} },
    sparsebook: { parameters: { lambda_l0: 20 }, seed: 7 },
  };
  const run = visible(renderReport({ ...notebookOf(), metadata }, { name: 'x' }));
  assert.match(run, /Date<\/th><td>2026-01-05T10:00:00Z<.*Duration<\/th><td>151\.2 s<.*seed<\/th><td>7</);
  assert.doesNotMatch(run, /lambda_l0/);
});

test('cells whose outputs are older than their source, or missing, are counted at the top and marked in place', () => {
  const page = visible(showcase);
  assert.match(
    page,
    /1 cell has outputs older than its source:<\/strong> <a href="#cell-12">cell 7, Accuracy against sparsity</,
  );
  assert.match(page, /1 cell was not run:<\/strong> <a href="#cell-14">cell 9, Accuracy against sparsity</);
  assert.equal(count(page, /class="warning stale"/), 1);
  assert.equal(count(page, /class="warning missing"/), 1);
  assert.match(page, /id="cell-12"(?:(?!<section).)*class="warning stale"/s);
});

test('a cell is stale exactly if its source no longer has the recorded hash', () => {
  const render = (source: string, hash: string): string =>
    visible(
      renderReport(notebookOf(codeCell(source, { metadata: { sparsebook: { sourceHash: hash } } })), {
        name: 'x',
      }),
    );
  assert.doesNotMatch(render('let a = 1;', sourceHash('let a = 1;')), /warning/);
  assert.match(render('let a = 2;', sourceHash('let a = 1;')), /warning stale/);
  assert.equal(sourceHash('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('a cell that failed is marked unless the failure was expected', () => {
  const error = { output_type: 'error' as const, ename: 'Error', evalue: 'x', traceback: [] };
  const render = (tags: string[]): string =>
    visible(
      renderReport(notebookOf(codeCell('f()', { outputs: [error], metadata: { tags } })), {
        name: 'x',
      }),
    );
  assert.match(render([]), /1 cell ended in an error/);
  assert.match(render([]), /Error: x/);
  assert.doesNotMatch(render(['raises-exception']), /warning|notices/);
});

test('a cell that ended the kernel is marked, and so are the cells that did not run because of it', () => {
  const ended = { output_type: 'error' as const, ename: 'KernelDied', evalue: 'exit code 0', traceback: [] };
  const page = visible(
    renderReport(
      notebookOf(
        codeCell('process.exit(0)', {
          outputs: [{ output_type: 'stream', name: 'stdout', text: 'accuracy 99 %' }, ended],
        }),
        codeCell('never()', { execution_count: null }),
      ),
      { name: 'x' },
    ),
  );
  assert.match(
    page,
    /1 cell ended in an error:<\/strong> <a href="#cell-1">.*1 cell was not run:<\/strong> <a href="#cell-2">/,
  );
  assert.match(page, /class="warning failed".*accuracy 99 %.*KernelDied: exit code 0/s);
  assert.match(page, /id="cell-2"(?:(?!<section).)*class="warning missing"/s);
});

const start_time = '2026-01-05T10:00:00Z';
const records: [what: string, papermill: object, warned: boolean][] = [
  ['ended well', { start_time, end_time: start_time, duration: 1, exception: false }, false],
  ['failed', { start_time, end_time: start_time, duration: 1, exception: true }, true],
  ['was killed', { start_time }, true],
];
for (const [what, papermill, warned] of records) {
  test(`the page's top shows whether the run reached its end: one that ${what}`, () => {
    const page = visible(renderReport({ ...notebookOf(codeCell('f()')), metadata: { papermill } }, { name: 'x' }));
    assert.equal(/class="notices".*did not reach its end/.test(page), warned);
  });
}

test('counts, names and values of a wrong type never reach the page unescaped', () => {
  const meta = '<meta http-equiv=refresh content=0>' as never;
  const html = renderReport(
    { ...notebookOf(codeCell('1', { execution_count: meta })), metadata: { sparsebook: { [meta]: meta } } },
    { name: meta },
  );
  assert.doesNotMatch(html.slice(html.indexOf('<body>')), /<meta/);
});

test('long code is folded, short code is open, and skipped or empty cells raise no warning', () => {
  assert.equal(count(visible(showcase), /<details class="code">/), 1);
  assert.match(visible(showcase), /<details class="code" open>/);
  assert.doesNotMatch(visible(plain), /warning|cell-5/);
  assert.doesNotMatch(visible(plain), /never shown/);
});

const marks: [what: string, metadata: Record<string, unknown>, code: boolean | 'folded', output: boolean | 'folded'][] =
  [
    ['no mark', {}, true, true],
    ['hide-input', { tags: ['hide-input'] }, 'folded', true],
    ['source_hidden', { jupyter: { source_hidden: true } }, 'folded', true],
    ['hide-output', { tags: ['hide-output'] }, true, 'folded'],
    ['outputs_hidden', { jupyter: { outputs_hidden: true } }, true, 'folded'],
    ['collapsed', { collapsed: true }, true, 'folded'],
    ['hide-cell', { tags: ['hide-cell'] }, 'folded', 'folded'],
    ['remove-input', { tags: ['remove-input'] }, false, true],
    ['remove-output', { tags: ['remove-output'] }, true, false],
    ['remove-cell', { tags: ['remove-cell'] }, false, false],
    ['a tag as nbconvert writes it', { tags: ['remove_input'] }, false, true],
    ['marks of wrong types', { jupyter: 5, collapsed: 'yes' }, true, true],
  ];
for (const [what, metadata, code, output] of marks) {
  test(`a cell shows as much as its tags request: ${what}`, () => {
    const cell = codeCell('f()', { metadata, outputs: [{ output_type: 'stream', name: 'stdout', text: 'printed' }] });
    const page = visible(renderReport(notebookOf(cell), { name: 'x' }));
    assert.equal(/<details class="code"/.test(page), code !== false);
    assert.equal(/<details class="code" open>/.test(page), code === true);
    assert.equal(/printed/.test(page), output !== false);
    assert.equal(/<details class="outputs"><summary>.*printed/.test(page), output === 'folded');
  });
}

test('a cell that is left out still raises its warnings', () => {
  const cell = codeCell('f()', { metadata: { tags: ['remove-cell'] }, execution_count: null });
  assert.match(visible(renderReport(notebookOf(cell), { name: 'x' })), /href="#cell-1".*id="cell-1"/s);
});

test('markdown shows harmless HTML, images only from the notebook itself, and no link that runs', () => {
  const page = visible(plain);
  assert.match(page, / <b>raw HTML is text<\/b>/);
  assert.doesNotMatch(page.slice(page.indexOf('<main')), /hacked=1(?!\))/);
  assert.match(page, /<a href="https:\/\/elsewhere\.example\/x\.png" rel="noopener noreferrer">far<\/a>/);
  assert.match(page, /<img src="data:image\/gif;base64,R0lGODlhAQABAAAAACw=" alt="near">/);
  assert.doesNotMatch(page, /href="javascript/);
});

test('the same notebook renders to the same page', async () => {
  assert.equal(await renderFixture('showcase'), showcase);
});

test('a notebook without cells is rendered too', () => {
  assert.match(renderReport(notebookOf(), { name: '<empty>' }), /<h1>&lt;empty&gt;<\/h1>/);
});
