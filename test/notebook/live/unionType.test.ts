import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseParameter } from 'sparsebook/notebook/run/applyParameters.js';
import { readUnion, unionParts } from 'sparsebook/notebook/live/unionType.js';

test('a union of plain types is split into its parts', () => {
  for (const [type, parts] of [
    ["number | 'auto'", ['number', "'auto'"]],
    ['string|null | undefined', ['string', 'null']],
    ['| 1 | 2.5 | -3', ['1', '2.5', '-3']],
    ['number', []],
    ['number | undefined', []],
    ['number[] | null', []],
    ['Rate | number', []],
    [undefined, []],
  ] as [string | undefined, string[]][]) {
    assert.deepEqual(unionParts(type), parts, type);
  }
});

test('a page reads a text by such a type as a run does', () => {
  const texts = ['0.5', '-3', '1e3', 'auto', '"auto"', 'null', 'true', 'false', 'fast', '2024', '1 2'];
  for (const [type, example] of [
    ["number | 'auto'", 'auto'],
    ['number | null', 1],
    ['string | null', 'a'],
    ['boolean | "auto"', true],
    ["1 | 2 | 'auto'", 1],
    ['string | number', 'a'],
  ] as const) {
    for (const text of texts) {
      const inRun = (): unknown =>
        parseParameter({ name: 'p', keyword: 'const', comment: '', type, value: example }, text);
      const inPage = readUnion(unionParts(type), text);
      if (inPage === undefined) assert.throws(inRun, { name: 'UserError' }, `${text} as ${type}`);
      else assert.deepEqual(inPage, inRun(), `${text} as ${type}`);
    }
  }
});
