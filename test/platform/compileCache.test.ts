import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { createContext } from 'node:vm';
import { runScript } from 'sparsebook/platform/compileCache.js';

test('a script runs from its cached compilation, in any context, and is compiled again once it has changed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'compiled-'));
  const [file, cache] = [join(folder, `${basename(folder)}.js`), join(import.meta.dirname, '../../dist/compile-cache')];
  const kept = (): string[] => readdirSync(cache).filter((name) => name.startsWith(basename(file)));
  t.after(() => {
    for (const name of kept()) rmSync(join(cache, name));
    rmSync(folder, { recursive: true });
  });
  const value = (): unknown => {
    const context = createContext({});
    runScript(file, context);
    return context.value;
  };
  writeFileSync(file, 'var value = (() => 1)();');
  assert.equal(value(), 1);
  const [name] = kept();
  assert.equal(value(), 1);
  assert.deepEqual(kept(), [name], 'it is compiled once');
  writeFileSync(file, 'var value = (() => 2)();');
  utimesSync(file, 0, 0);
  assert.equal(value(), 2, 'as long as before, and another one');
  for (const left of kept()) writeFileSync(join(cache, left), 'damaged');
  assert.equal(value(), 2);
});
