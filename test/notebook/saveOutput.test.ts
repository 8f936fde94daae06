import assert from 'node:assert/strict';
import { lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from 'sparsebook/errors.js';
import { saveOutput } from 'sparsebook/notebook/outputs.js';

const folder = mkdtempSync(join(tmpdir(), 'sparsebook-output-'));
process.chdir(folder);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

test('a value that is not JSON is refused, and the earlier output stays', () => {
  const path = saveOutput('nb', 'x.json', { a: 1 });
  const circle: unknown[] = [];
  circle.push(circle);
  for (const value of [undefined, () => 1, 1n, circle]) {
    assert.throws(
      () => saveOutput('nb', 'x.json', value),
      (error) => error instanceof UserError && /x\.json is not written/.test(error.message),
    );
  }
  assert.equal(readFileSync(path, 'utf8'), '{\n  "a": 1\n}\n');
});

test('an output that is a link stays a link, and its target is replaced', () => {
  writeFileSync('elsewhere.json', '{}');
  const path = saveOutput('nb', 'first.json', 1);
  rmSync(path);
  symlinkSync(join(folder, 'elsewhere.json'), path);
  writeFileSync('elsewhere.json', '[]');
  saveOutput('nb', 'first.json', [2]);
  assert.ok(lstatSync(path).isSymbolicLink());
  assert.deepEqual(JSON.parse(readFileSync('elsewhere.json', 'utf8')), [2]);
});

test('an output is saved under plain names only, which dots are not', () => {
  for (const name of ['', '.', '..', 'a/b']) assert.throws(() => saveOutput(name, 'x.json', {}), UserError);
});
