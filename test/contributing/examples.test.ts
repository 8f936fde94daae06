// `npm run test:contributing` tries the whole page, which takes minutes; this test finds examples that moved files have
// broken.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { examplesIn } from './examples.ts';

const examples = examplesIn(readFileSync('CONTRIBUTING.md', 'utf8'));

test('the examples of CONTRIBUTING.md change existing files at existing lines, and import existing exports', () => {
  const added = new Set(examples.filter(({ after }) => after === undefined).map(({ file }) => file));
  const before = new Map<string, string>();
  assert.ok(examples.length > 10);
  for (const { file, after, code } of examples) {
    const text = (before.get(file) ?? '') + (added.has(file) ? '' : readFileSync(file, 'utf8'));
    if (after !== undefined) assert.ok(text.includes(after), `${file} has a line with ${after}`);
    before.set(file, `${before.get(file) ?? ''}${code}`);
    for (const [, path] of code.matchAll(/(?:from|import\()\s*'(\.[^']*)'/g)) {
      const imported = join(dirname(file), path.replace(/\.js$/, '.ts'));
      assert.ok(existsSync(imported) || added.has(imported), `${file}: ${path} is there`);
    }
  }
});
