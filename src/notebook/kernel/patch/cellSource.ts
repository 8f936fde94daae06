import type * as TypeScript from 'typescript';
import type { TslabDiagnostic } from './tslab.js';

interface Edit {
  start: number;
  end: number;
  text: string;
}

/** An edited text, with a function from a place in it to the place in the original. */
export interface EditedSource {
  text: string;
  origin: (offset: number) => number;
}

/**
 * Edits a cell's source so that tslab can compile it; code that stays keeps its line, and nearly always its column.
 * tslab exports everything that a cell declares, so the cell's own `export` is removed. tslab also overlooks shorthand
 * properties, so `{ model }` becomes `{ model: model }` if `isVariable` holds for the name.
 */
export function cellSource(ts: typeof TypeScript, code: string, isVariable: (name: string) => boolean): EditedSource {
  const file = ts.createSourceFile('cell.ts', code, ts.ScriptTarget.ESNext, true);
  const edits: Edit[] = file.statements.flatMap((statement) => withoutExport(ts, statement));
  const visit = (node: TypeScript.Node): void => {
    if (ts.isShorthandPropertyAssignment(node) && isVariable(node.name.text)) {
      edits.push({ start: node.name.end, end: node.name.end, text: `: ${node.name.text}` });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return edited(code, edits);
}

function edited(code: string, edits: Edit[]): EditedSource {
  edits.sort((a, b) => a.start - b.start);
  const text = edits.reduceRight((text, edit) => text.slice(0, edit.start) + edit.text + text.slice(edit.end), code);
  const origin = (offset: number): number => {
    let added = 0;
    for (const edit of edits) {
      if (offset < edit.start + added + edit.text.length) return Math.min(offset - added, edit.end);
      added += edit.text.length - (edit.end - edit.start);
    }
    return Math.min(offset - added, code.length);
  };
  return { text, origin };
}

function withoutExport(ts: typeof TypeScript, statement: TypeScript.Statement): Edit[] {
  const start = statement.getStart();
  const code = statement.getSourceFile().text;
  /** Replaces the code up to `end` by a first word and spaces. */
  const blank = (from: number, end: number, word = ''): Edit => {
    const rest = code.slice(from + word.length, end).replace(/[^\r\n]/g, ' ');
    return { start: from, end, text: word + rest };
  };
  // Begins with a semicolon: after a line without one, a parenthesis would be a call.
  const asExpression = (from: number, inner: number, end: number): Edit[] => [
    blank(from, inner, ';('),
    { start: end, end, text: ')' },
  ];

  if (ts.isExportAssignment(statement)) {
    const { expression } = statement;
    return asExpression(start, expression.getStart(), expression.end);
  }
  if (ts.isExportDeclaration(statement)) {
    const { moduleSpecifier, exportClause } = statement;
    if (!moduleSpecifier) return [blank(start, statement.end, statement.end < code.trimEnd().length ? ';' : '')];
    const named = exportClause && ts.isNamedExports(exportClause) ? exportClause.elements : [];
    const bindable = named.every(({ name }) => ts.isIdentifier(name) && name.text !== 'default');
    if (exportClause && bindable) return [blank(start, start + 'export'.length, 'import')];
    return [blank(start, moduleSpecifier.getStart(), 'import')];
  }
  if (ts.isNamespaceExportDeclaration(statement)) return [blank(start, statement.end)];
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  const words = modifiers.filter(
    ({ kind }) => kind === ts.SyntaxKind.ExportKeyword || kind === ts.SyntaxKind.DefaultKeyword,
  );
  const nameless = (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) && !statement.name;
  if (nameless && words.length === 2) return asExpression(words[0].getStart(), words[1].end, statement.end);
  return words.map((word) => blank(word.getStart(), word.end));
}

/**
 * "Exported variable has or is using name ... cannot be named" and similar errors: a variable's type cannot be written.
 */
const UNNAMED = new Set([2527, 2742, 4023, 4024, 4025, 7056]);

/**
 * Adds type annotations to the variables whose inferred types cannot be declared, if nothing else is wrong with the
 * source; returns undefined otherwise. A whole module keeps its type, anything else becomes `any`: without this, the
 * cell would not compile although nothing in it is wrong.
 */
export function withNamedTypes(
  ts: typeof TypeScript,
  source: string,
  diagnostics: TslabDiagnostic[],
): EditedSource | undefined {
  const file = ts.createSourceFile('cell.ts', source, ts.ScriptTarget.ESNext, true);
  const edits = new Map<number, Edit>();
  for (const { code, start, fileName } of diagnostics) {
    const position = fileName === undefined ? start.offset : -1;
    const declared = file.statements
      .filter(ts.isVariableStatement)
      .flatMap(({ declarationList }) => declarationList.declarations)
      .find((declaration) => declaration.name.getStart() === position);
    if (!UNNAMED.has(code) || !declared || declared.type) return undefined;
    const { end } = declared.name;
    edits.set(end, { start: end, end, text: `: ${moduleTypeOf(ts, declared.initializer) ?? 'any'}` });
  }
  return edited(source, [...edits.values()]);
}

function moduleTypeOf(ts: typeof TypeScript, value?: TypeScript.Expression): string | undefined {
  const called = value && ts.isAwaitExpression(value) && ts.isCallExpression(value.expression) && value.expression;
  if (!called || called.expression.kind !== ts.SyntaxKind.ImportKeyword) return undefined;
  const [name] = called.arguments;
  // CommonJS modules have no `default` of their own.
  return ts.isStringLiteral(name) ? `typeof import(${name.getText()}) & { default: any }` : undefined;
}
