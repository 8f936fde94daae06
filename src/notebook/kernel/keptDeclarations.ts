import type * as TypeScript from 'typescript';

type Compiler = typeof TypeScript;

/**
 * The declarations after a cell that failed half-way: `next` are those after it had succeeded, but the names in `unset` it did not
 * reach. For them the ones from before count.
 */
export function keptDeclarations(ts: Compiler, previous: string, next: string, unset: ReadonlySet<string>): string {
  if (unset.size === 0) return next;
  return select(ts, next, (name) => !unset.has(name)) + select(ts, previous, (name) => unset.has(name));
}

/** The declarations of the names that are wanted. */
function select(ts: Compiler, text: string, isWanted: (name: string) => boolean): string {
  const file = ts.createSourceFile('declarations.d.ts', text, ts.ScriptTarget.ESNext, true);
  const kept = file.statements.map((statement) => {
    const whole = statement.getText();
    if (ts.isVariableStatement(statement)) {
      const { declarations } = statement.declarationList;
      const wanted = declarations.filter((declaration) => isWanted(declaration.name.getText()));
      const keyword = text.slice(statement.getStart(), declarations[0].getStart());
      return wanted.length === 0 ? '' : `${keyword}${wanted.map((declaration) => declaration.getText()).join(', ')};`;
    }
    return namesOf(ts, statement).every(isWanted) ? whole : '';
  });
  return kept.filter((line) => line !== '').join('\n') + '\n';
}

function namesOf(ts: Compiler, statement: TypeScript.Statement): string[] {
  if (ts.isImportDeclaration(statement)) {
    const { name, namedBindings } = statement.importClause ?? {};
    const others = !namedBindings ? [] : ts.isNamespaceImport(namedBindings) ? [namedBindings] : namedBindings.elements;
    return [name?.text ?? [], others.map((other) => other.name.text)].flat();
  }
  const { name } = statement as TypeScript.Statement & { name?: TypeScript.Identifier };
  return name ? [name.text] : [];
}
