import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outputPage } from 'sparsebook/notebook/render/inNode.js';
import { renderOutput, renderOutputs } from 'sparsebook/notebook/render/outputs.js';
import type { Output } from 'sparsebook/notebook/run/notebook.js';
import { renderFixture, visible } from '../report/fixture.ts';

const show = (data: Record<string, unknown>): string =>
  String(renderOutput({ output_type: 'display_data', data, metadata: {} }, outputPage()));
const plotly = 'application/vnd.plotly.v1+json';
/** The beginning of a PNG, by which it is recognised. */
const png = 'iVBORw0KGgoAAAA=';
const page = visible(await renderFixture('plain'));

test('texts on one stream are joined, their colours are shown and a line ends as its last carriage return left it', () => {
  assert.match(
    page,
    /<pre class="output stdout">a &lt;b&gt; &amp; <span style="color: var\(--ansi-red\)">red<\/span>\n100 %<\/pre>/,
  );
});

test('texts on different streams stay apart and in order', () => {
  const text = (name: 'stdout' | 'stderr', content: string): Output => ({ output_type: 'stream', name, text: content });
  const html = String(renderOutputs([text('stdout', 'a'), text('stderr', 'b'), text('stdout', 'c')], outputPage()));
  assert.deepEqual(html.match(/std(out|err)">./g), ['stdout">a', 'stderr">b', 'stdout">c']);
});

test('long text scrolls in a box that the keyboard reaches', () => {
  assert.match(
    show({ 'text/plain': 'x\n'.repeat(100) }),
    /class="output result long" tabindex="0" role="region" aria-label/,
  );
});

for (const [type, data] of [
  ['image/png', '!!!notbase64'],
  ['image/png', ''],
  ['image/jpeg', ['aa', 'bb']],
  ['image/gif', png],
  ['image/webp', 'AAAA'],
  ['image/svg+xml', '<svg'],
  ['image/svg+xml', 'no drawing'],
] as const) {
  test(`a value that is no image is replaced by a notice with its type: ${type}, ${JSON.stringify(data)}`, () => {
    const html = show({ [type]: data });
    assert.match(html, /class="unshown"[^]*This output cannot be shown: its (data|drawing)/);
    assert.doesNotMatch(html, /<img/);
  });
}

test('HTML that only scripts would draw is shown in its next form', () => {
  const html = '<div></div><SCRIPT>draw()</script><div><script>';
  assert.equal(show({ 'text/html': html, 'text/plain': 'a chart' }), show({ 'text/plain': 'a chart' }));
  assert.match(show({ 'text/html': `${html}</script>words`, 'text/plain': 'a chart' }), /rich scroll[^]*words/);
});

test('images have their text form as alternative text, and a number', () => {
  assert.match(page, /Figure 1<\/span><\/figcaption><img src="data:image\/png;base64,[^"]*" alt="one red dot">/);
  assert.match(show({ 'image/png': png, 'text/plain': '<Image>' }), /alt="Image that a cell put out"/);
});

/** The drawing inside the address of an image. */
function drawingIn(html: string): string {
  const [, address = ''] = /src="data:image\/svg\+xml;charset=utf-8,([^"]*)"/.exec(html) ?? [];
  return decodeURIComponent(address.replace(/&quot;/g, '"').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&#39;/g, "'").replace(/&amp;/g, '&')); // prettier-ignore
}

test('a drawing becomes an image, in which nothing can run', () => {
  const svg = drawingIn(page);
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 9 9">/);
  assert.match(svg, /<circle/);
  assert.doesNotMatch(svg, /script|onload/);
});

test('a drawing keeps its own styles', () => {
  const drawing =
    '<svg viewBox="0 0 9 9"><style>.bar{fill:crimson}#a{opacity:.5}</style><filter id="f"></filter><rect id="a" class="bar" filter="url(#f)"/></svg>';
  const svg = drawingIn(show({ 'image/svg+xml': drawing }));
  assert.match(svg, /<style>\.bar\{fill:crimson\}#a\{opacity:\.5\}<\/style>/);
  assert.match(svg, /<rect id="a" class="bar" filter="url\(#f\)"\/>/);
});

const formulas: [what: string, html: string, shown: RegExp][] = [
  ['between dollars', '<p>Energy $E = mc^2$</p>', /<p>Energy <span class="katex">/],
  ['displayed', '<p>$$a &lt; b$$</p>', /<p><span class="katex-block"><span class="katex-display">[^]*a &lt; b/],
  ['between brackets', '<p>\\(y\\) and \\[z\\]</p>', /<p><span class="katex">[^]* and <span class="katex-block">/],
  ['in code', '<code>$x$</code><pre>$y$</pre>', /<code>\$x\$<\/code><pre>\$y\$<\/pre>/],
  ['two prices', '<p>$5 and $6</p>', /<p>\$5 and \$6<\/p>/],
  ['in an attribute', '<b title="$x$">b</b>', /<b title="\$x\$">b<\/b>/],
];
for (const [what, html, pattern] of formulas) {
  test(`formulas in HTML are shown as in Jupyter: ${what}`, () => assert.match(show({ 'text/html': html }), pattern));
}

const terminal: [what: string, text: string, html: string][] = [
  ['a line that is restarted', 'working\rdone', 'doneing'],
  ['a deleted letter', 'tab\b\bX', 'tXb'],
  ['overwritten lines', 'a\nb\n\x1b[2A\x1b[2KA\n\x1b[2KB\n', 'A\nB\n'],
  ['a screen that is cleared', 'old\nlines\x1b[2J\x1b[Hnew', 'new'],
  ['the part below erased', 'a\nb\nc\x1b[2;1H\x1b[Jx', 'a\nx'],
  ['the part above erased', 'a\nb\x1b[1Jc', '\n c'],
  ['a position that is saved and restored', 'a\x1b[sbc\n\x1b[uX\x1b7 \x1b8Y', 'aXY\n'],
  ['a line by its number', 'a\nb\x1b[1dX', 'aX\nb'],
  ['letters removed, and blanked', 'abcdef\r\x1b[2P\x1b[CX\x1b[9X', 'cX  '],
  ['a position by its numbers', 'abc\n\x1b[1;2HX', 'aXc\n'],
  [
    'an overwritten colour',
    '\x1b[33m50 %\x1b[39m\r\x1b[32m100 %\x1b[39m',
    '<span style="color: var(--ansi-green)">100 %</span>',
  ],
  ['a bright colour', '\x1b[96mx', '<span style="color: var(--ansi-cyan)">x</span>'],
  [
    'one of 256 colours',
    '\x1b[38;5;208mx\x1b[38;5;244my',
    '<span style="color: rgb(255, 135, 0)">x</span><span style="color: rgb(128, 128, 128)">y</span>',
  ],
  ['one of all colours', '\x1b[38;2;1;2;3;1mx', '<span style="color: rgb(1, 2, 3); font-weight: 600">x</span>'],
  ['a background colour', '\x1b[48;2;1;2;3mx', '<span style="background: rgb(1, 2, 3)">x</span>'],
  ['inverse', '\x1b[7mx\x1b[27my', '<span style="color: var(--paper); background: var(--ink)">x</span>y'],
  ['inverse colours', '\x1b[31;7mx', '<span style="color: var(--paper); background: var(--ansi-red)">x</span>'],
  ['underlined, then not', '\x1b[4mx\x1b[24my', '<span style="text-decoration: underline">x</span>y'],
  ['bold and italic, then plain', '\x1b[1;3mx\x1b[0my', '<span style="font-weight: 600; font-style: italic">x</span>y'],
  ['a title and a link', '\x1b]0;title\x07\x1b]8;;javascript:x\x1b\\text\x1b]8;;\x1b\\', 'text'],
  [
    'invalid numbers',
    '\x1b[38;5mx\x1b[38;2;999999mz\x1b[;;mw',
    '<span style="color: var(--ansi-black)">x</span><span style="color: rgb(999999)">z</span>w',
  ],
];
for (const [what, text, html] of terminal) {
  test(`text is shown as in a terminal: ${what}`, () =>
    assert.equal(show({ 'text/plain': text }), `<pre class="output result">${html}</pre>`));
}

const sizes: [what: string, metadata: unknown, size: string][] = [
  ['both', { 'image/png': { width: 20, height: 10 } }, ' style="width: 20px; aspect-ratio: 20 / 10"'],
  ['a width', { 'image/png': { width: 20.5 } }, ' style="width: 20.5px"'],
  ['a height', { 'image/png': { height: 10 } }, ' style="height: 10px"'],
  ['none', {}, ''],
  ['sizes of another type', { 'image/jpeg': { width: 20 } }, ''],
  ['wrong sizes', { 'image/png': { width: '"><script>', height: -1 } }, ''],
  ['no metadata', undefined, ''],
];
for (const [what, metadata, size] of sizes) {
  test(`an image has the size given in its metadata: ${what}`, () => {
    const output = { output_type: 'display_data', data: { 'image/png': png }, metadata };
    assert.match(String(renderOutput(output, outputPage())), new RegExp(`alt="[^"]*"${size}>`));
    const figure = { ...output, data: { ...output.data, [plotly]: {} } };
    assert.match(String(renderOutput(figure, outputPage())), new RegExp(`alt=""${size}>`));
  });
}

test('text has the colours that a terminal would give it', () => {
  const html = show({
    'text/plain': '\x1b[1;31m<b>\x1b[0m \x1b[38;5;208mo\x1b[0m\x1b[44mg\x1b[0m \x1b]8;;https://x.org\x07l\x1b]8;;\x07',
  });
  assert.match(
    html,
    /<span style="color: var\(--ansi-red\); font-weight: 600">&lt;b&gt;<\/span> <span style="color: rgb\(255, 135, 0\)">o<\/span>/,
  );
  assert.match(
    html,
    /<span style="background: color-mix\(in srgb, var\(--ansi-blue\) 25%, transparent\)">g<\/span> l<\/pre>/,
  );
});

test('JSON is laid out and escaped', () => {
  const json = /<pre class="output json">(.*?)<\/pre>/s.exec(page)![1];
  assert.equal(
    json.replace(/<[^>]*>/g, '').replace(/&quot;/g, '"').replace(/&lt;/g, '<').replace(/&gt;/g, '>'), // prettier-ignore
    JSON.stringify({ b: [1, '</script>'] }, null, 2),
  );
});

test('markdown in outputs starts below the headings of the notebook', () => {
  assert.match(page, /<h4>Result<\/h4>\s*<p><em>fine<\/em> <i>x<\/i>/);
});

test('LaTeX is rendered with or without its dollars, and cannot create links', () => {
  for (const tex of ['x^2', '$x^2$', '$$x^2$$', '\\[x^2\\]', '\\(x^2\\)']) {
    assert.equal(show({ 'text/latex': tex }), show({ 'text/latex': 'x^2' }));
  }
  assert.match(show({ 'text/latex': 'x^2' }), /katex-display/);
  assert.doesNotMatch(show({ 'text/latex': '\\href{javascript:hacked=1}{x}' }), /href="/);
});

test('a formula that LaTeX itself would not accept is shown without a message on the terminal', (t) => {
  const warn = t.mock.method(console, 'warn', () => undefined);
  const formulas = ['\\text{Größe} = ä^2', 'a \\\\ b', '\\htmlClass{hacked}{x}'];
  for (const tex of formulas) assert.match(show({ 'text/latex': tex }), /katex-display/);
  const html = formulas.map((tex) => show({ 'text/html': `<p>$${tex}$</p>` })).join('');
  assert.doesNotMatch(html, /class="[^"]*hacked/);
  assert.equal(html.match(/class="katex"/g)?.length, formulas.length);
  assert.equal(warn.mock.callCount(), 0);
});

test('the alternative text of a figure is its own, or else its title, text and traces', () => {
  const alt = (layout: object, text?: string, data: object[] = []): string =>
    /aria-label="([^"]*)"/.exec(show({ [plotly]: { data, layout }, ...(text ? { 'text/plain': text } : {}) }))![1];
  assert.equal(alt({ meta: { alt: 'curves "fall"' }, title: 'T' }), 'curves &quot;fall&quot;');
  assert.equal(alt({ title: { text: 'loss<br><i>per epoch</i>' } }, 'text'), 'loss per epoch');
  assert.equal(alt({}, 'the text form'), 'the text form');
  assert.equal(alt({}, undefined, [{ name: 'a' }, { name: 'b' }]), 'Plot of a, b');
  assert.equal(alt({}), 'Plot');
});

test("a figure's title is its caption, with markup but without scripts", () => {
  const html = show({
    [plotly]: {
      data: [],
      layout: { title: { text: '<b>λ</b><img src=x onerror=hacked=1><script>hacked=1</script>' } },
    },
  });
  assert.match(
    html,
    /<figcaption><span class="figure-number">Figure 1<\/span> <strong><b>λ<\/b><\/strong><\/figcaption>/,
  );
});

test('figure data can neither end its script element nor load an image', () => {
  const figure = {
    data: [
      { name: '</script><script>hacked=1</script><!--', type: 'image', source: 'https://elsewhere.example/a.png' },
    ],
    layout: { images: [{ source: 'https://elsewhere.example/b.png' }, { source: 'data:image/png;base64,AAAA' }] },
  };
  const json = /<script type="application\/json">(.*?)<\/script>/.exec(show({ [plotly]: figure }))![1];
  assert.doesNotMatch(json, /<|elsewhere/);
  const parsed = JSON.parse(json) as typeof figure;
  assert.equal(parsed.data[0].name, figure.data[0].name);
  assert.deepEqual(parsed.layout.images, [{}, { source: 'data:image/png;base64,AAAA' }]);
});

test('until a figure is drawn its PNG or its text is shown', () => {
  assert.match(show({ [plotly]: {}, 'image/png': 'AA\nAA' }), /<img src="data:image\/png;base64,AAAA" alt="">/);
  assert.match(show({ [plotly]: {}, 'text/plain': 'words <b>' }), /<p class="still">words &lt;b&gt;<\/p>/);
  assert.doesNotMatch(show({ [plotly]: {}, 'image/png': '"><script>' }), /<script>/);
});

const deepFormula = `${'\\frac{'.repeat(3000)}1${'}{2}'.repeat(3000)}`;
const failing = 'Error\n    at f (cell.ts:1:1)';
const unreadable: [what: string, output: unknown, notice: RegExp][] = [
  ['null', null, /it is not an object/],
  ['a text', 'x', /it is not an object/],
  ['an unknown output_type', { output_type: 'pyout', text: 'x' }, /needs 'output_type'/],
  ['a stream without name', { output_type: 'stream', text: 'x' }, /needs 'name'/],
  ['a stream without text', { output_type: 'stream', name: 'stdout' }, /needs 'text'/],
  ['a stream of numbers', { output_type: 'stream', name: 'stdout', text: [1] }, /needs 'text'/],
  ['a display without data', { output_type: 'display_data', metadata: {} }, /needs 'data'/],
  ['a display of a list', { output_type: 'display_data', data: [] }, /needs 'data'/],
  ['a display of nothing', { output_type: 'display_data', data: {} }, /holds nothing/],
  [
    'a result of an unknown type',
    { output_type: 'execute_result', data: { 'application/pdf': 'JVBE' } },
    /application\/pdf/,
  ],
  [
    'HTML that is a number',
    { output_type: 'display_data', data: { 'text/html': 5 } },
    /text\/html that is neither text/,
  ],
  [
    'HTML that only scripts draw',
    { output_type: 'display_data', data: { 'text/html': '<div id="plot"></div>\n<script>draw()</script>' } },
    /drawn by scripts/,
  ],
  [
    'an image that is an object',
    { output_type: 'display_data', data: { 'image/png': {} } },
    /image\/png that is neither/,
  ],
  ['an error without traceback', { output_type: 'error', ename: 'E', evalue: 'v' }, /needs 'traceback'/],
  [
    'an error whose traceback is text',
    { output_type: 'error', ename: 'E', evalue: 'v', traceback: failing },
    /'traceback'/,
  ],
  ['an error without name', { output_type: 'error', evalue: 'v', traceback: [] }, /needs 'ename'/],
  ['an error whose message is an object', { output_type: 'error', ename: 'E', evalue: {}, traceback: [] }, /'evalue'/],
  [
    'a formula that is too long, and too deep',
    { output_type: 'display_data', data: { 'text/latex': deepFormula } },
    /must have at most 5000 characters/,
  ],
];
const oddFigures: [what: string, figure: unknown, notice: RegExp][] = [
  ['a number', 5, /figure is not an object/],
  ['traces that are no list', { data: {} }, /'data' that is not a list of traces/],
  ['a trace that is a number', { data: [5] }, /'data' that is not a list of traces/],
  ['a layout that is a text', { data: [], layout: 'x' }, /'layout' that is not an object/],
  ['frames that are no list', { data: [], frames: 5 }, /'frames' that are not a list/],
  [
    'a value 10,000 levels deep',
    { data: [{ x: JSON.parse('['.repeat(10_000) + ']'.repeat(10_000)) as unknown }] },
    /too deeply/,
  ],
];
const odd = [
  ...unreadable,
  ...oddFigures.map(([what, figure, notice]): (typeof unreadable)[number] => [
    `a figure: ${what}`,
    { output_type: 'display_data', metadata: {}, data: { [plotly]: figure } },
    notice,
  ]),
];
for (const [what, output, notice] of odd) {
  test(`outputs that cannot be shown leave a notice in their place, and the rest is shown: ${what}`, () => {
    const good: Output = { output_type: 'stream', name: 'stdout', text: 'all well' };
    const html = String(renderOutputs([good, output, good], outputPage(), 7));
    assert.equal(html.match(/<pre class="output stdout">all well<\/pre>/g)?.length, 2);
    const [said = ''] = /<div class="unshown"[^]*?<\/p>/.exec(html) ?? [];
    assert.match(said, /Output 2 of cell 7 cannot be shown: /);
    assert.match(said.replace(/&#39;/g, "'"), notice);
    assert.doesNotMatch(said, /\n\s+at /);
  });
}

test('outputs that cannot be shown can be read as saved, whatever they contain', () => {
  const html = String(renderOutput({ output_type: '<script>', much: 'x'.repeat(5000) }, outputPage()));
  assert.match(
    html,
    /<details><summary>What is saved<\/summary><pre>\{\n &quot;output_type&quot;: &quot;&lt;script&gt;&quot;/,
  );
  assert.ok(html.length < 3000);
});

test('odd parts of a valid figure do no harm', () => {
  const figure = { data: [{ name: 5 }], layout: { title: { text: {}, subtitle: 7 }, meta: [], xaxis: 5 }, config: 'x' };
  assert.match(show({ [plotly]: figure }), /aria-label="Plot"/);
});
