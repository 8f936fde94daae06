import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bar, fieldList, textTable } from 'sparsebook/terminal';

test('a table has aligned columns, numbers to the right', () => {
  const rows = [
    { run: 'a', parameters: 260650, best: 88.62 },
    { run: 'longer', parameters: 3, best: null },
  ];
  assert.equal(textTable(rows), 'run     parameters   best\na          260,650  88.62\nlonger           3\n');
});

test('a row with many columns is a list of fields, empty ones left out', () => {
  assert.equal(fieldList({ run: 'a', gates: null, parameters: 1000 }), 'run         a\nparameters  1,000\n');
});

test('a bar stays within its ends', () => {
  assert.deepEqual(
    [-1, 0, 0.5, 1, 7].map((share) => bar(share).indexOf('░')),
    [0, 0, 10, -1, -1],
  );
});
