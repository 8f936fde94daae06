import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromBase85, toBase85 } from 'sparsebook/notebook/report/base85.js';

test('bytes come back as they were, and no letter of them can begin a tag', () => {
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
