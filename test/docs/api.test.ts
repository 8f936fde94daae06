// The public API: each export has a docstring, and is used by a notebook, a command or a page of docs/.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';

const root = join(import.meta.dirname, '..', '..');
const source = (file: string): ts.SourceFile =>
  ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);

interface Export {
  name: string;
  /** Its name in the file that declares it; undefined if a whole file is exported under one name. */
  declared: string | undefined;
  file: string;
  isType: boolean;
}

/** The exports of src/index.ts and src/notebook.ts. */
const exported = ['index.ts', 'notebook.ts'].flatMap((entry) =>
  source(join(root, 'src', entry)).statements.flatMap((statement): Export[] => {
    if (!ts.isExportDeclaration(statement) || !statement.exportClause) return [];
    const file = join(root, 'src', (statement.moduleSpecifier as ts.StringLiteral).text.replace(/\.js$/, '.ts'));
    if (ts.isNamespaceExport(statement.exportClause)) {
      return [{ name: statement.exportClause.name.text, declared: undefined, file, isType: false }];
    }
    return statement.exportClause.elements.map(({ name, propertyName, isTypeOnly }) => ({
      name: name.text,
      declared: (propertyName ?? name).text,
      file,
      isType: isTypeOnly || statement.isTypeOnly,
    }));
  }),
);

/** The statements of a file by the names they declare. */
function declarations(file: string): Map<string, ts.Statement> {
  const found = new Map<string, ts.Statement>();
  for (const statement of source(file).statements) {
    const named = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement];
    for (const { name } of named as { name?: ts.Node }[])
      if (name && ts.isIdentifier(name)) found.set(name.text, statement);
  }
  return found;
}

test('every export has a docstring', () => {
  const files = new Map([...new Set(exported.map(({ file }) => file))].map((file) => [file, declarations(file)]));
  const silent = exported.filter(
    ({ declared, file }) =>
      declared !== undefined && ts.getJSDocCommentsAndTags(files.get(file)!.get(declared)!).length === 0,
  );
  assert.deepEqual(
    silent.map(({ name }) => name),
    [],
  );
});

test('every function, class and value is used by a notebook, a command or a page of docs/', () => {
  const texts = (folder: string, ending: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => readFileSync(join(root, folder, name), 'utf8'));
  const notebooks = readdirSync(join(root, 'notebooks'))
    .filter((name) => name.endsWith('.ipynb'))
    .flatMap((name) => {
      const { cells } = JSON.parse(readFileSync(join(root, 'notebooks', name), 'utf8')) as {
        cells: { cell_type: string; source: string | string[] }[];
      };
      return cells.filter(({ cell_type }) => cell_type === 'code').flatMap(({ source }) => source);
    });
  // In a page only code counts.
  const pages = texts('docs', '.md').flatMap((page) => page.match(/^```ts\n.*?^```$|`[^`\n]+`/gms) ?? []);
  const words = new Set([...notebooks, ...pages, ...texts('src/cli', '.ts')].join('\n').match(/\w+/g));
  const unused = exported.filter(({ isType, name }) => !isType && !words.has(name));
  assert.deepEqual(
    unused.map(({ name }) => name),
    [],
  );
});
