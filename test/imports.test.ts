// What lint cannot see: whether files import each other in a circle. Lint only checks that modules import downwards.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';

const root = join(import.meta.dirname, '..', 'src');

/** The files of src/ that each file imports, including type-only and dynamic imports. */
function importsIn(): Map<string, string[]> {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      const { importedFiles } = ts.preProcessFile(text, true, true);
      const own = importedFiles.filter(({ fileName }) => fileName.startsWith('.'));
      const paths = own.map(({ fileName }) => normalize(join(dirname(file), fileName.replace(/\.js$/, '.ts'))));
      return [file, paths.filter((path) => path !== file && existsSync(join(root, path)))];
    }),
  );
}

/** A path of imports from a file back to itself, if there is one. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const walk = (file: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imports.get(file) ?? []) {
      const circle = walk(next, [...way, file]);
      if (circle) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const circle = walk(file, []);
    if (circle) return circle;
  }
  return undefined;
}

test('no files of src/ import each other in a circle', () => {
  const imports = importsIn();
  assert.ok(imports.get('cli.ts')!.includes(join('cli', 'train.ts')));
  assert.equal(circleIn(imports)?.join(' -> '), undefined);
});

test('a circle through a third file is found, and two paths to one file are no circle', () => {
  const [a, b, c] = ['a.ts', 'b.ts', 'c.ts'];
  assert.deepEqual(circleIn(new Map([[a, [b]], [b, [c]], [c, [b]]])), [b, c, b]); // prettier-ignore
  assert.equal(circleIn(new Map([[a, [b, c]], [b, [c]], [c, []]])), undefined); // prettier-ignore
});
