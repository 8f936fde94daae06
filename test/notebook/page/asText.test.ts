import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { asText } from 'sparsebook/notebook/page/asText.js';

class Point {
  x = 1;
  y = 2;
}

test('what a cell prints reads in a page as it does in the kernel, long lists and deep objects apart', () => {
  for (const value of [
    ...[1, -0, 2.5, NaN, 10n, true, null, undefined, Symbol('s'), /a+/g, new Date(0)],
    ...[[], {}, [1, 2, 3], [[1], [2]], ['a', 'a\nb']],
    ...[
      { a: 1, b: 'two', 'c-d': [1] },
      { deep: { deeper: { deepest: { out: { of: 'sight' } } } } },
      { f: asText, g: () => 1 },
    ],
    ...[new Map([['a', { b: 1 }]]), new Set([1, 'x']), new Float32Array([1, 2.5]), new Point()],
    { name: 'a record whose line would be too long', accuracy: 0.8957, sparsity: 0.39, parameters: 260650 },
  ]) {
    assert.equal(asText(value), inspect(value), inspect(value));
  }
  assert.equal(asText('as it is\n'), 'as it is\n');
});
