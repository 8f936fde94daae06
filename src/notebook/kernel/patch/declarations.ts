import type * as TypeScript from 'typescript';

/**
 * Returns the declarations after a cell that failed half-way: `next`, but `previous` for the names that it did not
 * reach.
 */
export function keptDeclarations(
  ts: typeof TypeScript,
  previous: string,
  next: string,
  unset: ReadonlySet<string>,
): string {
  if (unset.size === 0) return next;
  return select(ts, next, (name) => !unset.has(name)) + select(ts, previous, (name) => unset.has(name));
}

function select(ts: typeof TypeScript, text: string, isWanted: (name: string) => boolean): string {
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

/**
 * Adds to the declarations after a cell the namespaces of earlier cells, which tslab forgets, and what earlier cells
 * add to modules and to global types.
 */
export function withNamespaces(ts: typeof TypeScript, previous: string, next: string): string {
  const statementsOf = (text: string): readonly TypeScript.Statement[] =>
    ts.createSourceFile('declarations.d.ts', text, ts.ScriptTarget.ESNext, true).statements;
  const namespaces = statementsOf(previous).filter(ts.isModuleDeclaration);
  if (namespaces.length === 0) return next;
  const statements = statementsOf(next);
  const names = new Set(statements.flatMap((statement) => namesOf(ts, statement)));
  const texts = new Set(statements.map((statement) => statement.getText()));
  const kept = namespaces.filter((statement) => {
    const adds = ts.isStringLiteral(statement.name) || (statement.flags & ts.NodeFlags.GlobalAugmentation) !== 0;
    return adds ? !texts.has(statement.getText()) : !names.has(statement.name.text);
  });
  return next + kept.map((statement) => `${statement.getText()}\n`).join('');
}

/**
 * Returns the names of variables, functions, classes and the like in declarations, without imports, and their types if
 * the declarations state them.
 */
export function declaredTypes(ts: typeof TypeScript, declarations: string): Map<string, string | undefined> {
  const file = ts.createSourceFile('declarations.d.ts', declarations, ts.ScriptTarget.ESNext, true);
  const types = new Map<string, string | undefined>();
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement)) {
      for (const { name, type } of statement.declarationList.declarations) types.set(name.getText(), type?.getText());
    } else if (ts.isFunctionDeclaration(statement) && statement.name) {
      const { name, typeParameters = [], parameters, type } = statement;
      const [generic, given] = [typeParameters, parameters].map((nodes) =>
        nodes.map((node) => node.getText()).join(', '),
      );
      types.set(name.text, `${generic && `<${generic}>`}(${given}) => ${type?.getText() ?? 'any'}`);
    } else if (!ts.isImportDeclaration(statement)) {
      for (const name of namesOf(ts, statement)) types.set(name, `typeof ${name}`);
    }
  }
  return types;
}

function namesOf(ts: typeof TypeScript, statement: TypeScript.Statement): string[] {
  if (ts.isImportDeclaration(statement)) {
    const { name, namedBindings } = statement.importClause ?? {};
    const others = !namedBindings ? [] : ts.isNamespaceImport(namedBindings) ? [namedBindings] : namedBindings.elements;
    return [name?.text ?? [], others.map((other) => other.name.text)].flat();
  }
  const { name } = statement as TypeScript.Statement & { name?: TypeScript.Identifier };
  return name ? [name.text] : [];
}
