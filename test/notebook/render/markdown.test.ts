import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { outputPage } from 'sparsebook/notebook/render/inNode.js';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';
import type { Cell, TextCell } from 'sparsebook/notebook/run/notebook.js';
import { renderMarkdownCell } from 'sparsebook/notebook/render/markdown.js';
import { notebookOf, visible } from '../report/fixture.ts';

const render = (source: string, attachments?: unknown): string =>
  String(renderMarkdownCell(source, { headings: [] }, outputPage(), { attachments, name: 'Cell 1' }));

const text = (source: string, more: Partial<TextCell> = {}): Cell => ({
  cell_type: 'markdown',
  id: 'm',
  metadata: {},
  source,
  ...more,
});

const shown: [what: string, source: string, ...html: RegExp[]][] = [
  ['a line break and marks', 'a<br>H<sub>2</sub>O <kbd>Ctrl</kbd>', /a<br>H<sub>2<\/sub>O <kbd>Ctrl<\/kbd>/],
  ['a colour', '<span style="color:red">r</span>', /<span style="color: red">r<\/span>/],
  [
    'a part that unfolds, with Markdown in it',
    '<details><summary>More</summary>\n\n*x*\n\n</details>',
    /<details><summary>More<\/summary>\s*<p><em>x<\/em><\/p>\s*<\/details>/,
  ],
  ['a comment', 'a <!-- secret --> b\n\n<!-- secret -->\n\n[//]: # (secret)', /^<p>a +b<\/p>\s*$/],
  [
    'an image with a width',
    '<img src="data:image/png;base64,AAAA" width="50">',
    /<img src="data:image\/png;base64,AAAA" width="50"/,
  ],
  ['a script', 'a <script>hacked=1</script>', /^<p>a (hacked=1)?<\/p>\s*$/],
  ['an element that would leave its place', 'a </p></section></main> b', /^<p>a <\/p>\s*b/],
  ['a formula beside HTML', '<b>x</b> $y^2$', /<b>x<\/b> <span class="katex">/],
  ['code beside HTML', '<b>x</b>\n\n```ts\nconst a = 1;\n```', /<b>x<\/b>[^]*<span class="hljs-keyword">const/],
  [
    'a placeholder in the text itself',
    '<span class="sparsebook-part-5"></span><b title="<span class=&quot;sparsebook-part-0&quot;></span>">t</b> $x$',
    /^<p><b title="[^"]*">t<\/b> <span class="katex">/,
  ],
  [
    'an environment without dollars',
    '\\begin{align}\na &= b\n\\end{align}',
    /^<p class="displayed"><span class="katex-block"><span class="katex-display">[^]*>1</,
  ],
  [
    'a displayed formula in a sentence',
    'before $$\nc = 2\n$$ and after',
    /^<p>before <span class="katex-block">[^]*<\/span> and after<\/p>\s*$/,
  ],
  [
    'a displayed formula on its own',
    'before\n\n$$\nc\n$$\n\nafter',
    /<p>before<\/p>\s*<p class="displayed">[^]*<\/p>\s*<p>after<\/p>/,
  ],
  ["Jupyter's brackets", 'a \\\\(z^2\\\\) \\[no formula\\]', /a <span class="katex">[^]*<\/span> \[no formula\]/],
  [
    'a formula that is too deep',
    `a $${'\\frac{'.repeat(3000)}1${'}{2}'.repeat(3000)}$ b`,
    /^<p>a <span class="katex-error"[^]* b<\/p>/,
  ],
  ['tasks', '- [ ] open\n- [x] done', /<li class="task">☐ open<\/li>\s*<li class="task">☑ done<\/li>/],
  [
    'an alert',
    '> [!WARNING] <b>\n> Care',
    /<div class="markdown-alert markdown-alert-warning"><p class="markdown-alert-title">&lt;b&gt;<\/p>\s*<p>Care/,
  ],
  ['a footnote', 'a[^1]\n\n[^1]: The note.', /href="#fn-[^]*The note\./],
  [
    'an image with a bad escape',
    '![latin](caf%E9.png) ![x](%ff)',
    /<a href="caf%E9.png"[^>]*>latin<\/a> <a href="%ff"/,
  ],
  [
    'an image that is not attached',
    '![x](attachment:a.png)',
    /<em>x \(the image a\.png is not attached to this cell\)<\/em>/,
  ],
  ['a link that runs', '[a](javascript:x) <a href="javascript:x">b</a>', /^<p>\[a\]\(javascript:x\) b<\/p>/],
];
for (const [what, source, ...patterns] of shown) {
  test(`Markdown is shown as in Jupyter: ${what}`, () => {
    const html = render(source);
    for (const pattern of patterns) assert.match(html, pattern);
    assert.doesNotMatch(html, /<script|href="javascript|secret/);
  });
}

for (const attachments of [
  5,
  null,
  'x',
  [],
  { 'a.png': 5 },
  { 'a.png': [] },
  { 'a.png': { 'image/png': 5, 'text/html': '<b>' } },
]) {
  test(`attachments of a wrong type do no harm: ${JSON.stringify(attachments)}`, () => {
    const html = render('![x](attachment:a.png) and more', attachments);
    assert.match(html, /and more/);
    assert.doesNotMatch(html, /text\/html/);
  });
}

test('links lead to headings by the names that Jupyter and GitHub give them, and to anchors, in any script', () => {
  const links = '[t](#T) [a](#Final-Results) [b](#final-results) [c](#here) [d](#Für-Ä) [e](#结果)';
  const page = visible(
    renderReport(notebookOf(text(`# T\n${links}`), text('<a id="here"></a>\n\n## Final Results\n## Für Ä\n## 结果')), {
      name: 'x',
    }),
  );
  const targets = [...page.matchAll(/href="#(user-content-[^"]*)"/g)].map(([, name]) => decodeURIComponent(name));
  assert.equal(targets.length, 6);
  for (const name of targets) assert.match(page, new RegExp(` id="${name}"`), name);
  for (const [, id] of page.matchAll(/<li class="level-\d"><a href="#([^"]*)"/g))
    assert.match(page, new RegExp(`<h2 id="${id}"`));
});

test('links lead to headings and anchors from a text with HTML, and to each of several headings with the same name', () => {
  const links =
    '<b>x</b> [a](#Results) [b](#results-1) [c](#results-2) [d](#named) <a href="#results">e</a> [f](#head)';
  const texts = [text(`# T\n${links}`), text('## Results\n## Results\n### Results'), text('<a name="named"></a>')];
  const page = visible(renderReport(notebookOf(...texts, text('<h2 id="head">h</h2>')), { name: 'x' }));
  const targets = [...page.matchAll(/href="#(user-content-[^"]*)"/g)].map(([, name]) => name);
  assert.equal(targets.length, 6);
  for (const name of targets) assert.match(page, new RegExp(` id="${name}"`), name);
});

test('a name in the text cannot be the name of a part of the page', () => {
  const page = renderReport(notebookOf(text('## main\n\n<a id="plotly"></a><p id="main">x</p>')), { name: 'x' });
  assert.equal(page.match(/ id="main"/g)?.length, 1);
  assert.doesNotMatch(page, / id="plotly"/);
});

test('if several headings have level 1, the first is the title, and all others move one level down', () => {
  const page = visible(
    renderReport(notebookOf(text('# Whole'), text('# Part\n## Context'), text('# Part\n## Context')), { name: 'x' }),
  );
  assert.match(page, /<h1>(<a id=[^>]*><\/a>)+Whole<\/h1>/);
  const headings = [...page.matchAll(/<h(\d) id="[^"]*">(?:<a [^>]*><\/a>)*(\w+)/g)].map(
    ([, level, name]) => `${level} ${name}`,
  );
  assert.deepEqual(headings, ['2 Part', '3 Context', '2 Part', '3 Context']);
});

test("images in the notebook's folder are in the page, and nothing else is", () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  mkdirSync(join(folder, 'nb', 'img'), { recursive: true });
  writeFileSync(join(folder, 'outside.png'), 'out');
  for (const name of ['img/my dot.png', 'key.txt']) writeFileSync(join(folder, 'nb', name), 'in');
  symlinkSync(join(folder, 'outside.png'), join(folder, 'nb', 'link.png'));
  symlinkSync('key.txt', join(folder, 'nb', 'key.png'));
  const names = [
    'img/my%20dot.png',
    '../outside.png',
    join(folder, 'outside.png'),
    'link.png',
    'key.txt',
    'key.png',
    'img/absent.png',
    'img/my%20dot.png?raw=true',
  ];
  const source = names.map((name) => `![p](${name})`).join('\n');
  const html = '<img width="5" src="img/my%20dot.png"> <img src=../outside.png>';
  const page = renderReport(notebookOf(text(source), text(html)), { name: 'x', folder: join(folder, 'nb') });
  const address = `data:image/png;base64,${btoa('in')}`;
  assert.deepEqual(page.match(/<img [^>]*?src="[^"]*"/g), [
    ...[1, 2].map(() => `<img src="${address}"`),
    `<img width="5" src="${address}"`,
  ]);
  assert.doesNotMatch(renderReport(notebookOf(text(source)), { name: 'x' }), /<img/);
});

test('a formula too long to render is shown as written, with the reason, and so is the rest of its cell', () => {
  const html = render(`before\n\n$$${'a+'.repeat(5000)}a$$\n\nafter $x$`);
  assert.match(
    html,
    /before[^]*katex-error" title="a formula must have at most 5000 characters[^]*a\+a\+[^]*after[^]*class="katex"/,
  );
});

test('a text that repeats one long address very often is replaced by a notice, before the address is written that often', () => {
  const html = render(`[a]: ${'x'.repeat(50_000)}\n\n${'[a]'.repeat(20_000)}`);
  assert.match(html, /Cell 1 cannot be shown: its addresses and words must have at most \d+ characters/);
  assert.ok(html.length < 10_000);
});
