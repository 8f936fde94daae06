import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Formulas } from 'sparsebook/notebook/render/formulas.js';
import { Latex, type Text } from 'sparsebook/notebook/render/latex.js';
import { renderMarkdownCell } from 'sparsebook/notebook/render/markdown.js';
import { outputPage } from 'sparsebook/notebook/render/inNode.js';

const found: [what: string, markdown: string, ...formulas: string[]][] = [
  ['dollars', 'a $x$ and $$y$$', 'x', 'y'],
  ['spaces on both sides', '$ x $', ' x '],
  ['prices', '$5 and $6'],
  ['a price, then a formula', 'costs $5, and $x$', 'x'],
  ['escaped dollars', '\\$5 and \\$6 $x$', 'x'],
  ['dollars in braces', '$a \\text{for $b$} c$', 'a \\text{for $b$} c'],
  ["Jupyter's brackets", '\\\\(x\\\\) \\\\[y\\\\]', 'x', 'y'],
  ['brackets that Markdown escapes', '\\(x\\) \\[y\\]'],
  ['a table', '| $|x|$ |\n|---|', '|x|'],
  ['text that would be emphasised', '$a_b$ and $c_d$', 'a_b', 'c_d'],
  ['text that would be a list', '$$\na\n- b\n$$', '\na\n- b\n'],
  ['a quotation', '> $$\n> a\n> + b\n> $$', '\na\n+ b\n'],
  ['HTML', '<div>$x$</div>', 'x'],
  ['a blank line between', '$a\n\nb$'],
  ['a Windows blank line between', '$a\r\n\r\nb$'],
  ['an environment', 'a \\begin{cases}x\\end{cases} b', '\\begin{cases}x\\end{cases}'],
  ['a reference', 'see \\eqref{a}', '\\eqref{a}'],
  ['code', '`$x$` ``a`$y$`` $z$', 'z'],
  ['backticks without end', 'a ` $x$ `` $y$', 'x', 'y'],
  ['a price before code', 'costs $5 and `echo $HOME` does'],
  ['a block of code', '```ts\n$x$\n```\n$y$\n\n~~~\n$z$', 'y'],
  ['a block of code in a list', '- a\n  ```\n  $x$\n  ```\n- $y$', 'y'],
];
for (const [what, markdown, ...formulas] of found) {
  test(`formulas in Markdown are recognised as in Jupyter: ${what}`, () => {
    const taken = Formulas.inMarkdown(markdown);
    assert.deepEqual(
      taken.list.map(({ tex }) => tex),
      formulas,
    );
    assert.equal(taken.asWritten(taken.text).replace(/\n> ?/g, '\n'), markdown.replace(/\n> ?/g, '\n'));
  });
}

test('look-alikes of the placeholders for formulas stay as they are', () => {
  const source = '\uE0000\uE000 $x$ \uE000';
  const taken = Formulas.inMarkdown(source);
  assert.equal(taken.asWritten(taken.text), source);
});

for (const piece of ['```x\n', '$a ', '$$', '\\begin{align}', '${', '<pre $a$ ', '\\eqref{a} ', '`a``b```c', '\\\\[']) {
  test(`a text that only repeats ${JSON.stringify(piece)} is read once, not again for each`, () => {
    assert.ok(Formulas.inMarkdown(piece.repeat(50_000)).text.length > 0);
  });
}

/** The texts of a document as HTML without MathML, and as plain words. */
function document(...sources: string[]): { html: string[]; words: string[] } {
  const texts = sources.map((source, index): Text => ({ id: String(index), source }));
  const page = outputPage(undefined, new Latex(() => texts));
  const html = texts.map(({ id, source }) =>
    String(renderMarkdownCell(source, { headings: [] }, page, { id })).replace(/<math.*?<\/math>/gs, ''),
  );
  return { html, words: html.map((text) => text.replace(/<[^>]*>|\u200b|\s/g, '')) };
}

test('macros apply to all texts below, can be redefined, and need no more than their name', () => {
  const { words } = document(
    '$\\newcommand{\\R}{Q}\\newcommand\\half[1]{#1/2}\\def\\u{U}\\DeclareMathOperator{\\relu}{ReLU}$',
    '$\\R \\half{x} \\u \\relu$',
    '$\\renewcommand{\\R}{S}$',
    '$\\R$',
  );
  assert.deepEqual(words, ['', 'Qx/2UReLU', '', 'S']);
});

test('a macro that would expand to millions of words applies only to its own formula', () => {
  const { html } = document(`$\\def\\long{${'x'.repeat(1000)}}$`, '$\\long$');
  assert.match(html[1], /katex-error|color:#cc0000/);
});

const numbered: [what: string, source: string, words: string][] = [
  ['rows of align', '\\begin{align}a\\\\b\\end{align}', 'ab(1)(2)'],
  ['a row without a number', '\\begin{align}a\\nonumber\\\\b\\end{align}', 'ab(1)'],
  ['a last line break', '\\begin{gather}a\\\\\\end{gather}', 'a(1)'],
  ['lines in a row', '\\begin{gather}\\substack{a\\\\b}\\\\c\\end{gather}', 'abc(1)(2)'],
  ['an equation in parts', '\\begin{equation}\\begin{split}a\\\\b\\end{split}\\end{equation}', 'ab(1)'],
  ['multline', '\\begin{multline}a\\\\b\\end{multline}', 'ab(1)'],
  ['flalign', '\\begin{flalign}a\\end{flalign}', 'a(1)'],
  ['eqnarray', '\\begin{eqnarray}a&=&b\\end{eqnarray}', 'a=b(1)'],
  ['a star', '\\begin{align*}a\\\\b\\end{align*}', 'ab'],
  ['a tag', '$$a \\tag{x}$$', 'a(x)'],
  ['nothing that requests a number', '$$a$$', 'a'],
  ['a label', '$$a \\label{it}$$', 'a(1)'],
];
for (const [what, source, words] of numbered) {
  test(`equations are numbered as in LaTeX: ${what}`, () =>
    assert.equal(document(source).words[0].replace(/^(\w*)(=?)/, '$1$2'), words));
}

test('references lead to equations above and below, by their numbers or tags; a broken reference is marked', () => {
  const { html, words } = document(
    'see \\eqref{b}, $\\ref{a}$, $x\\eqref{c}$, \\eqref{none}',
    '\\begin{align}a\\label{a}\\\\b\\label{b}\\end{align}',
    '$$c\\label{c}\\tag{C}$$',
  );
  assert.equal(words[0], 'see(2),1,x(C),(???)');
  assert.match(html[0], /<a href="#user-content-equation-b">\(2\)<\/a>, <a href="#user-content-equation-a">1<\/a>/);
  for (const name of ['a', 'b', 'c']) assert.ok(html.join('').includes(`<a id="user-content-equation-${name}"></a>`));
});

test('numbers are updated when a text changes, and when a new one is added', () => {
  const texts: Text[] = [
    { id: 'a', source: '$$a\\label{a}$$' },
    { id: 'b', source: '$$b\\label{b}$$' },
  ];
  const page = outputPage(undefined, new Latex(() => texts));
  const shown = ({ id, source }: Text): string =>
    String(renderMarkdownCell(source, { headings: [] }, page, { id })).replace(
      /<math.*?<\/math>|<[^>]*>|\u200b|\s/gs,
      '',
    );
  assert.deepEqual(texts.map(shown), ['a(1)', 'b(2)']);
  texts[0].source = '\\begin{gather}a\\\\a\\end{gather}';
  texts.splice(1, 0, { id: 'c', source: '$$c\\label{c}$$ \\eqref{b}' });
  assert.deepEqual(texts.map(shown), ['aa(1)(2)', 'c(3)(4)', 'b(4)']);
});
