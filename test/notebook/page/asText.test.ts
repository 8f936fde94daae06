import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { asTable } from 'sparsebook/notebook/page/asTable.js';
import { asLine, asText } from 'sparsebook/notebook/page/asText.js';

class Point {
  x = 1;
  y = 2;
}

test('the output of a cell reads the same in a page as in the kernel, except for long lists and deep objects', () => {
  for (const value of [
    ...[1, -0, 2.5, NaN, 10n, true, null, undefined, Symbol('s'), /a+/g, new Date(0), new Date(NaN)],
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

class Own {
  toString(): string {
    return 'own';
  }
}

test('the formats of console.log are replaced by the values after them, as in the kernel', () => {
  for (const values of [
    ['%s of %d, %i and %f', 'n', 1.5, 2.9, '3.25'],
    ['%%'],
    ['100%% of %s', 1, 'a', { b: 1 }],
    ['%s', { a: { b: 1 } }],
    ['%s %s %s %s', null, undefined, -0, 10n],
    ['%s', [1, 'a', [2]]],
    ['%s', new Own()],
    ['%s', new Map([[1, 2]])],
    ['%s', Symbol('s')],
    ['%d %d %d %i', 'x', {}, 10n, '12px'],
    ['%j %O', { a: 1 }, { a: 'x' }],
    ['%c styled', 'color: red'],
    ['%x %s', 1],
    ['a', '%s', 1],
    [1, '%s'],
    [],
  ]) {
    assert.equal(asLine(values), format(...values));
  }
});

test('console.table writes a box with a row for each element and a column for each property', () => {
  const cases: [string, unknown, string[]?][] = [
    [`│ (index) │ a │ b   │ c    │\n│ 0       │ 1 │ 'x' │      │\n│ 1       │ 2 │     │ true │`, [{ a: 1, b: 'x' }, { a: 2, c: true }]], // prettier-ignore
    [`│ (index) │ b │\n│ 0       │ 2 │`, [{ a: 1, b: 2 }], ['b']],
    [`│ (index) │ 0 │ 1 │\n│ 0       │ 1 │ 2 │`, [[1, 2]]],
    [`│ (index) │ a │ Values │\n│ 0       │   │ 1      │\n│ 1       │ 2 │        │`, [1, { a: 2 }]],
    [`│ (index) │ x               │\n│ r       │ [ 1, 2 ]        │\n│ s       │ { b: [Object] } │`, { r: { x: [1, 2] }, s: { x: { b: {} } } }], // prettier-ignore
    [`│ (iteration index) │ Key │ Values │\n│ 0                 │ 'k' │ 1      │`, new Map([['k', 1]])],
    [`│ (iteration index) │ Values │\n│ 0                 │ 1      │`, new Set([1])],
  ];
  for (const [rows, data, columns] of cases) {
    const lines = asTable(data, columns).split('\n');
    assert.equal([lines[1], ...lines.slice(3, -1)].join('\n'), rows);
    const rules = [0, 2, lines.length - 1].map((n) => lines[n].replaceAll('─', ''));
    assert.match(rules.join(' '), /^┌┬+┐ ├┼+┤ └┴+┘$/);
    assert.equal(new Set(lines.map(({ length }) => length)).size, 1);
  }
  assert.equal(asTable(5), '5');
});
