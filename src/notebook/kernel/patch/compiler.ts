import { createRequire } from 'node:module';
import { dirname, parse } from 'node:path';
import type {
  BuilderProgram,
  CompilerOptions,
  CompletionInfo,
  Node,
  Program,
  QuickInfo,
  ResolvedModuleWithFailedLookupLocations,
  SourceFile,
  StringLiteralLike,
  SymbolDisplayPart,
  TypeChecker,
  WatchCompilerHostOfFilesAndCompilerOptions,
} from 'typescript';
import type * as TypeScript from 'typescript';
import { calmWatch, freshLookups, nodeTypes } from './compilerHost.js';
import { Documentation } from './documentation.js';

/**
 * Makes tslab compile with the project's TypeScript instead of its own 5.0, for the language of the running Node, and
 * read fewer types that no cell sees (`nodeTypes`): reading takes most of a kernel's start. A cell's imports are found
 * as before, and watched as far as they can change (`calmWatch`). Call it before tslab is loaded, which keeps the
 * compiler that it finds.
 */
export function repairCompiler(): void {
  const typescript = kernelTypeScript();
  type Host = WatchCompilerHostOfFilesAndCompilerOptions<BuilderProgram>;
  type CreateHost = (files: string[], options: CompilerOptions, system: unknown, ...rest: unknown[]) => Host;

  const createWatchCompilerHost: CreateHost = (files, given, system, _usual, ...rest) => {
    // Imports may lie outside of the notebook's folder.
    const language = {
      ...given,
      ...cellLanguage(typescript),
      rootDir: parse(process.cwd()).root,
      inlineSourceMap: true,
    };
    const { options, edit } = nodeTypes(typescript, language);
    const create = typescript.createWatchCompilerHost as unknown as CreateHost;
    // The usual builder records what each of a thousand files refers to, again for each program.
    const usual = create(files, options, system, typescript.createAbstractBuilder, ...rest);
    const readFile = (path: string, encoding?: string): string | undefined => {
      const text = usual.readFile(path, encoding);
      return text === undefined ? undefined : withWrittenNames(path, edit(path, text));
    };
    // `Documentation` parses the other comments.
    const jsDocParsingMode = typescript.JSDocParsingMode.ParseForTypeInfo;
    return calmWatch({ ...usual, ...freshLookups(typescript, options, usual), readFile, jsDocParsingMode });
  };

  const createWatchProgram = (host: Host): unknown => {
    const afterProgramCreate = host.afterProgramCreate?.bind(host);
    host.afterProgramCreate = (program) => {
      emitCellsAlone(typescript, program);
      program.getAllDependencies = (file) => sourcesOf(program.getProgram() as Program & Internals, file);
      // tslab asks for a cell's declarations before it has anything checked.
      const cell = program.getSourceFiles().find(({ fileName }) => fileName.endsWith('/__tslab__.ts'));
      if (cell) (typescript as unknown as Internals).bindSourceFile(cell, program.getCompilerOptions());
      afterProgramCreate?.(program);
    };
    return typescript.createWatchProgram(host);
  };

  const require = createRequire(createRequire(import.meta.url).resolve('tslab/dist/main.js'));
  const id = require.resolve('@tslab/typescript-for-tslab');
  const exports = {
    ...compilerForTslab(typescript),
    createWatchCompilerHost,
    createWatchProgram,
    // Modules become scripts when they run (`toScript`).
    transpileModule: (outputText: string) => ({ outputText }),
  };
  // As if it had been loaded already.
  require.cache[id] = { id, filename: id, loaded: true, exports } as NodeJS.Module;
}

/**
 * Corrects the names under which tslab exports a cell's declarations: it takes them from the compiler's tables, where
 * `__x` is `___x` and `declare global` has a name too.
 */
function withWrittenNames(path: string, text: string): string {
  if (!path.endsWith('/__tslab__.ts')) return text;
  return text.replace(/\nexport \{([^{}]*)\}$/, (_list, names: string) => {
    const written = names.split(', ').filter((name) => name !== '__global');
    return `\nexport {${written.map((name) => name.replace(/^___/, '__')).join(', ')}}`;
  });
}

/**
 * Makes a program emit only the cell, to where tslab looks for it: the files that the cell imports are compiled when
 * they are loaded.
 */
function emitCellsAlone(ts: typeof TypeScript, program: BuilderProgram): void {
  const emit = program.emit.bind(program);
  program.emit = (file, write, cancellation, declarationsOnly, transformers) => {
    const name = file?.fileName.split('/').at(-1);
    if (name !== '__tslab__.ts') return { emitSkipped: true, diagnostics: [] };
    return emit(
      file,
      (path, ...written) => write?.(`outDir/${path.split('/').at(-1)}`, ...written),
      cancellation,
      declarationsOnly,
      { ...transformers, after: [plainNames(ts), ...(transformers?.after ?? [])] },
    );
  };
}

/** Returns a file and all sources that it imports, directly or indirectly, except declaration files. */
function sourcesOf(program: Program & Internals, file: SourceFile): string[] {
  const files = new Set([file]);
  for (const one of files) {
    for (const name of (one as SourceFile & Internals).imports) {
      const to = program.getResolvedModuleFromModuleSpecifier(name, one)?.resolvedModule?.resolvedFileName;
      const found = to === undefined ? undefined : program.getSourceFile(to);
      if (found && !found.isDeclarationFile) files.add(found);
    }
  }
  return [...files].map(({ fileName }) => fileName);
}

/**
 * Replaces the names of properties by identifiers without a symbol. tslab later puts `exports.` before every identifier
 * whose symbol an earlier cell declares, and such a cell also declares the `v` of `const { v: n } = o`, in the type of
 * `o`.
 */
function plainNames(ts: typeof TypeScript): TypeScript.TransformerFactory<SourceFile> {
  const { isIdentifierName } = ts as unknown as Internals;
  return (context) => (root) => {
    const visit = (node: Node): Node => {
      if (!ts.isIdentifier(node)) return ts.visitEachChild(node, visit, context);
      const written = ts.getParseTreeNode(node, ts.isIdentifier);
      // A newly created identifier has no symbol.
      return written && isIdentifierName(written)
        ? ts.setTextRange(ts.factory.createIdentifier(node.text), node)
        : node;
    };
    return ts.visitEachChild(root, visit, context);
  };
}

/** Parts of TypeScript's own language service that its declarations leave out. */
interface Internals {
  nullTransformationContext: unknown;
  /** Finds the names that a file declares. */
  bindSourceFile(file: SourceFile, options: CompilerOptions): void;
  /** The imports of a file, as written. */
  imports: readonly StringLiteralLike[];
  getResolvedModuleFromModuleSpecifier(
    name: StringLiteralLike,
    file: SourceFile,
  ): ResolvedModuleWithFailedLookupLocations | undefined;
  /** Whether an identifier names a property, not a variable. */
  isIdentifierName: (node: TypeScript.Identifier) => boolean;
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

/**
 * The compiler with the functions that tslab's own copy of TypeScript 5.0 adds to it, so that tslab can work with a
 * newer one.
 */
function compilerForTslab(typescript: typeof TypeScript): typeof TypeScript {
  const ts = typescript as unknown as typeof TypeScript & Internals;
  const documentation = new Documentation(typescript);
  const added = {
    // Without it, tslab's `import *` copies 2,000 names as getters.
    __esModule: true,
    getNullTransformationContext: () => ts.nullTransformationContext,
    getDefaultTypeRoots: (folder: string) => [
      ...(ts.getEffectiveTypeRoots({}, { getCurrentDirectory: () => folder }) ?? []),
      // tslab's own types are those of Node 18.
      dirname(dirname(createRequire(import.meta.url).resolve('@types/node/package.json'))),
    ],
    getPreEmitDiagnosticsOfFiles: (program: Program, files: SourceFile[]) =>
      ts.sortAndDeduplicateDiagnostics([
        ...program.getGlobalDiagnostics(),
        ...files.flatMap((file) => [
          ...program.getSyntacticDiagnostics(file),
          ...program.getSemanticDiagnostics(file).filter((found) => !isOfOneValue(found)),
          ...program.getDeclarationDiagnostics(file),
        ]),
      ]),
    getQuickInfoAtPosition: (file: SourceFile, checker: TypeChecker, _token: unknown, position: number) =>
      quickInfo(ts, file, checker, position, documentation),
    Completions: {
      ...ts.Completions,
      getCompletionsAtPositionForTslab: (...args: unknown[]) => ts.Completions.getCompletionsAtPosition(...args),
    },
  };
  return { ...ts, ...added };
}

const LITERAL = String.raw`'(?:"[^"]*"|-?[\d.e+-]+n?|true|false|[\p{L}\p{N}_$]+\.[\p{L}\p{N}_$]+)'`;
const ONE_VALUE = new RegExp(
  `types ${LITERAL} and ${LITERAL} have no overlap|^Type ${LITERAL} is not comparable to type ${LITERAL}|on type 'never'`,
  'u',
);

/**
 * Whether an error holds only for a constant's current value, such as the error in `if (backend === 'auto')` below
 * `const backend = 'cpu'`: with another value of the parameter the cell is correct.
 */
function isOfOneValue({ messageText }: TypeScript.Diagnostic): boolean {
  return typeof messageText === 'string' && ONE_VALUE.test(messageText);
}

function quickInfo(
  ts: typeof TypeScript & Internals,
  file: SourceFile,
  checker: TypeChecker,
  position: number,
  documentation: Documentation,
): QuickInfo | undefined {
  const node = ts.getTouchingPropertyName(file, position);
  if (node === file) return undefined;
  const textSpan = ts.createTextSpanFromNode(node, file);
  const place = ts.getContainerNode(node);
  const symbol = checker.getSymbolAtLocation(node);
  if (symbol) {
    documentation.read(symbol, checker);
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

let loaded: typeof TypeScript | undefined;

/** Returns the TypeScript that the kernel compiles cells with; all code that parses cells uses it too. */
export function kernelTypeScript(): typeof TypeScript {
  // Required, not imported: to import it, Node would read its 9 MB once more to find the names that it exports.
  return (loaded ??= createRequire(import.meta.url)('typescript') as typeof TypeScript);
}

const NODE = Number(process.versions.node.split('.')[0]);

function libraries(): string[] {
  if (NODE >= 24) return ['esnext'];
  if (NODE >= 22) return ['es2024', 'esnext.array', 'esnext.collection', 'esnext.iterator'];
  return ['es2023', 'es2024.regexp', 'es2024.string'];
}

/**
 * The language of cells: what the running Node understands, modules as Node finds them, packages as an `import` finds
 * them.
 */
export function cellLanguage(ts: typeof TypeScript): TypeScript.CompilerOptions {
  return {
    // Newer syntax (`using`, `accessor`) is compiled to older syntax.
    target: ts.ScriptTarget.ES2024,
    lib: libraries().map((name) => `lib.${name}.d.ts`),
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    customConditions: ['node'],
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    allowJs: true,
    esModuleInterop: true,
    experimentalDecorators: true,
    jsx: ts.JsxEmit.React,
  };
}
