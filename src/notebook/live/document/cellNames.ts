import type * as TypeScript from 'typescript';
import { kernelTypeScript } from '../../kernel/kernelTypeScript.js';

/** The names through which a cell depends on others and others on it. */
export interface CellNames {
  /** What it declares for the cells that follow. */
  declares: Set<string>;
  /** What it mentions. */
  uses: Set<string>;
  /** What it may change besides: names it assigns to, or whose methods it calls. */
  touches: Set<string>;
}

/** Reads the names of a cell from its source. */
export function cellNames(source: string): CellNames {
  const ts = kernelTypeScript();
  const file = ts.createSourceFile('cell.ts', source, ts.ScriptTarget.ES2022, true);
  const [declares, uses, touches] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const imported = new Set<string>();

  const bind = (name: TypeScript.BindingName): void => {
    if (ts.isIdentifier(name)) declares.add(name.text);
    else for (const element of name.elements) if (ts.isBindingElement(element)) bind(element.name);
  };
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement)) statement.declarationList.declarations.forEach(({ name }) => bind(name));
    else if (ts.isFunctionDeclaration(statement) && statement.name) declares.add(statement.name.text);
    else if (ts.isClassDeclaration(statement) && statement.name) declares.add(statement.name.text);
    else if (ts.isImportDeclaration(statement)) {
      const { name, namedBindings } = statement.importClause ?? {};
      if (name) imported.add(name.text);
      if (namedBindings && ts.isNamespaceImport(namedBindings)) imported.add(namedBindings.name.text);
      else namedBindings?.elements.forEach((element) => imported.add(element.name.text));
    }
  }

  const root = (node: TypeScript.Node): string | undefined => {
    if (ts.isIdentifier(node)) return node.text;
    return ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)
      ? root(node.expression)
      : undefined;
  };
  const touch = (node: TypeScript.Node): void => {
    const name = root(node);
    if (name !== undefined) touches.add(name);
  };
  const isAssignment = ({ kind }: TypeScript.Node): boolean =>
    kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
  const isKey = (node: TypeScript.Node, { parent } = node): boolean =>
    (ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent)) && parent.name === node;
  const visit = (node: TypeScript.Node): void => {
    if (ts.isIdentifier(node) && !isKey(node)) uses.add(node.text);
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) touch(node.expression);
    if (ts.isBinaryExpression(node) && isAssignment(node.operatorToken)) touch(node.left);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  for (const name of imported) touches.delete(name);
  return { declares: new Set([...declares, ...imported]), uses, touches };
}
