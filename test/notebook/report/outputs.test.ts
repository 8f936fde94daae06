import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outputPage, renderOutput, renderOutputs } from 'sparsebook/notebook/report';
import type { Output } from 'sparsebook/notebook/run';
import { renderFixture, visible } from './fixture.ts';

const show = (data: Record<string, unknown>): string =>
  renderOutput({ output_type: 'display_data', data, metadata: {} }, outputPage());
const plotly = 'application/vnd.plotly.v1+json';
const page = visible(await renderFixture('plain'));

test('text on one stream is joined, its escapes removed and a line ends as its last carriage return left it', () => {
  assert.match(page, /<pre class="output stdout">a &lt;b&gt; &amp; red\n100 %<\/pre>/);
});

test('texts on different streams stay apart and in order', () => {
  const text = (name: 'stdout' | 'stderr', content: string): Output => ({ output_type: 'stream', name, text: content });
  const html = renderOutputs([text('stdout', 'a'), text('stderr', 'b'), text('stdout', 'c')], outputPage());
  assert.deepEqual(html.match(/std(out|err)">./g), ['stdout">a', 'stderr">b', 'stdout">c']);
});

test('long text scrolls in a box that the keyboard reaches', () => {
  assert.match(
    show({ 'text/plain': 'x\n'.repeat(100) }),
    /class="output result long" tabindex="0" role="region" aria-label/,
  );
});

test('pictures carry their text form as alternative text and have a number', () => {
  assert.match(page, /Figure 1<\/span><\/figcaption><img src="data:image\/png;base64,[^"]*" alt="one red dot">/);
  assert.match(show({ 'image/png': 'AAAA', 'text/plain': '<Image>' }), /alt="Picture that a cell put out"/);
});

test('a drawing becomes a picture, in which nothing can run', () => {
  const base64 = /data:image\/svg\+xml;base64,([^"]*)" alt="a circle"/.exec(page)![1];
  const svg = Buffer.from(base64, 'base64').toString();
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 9 9">/);
  assert.match(svg, /<circle/);
  assert.doesNotMatch(svg, /script|onload/);
});

test('JSON is laid out and escaped', () => {
  const json = /<pre class="output json">(.*?)<\/pre>/s.exec(page)![1];
  assert.equal(
    json.replace(/<[^>]*>/g, '').replace(/&quot;/g, '"').replace(/&lt;/g, '<').replace(/&gt;/g, '>'), // prettier-ignore
    JSON.stringify({ b: [1, '</script>'] }, null, 2),
  );
});

test('markdown starts below the headings of the notebook; an unknown type alone shows nothing', () => {
  assert.match(page, /<h4>Result<\/h4>\s*<p><em>fine<\/em> &lt;i&gt;/);
  assert.equal(show({ 'application/x-unknown': 1 }), '');
});

test('LaTeX is rendered with or without its dollars, and cannot make links', () => {
  for (const tex of ['x^2', '$x^2$', '$$x^2$$', '\\[x^2\\]', '\\(x^2\\)']) {
    assert.equal(show({ 'text/latex': tex }), show({ 'text/latex': 'x^2' }));
  }
  assert.match(show({ 'text/latex': 'x^2' }), /katex-display/);
  assert.doesNotMatch(show({ 'text/latex': '\\href{javascript:hacked=1}{x}' }), /href="/);
});

test('the alternative text of a figure is what it says of itself, else its title, text, traces', () => {
  const alt = (layout: object, text?: string, data: object[] = []): string =>
    /aria-label="([^"]*)"/.exec(show({ [plotly]: { data, layout }, ...(text ? { 'text/plain': text } : {}) }))![1];
  assert.equal(alt({ meta: { alt: 'curves "fall"' }, title: 'T' }), 'curves &quot;fall&quot;');
  assert.equal(alt({ title: { text: 'loss<br><i>per epoch</i>' } }, 'text'), 'loss per epoch');
  assert.equal(alt({}, 'the text form'), 'the text form');
  assert.equal(alt({}, undefined, [{ name: 'a' }, { name: 'b' }]), 'Plot of a, b');
  assert.equal(alt({}), 'Plot');
});

test("a figure's title is its caption, with marks but without scripts", () => {
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

test('figure data can neither end its script element nor load a picture', () => {
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

test('until a figure is drawn its PNG stands there, or its words', () => {
  assert.match(show({ [plotly]: {}, 'image/png': 'AA\nAA' }), /<img src="data:image\/png;base64,AAAA" alt="">/);
  assert.match(show({ [plotly]: {}, 'text/plain': 'words <b>' }), /<p class="still">words &lt;b&gt;<\/p>/);
  assert.doesNotMatch(show({ [plotly]: {}, 'image/png': '"><script>' }), /<script>/);
});
