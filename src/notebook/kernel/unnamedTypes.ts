import type * as TypeScript from 'typescript';
import type { TslabDiagnostic } from './tslabInternals.js';

/** "Exported variable has or is using name ... cannot be named" and its like: there are no words for a variable's type. */
const UNNAMED = new Set([2527, 2742, 4023, 4024, 4025, 7056]);

/**
 * The source with types written to the variables whose own cannot be declared, if that is all that is wrong with it; undefined otherwise.
 * A whole module keeps its type, anything else becomes `any`: the cell would not compile although nothing in it is at fault.
 */
export function withNamedTypes(
  ts: typeof TypeScript,
  source: string,
  diagnostics: TslabDiagnostic[],
): string | undefined {
  const file = ts.createSourceFile('cell.ts', source, ts.ScriptTarget.ESNext, true);
  const edits = new Map<number, string>();
  for (const { code, start, fileName } of diagnostics) {
    const position = fileName === undefined ? file.getPositionOfLineAndCharacter(start.line, start.character) : -1;
    const declared = file.statements
      .filter(ts.isVariableStatement)
      .flatMap(({ declarationList }) => declarationList.declarations)
      .find((declaration) => declaration.name.getStart() === position);
    if (!UNNAMED.has(code) || !declared || declared.type) return undefined;
    edits.set(declared.name.end, `: ${moduleTypeOf(ts, declared.initializer) ?? 'any'}`);
  }
  return [...edits]
    .sort(([a], [b]) => b - a)
    .reduce((text, [end, type]) => text.slice(0, end) + type + text.slice(end), source);
}

function moduleTypeOf(ts: typeof TypeScript, value?: TypeScript.Expression): string | undefined {
  const called = value && ts.isAwaitExpression(value) && ts.isCallExpression(value.expression) && value.expression;
  if (!called || called.expression.kind !== ts.SyntaxKind.ImportKeyword) return undefined;
  const [name] = called.arguments;
  // CommonJS modules have no `default` of their own.
  return ts.isStringLiteral(name) ? `typeof import(${name.getText()}) & { default: any }` : undefined;
}
