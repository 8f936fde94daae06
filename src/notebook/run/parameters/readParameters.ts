import type * as TypeScript from 'typescript';
import { kernelTypeScript } from '../../kernel/kernelTypeScript.js';
import type { Parameter, ParameterValue } from './parameter.js';

/** Reads the declarations of a parameters cell: their names, types and literal values. */
export function readParameters(source: string): Parameter[] {
  const ts = kernelTypeScript();
  const file = ts.createSourceFile('parameters.ts', source, ts.ScriptTarget.ES2022, true);

  const literal = (node: TypeScript.Expression | undefined): ParameterValue | undefined => {
    if (!node) return undefined;
    if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node)) return literal(node.expression);
    if (ts.isNumericLiteral(node)) return Number(node.text);
    if (ts.isStringLiteralLike(node)) return node.text;
    if (node.kind === ts.SyntaxKind.TrueKeyword) return true;
    if (node.kind === ts.SyntaxKind.FalseKeyword) return false;
    if (node.kind === ts.SyntaxKind.NullKeyword) return null;
    if (ts.isPrefixUnaryExpression(node)) {
      const operand = literal(node.operand);
      if (typeof operand !== 'number') return undefined;
      if (node.operator === ts.SyntaxKind.MinusToken) return -operand;
      return node.operator === ts.SyntaxKind.PlusToken ? operand : undefined;
    }
    if (ts.isArrayLiteralExpression(node)) {
      const elements = node.elements.map(literal);
      return elements.includes(undefined) ? undefined : (elements as ParameterValue[]);
    }
    return undefined;
  };

  return file.statements.filter(ts.isVariableStatement).flatMap(({ declarationList }) => {
    const { flags } = declarationList;
    const keyword = flags & ts.NodeFlags.Const ? 'const' : flags & ts.NodeFlags.Let ? 'let' : 'var';
    return declarationList.declarations
      .filter((declaration) => ts.isIdentifier(declaration.name))
      .map((declaration): Parameter => {
        const name = declaration.name.getText(file);
        return { name, keyword, annotation: declaration.type?.getText(file), value: literal(declaration.initializer) };
      });
  });
}
