import { join } from 'node:path';
import type { CompletionInfo, Node, Program, QuickInfo, SourceFile, SymbolDisplayPart, TypeChecker } from 'typescript';
import type * as TypeScript from 'typescript';
import { packageRoot } from '../jupyter/jupyterPaths.js';

/** What TypeScript's own language service is made of, and its declarations leave out. */
interface Internals {
  nullTransformationContext: unknown;
  getEffectiveTypeRoots(options: object, host: { getCurrentDirectory: () => string }): string[] | undefined;
  getTouchingPropertyName(file: SourceFile, position: number): Node;
  getContainerNode(node: Node): Node | undefined;
  createTextSpanFromNode(node: Node, file: SourceFile): TypeScript.TextSpan;
  typeToDisplayParts(checker: TypeChecker, type: TypeScript.Type, place?: Node): SymbolDisplayPart[];
  SymbolDisplay: {
    getSymbolModifiers(checker: TypeChecker, symbol: TypeScript.Symbol): string;
    getSymbolDisplayPartsDocumentationAndSymbolKind(
      ...args: [TypeChecker, TypeScript.Symbol, SourceFile, place: Node | undefined, Node]
    ): Pick<QuickInfo, 'displayParts' | 'documentation' | 'tags'> & { symbolKind: TypeScript.ScriptElementKind };
  };
  Completions: { getCompletionsAtPosition(...args: unknown[]): CompletionInfo | undefined };
}

/** The compiler with the functions that tslab's own copy of TypeScript 5.0 adds to it, so that tslab can work with a newer one. */
export function compilerForTslab(typescript: typeof TypeScript): typeof TypeScript {
  const ts = typescript as unknown as typeof TypeScript & Internals;
  const added = {
    // Without it, tslab's `import *` copies 2,000 names to look each of them up anew.
    __esModule: true,
    getNullTransformationContext: () => ts.nullTransformationContext,
    getDefaultTypeRoots: (folder: string) => [
      ...(ts.getEffectiveTypeRoots({}, { getCurrentDirectory: () => folder }) ?? []),
      // tslab's are those of Node 18.
      join(packageRoot, 'node_modules', '@types'),
    ],
    getPreEmitDiagnosticsOfFiles: (program: Program, files: SourceFile[]) =>
      ts.sortAndDeduplicateDiagnostics([
        ...program.getGlobalDiagnostics(),
        ...files.flatMap((file) => [
          ...program.getSyntacticDiagnostics(file),
          ...program.getSemanticDiagnostics(file),
          ...program.getDeclarationDiagnostics(file),
        ]),
      ]),
    getQuickInfoAtPosition: (file: SourceFile, checker: TypeChecker, _token: unknown, position: number) =>
      quickInfo(ts, file, checker, position),
    Completions: {
      ...ts.Completions,
      getCompletionsAtPositionForTslab: (...args: unknown[]) => ts.Completions.getCompletionsAtPosition(...args),
    },
  };
  return { ...ts, ...added };
}

function quickInfo(
  ts: typeof TypeScript & Internals,
  file: SourceFile,
  checker: TypeChecker,
  position: number,
): QuickInfo | undefined {
  const node = ts.getTouchingPropertyName(file, position);
  if (node === file) return undefined;
  const textSpan = ts.createTextSpanFromNode(node, file);
  const place = ts.getContainerNode(node);
  const symbol = checker.getSymbolAtLocation(node);
  if (symbol) {
    const { symbolKind, ...said } = ts.SymbolDisplay.getSymbolDisplayPartsDocumentationAndSymbolKind(
      checker,
      symbol,
      file,
      place,
      node,
    );
    return { kind: symbolKind, kindModifiers: ts.SymbolDisplay.getSymbolModifiers(checker, symbol), textSpan, ...said };
  }
  if (!ts.isIdentifier(node) && node.kind !== ts.SyntaxKind.ThisKeyword) return undefined;
  const displayParts = ts.typeToDisplayParts(checker, checker.getTypeAtLocation(node), place);
  return { kind: ts.ScriptElementKind.unknown, kindModifiers: '', textSpan, displayParts };
}
