import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uniform } from 'sparsebook/backend/random.js';
import { fill, noise, readGolden, type GoldenArray, type GoldenCase } from './goldens.ts';

type Case = GoldenCase<
  unknown,
  { seed: number; count: number; scale: number; offset: number },
  Record<'u' | 'value' | 'noise', GoldenArray>
>;

for (const { name, attrs, expected } of readGolden<Case>('fill_formula').cases) {
  test(`the fill formula gives the exact numbers of ${name}`, () => {
    const shape = [attrs.count];
    assert.equal(expected.u.data.length, attrs.count);
    assert.deepEqual(
      Array.from({ length: attrs.count }, (_, i) => uniform(attrs.seed, i)),
      expected.u.data,
    );
    assert.deepEqual([...fill({ ...attrs, shape }).data], expected.value.data.map(Math.fround));
    assert.deepEqual([...noise(attrs.seed, shape).data], expected.noise.data.map(Math.fround));
  });
}
