import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asHtml, joinedHtml, jsonForScript, markup, type MarkupPart } from 'sparsebook/notebook/render/markup.js';
import fc from 'fast-check';
import { fromBase85, toBase85 } from 'sparsebook/notebook/report/base85.js';

const meta = '<meta http-equiv=refresh content="0">';
const put: [what: string, value: MarkupPart, html: string][] = [
  ['text is escaped', `<b title="x">'&`, '&lt;b title=&quot;x&quot;&gt;&#39;&amp;'],
  ['a number is a number', -1.5, '-1.5'],
  ['NaN is nothing', NaN, ''],
  ['null is nothing', null, ''],
  ['undefined is nothing', undefined, ''],
  ['false is nothing', false, ''],
  ['HTML stays', asHtml('<i>x</i>'), '<i>x</i>'],
  ['HTML made here stays', markup`<i>${'<'}</i>`, '<i>&lt;</i>'],
  ['a list is its parts', ['<', markup`<br>`, [1, null]], '&lt;<br>1'],
];
for (const [what, value, html] of put) {
  test(`in HTML ${what}`, () => {
    assert.equal(String(markup`<p>${value}</p>`), `<p>${html}</p>`);
  });
}

for (const value of [{}, { toString: () => meta }, true, () => meta, Symbol('x'), 5n]) {
  test(`values that a declaration does not allow are refused: ${typeof value}`, () => {
    assert.throws(() => markup`<p>${value as string}</p>`, TypeError);
  });
}

test('pieces are joined, and empty ones left out', () => {
  assert.equal(String(joinedHtml([markup`<br>`, undefined, '<', ''], '; ')), '<br>; &lt;');
});

test('JSON cannot end the script element that carries it', () => {
  assert.equal(String(jsonForScript({ a: '</script>' })), '{"a":"\\u003c/script>"}');
});

test('bytes are restored exactly, and no letter of their encoding can begin a tag', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = toBase85(bytes);
      assert.doesNotMatch(text, /</);
      assert.deepEqual(fromBase85(text), bytes);
    }),
  );
  const every = Uint8Array.from({ length: 4 * 256 }, (_, index) => (index % 4 === 3 ? index >> 2 : 255));
  assert.deepEqual(fromBase85(toBase85(every)), every);
});
