import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, fieldList, grouped, textTable } from 'sparsebook/formats/text.js';

test('a table has aligned columns, with numbers on the right', () => {
  const rows = [
    { run: 'a', parameters: 260650, best: 88.62 },
    { run: 'longer', parameters: 3, best: null },
  ];
  assert.equal(textTable(rows), 'run     parameters   best\na          260,650  88.62\nlonger           3\n');
});

test('a number keeps at least four digits, however small it is', () => {
  const numbers = [1e-7, 0.000012345, 0, 1234567.8912345, -0.5];
  assert.deepEqual(numbers.map(grouped), ['0.0000001', '0.00001235', '0', '1,234,567.891235', '-0.5']);
});

test('a row with many columns becomes a list of fields, without the empty ones', () => {
  assert.equal(fieldList({ run: 'a', gates: null, parameters: 1000 }), 'run         a\nparameters  1,000\n');
});

test('durations are written as a person reads them', () => {
  assert.deepEqual([4.24, 59.99, 187, 3723].map(duration), ['4.2 s', '60.0 s', '3:07 min', '1:02:03 h']);
});
