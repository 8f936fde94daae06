import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An array as the files store it: flat, row-major. */
export interface GoldenArray {
  shape: number[];
  data: number[];
}

const folder = process.env.SPARSEBOOK_GOLDENS ?? join(import.meta.dirname, '..', 'fixtures', 'goldens');

/** All of one golden file, e.g. 'image_prep'. */
export function readGolden<File>(name: string): File {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as File;
}

/** Every |actual - expected| is at most `absolute`; NaN on either side fails. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  absolute: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, `${what}: number of values`);
  for (let i = 0; i < expected.length; i++) {
    const near = Math.abs(actual[i] - expected[i]) <= absolute;
    assert.ok(near, `${what}: [${i}] is ${actual[i]}, expected ${expected[i]} (abs ${absolute})`);
  }
}
