import { SourceMap, type SourceMapPayload } from 'node:module';
import type * as TypeScript from 'typescript';
import { cellLanguage } from './compiler.js';

type Compiler = typeof TypeScript;

/** A place in a source; both numbers count from 1. */
export interface Place {
  line: number;
  column: number;
}

/** Code that can be run as the body of a function of `exports` and REQUIRE. */
export interface Script {
  code: string;
  imports: string[];
  awaits: boolean;
  /** The names that are set in `exports` when their declarations are reached. */
  declares: string[];
  /** The names among these that are declared by `let` and `var`. */
  assignable: string[];
  /** Returns where in the source a place in the code comes from; undefined for code that is not from the source. */
  locate: (place: Place) => Place | undefined;
}

/** The compiler's own `require`: a source may declare another one (`createRequire`). */
export const REQUIRE = '__tslab_require__';

/** The lines after TypeScript's mark of a module, which set every export to undefined. */
const UNSET = /(?<=^Object\.defineProperty\(exports, "__esModule", .*\n)(?:(?:exports\.\S+ = )+void 0;\n)+/m;
const INLINE_MAP = /\n\/\/# sourceMappingURL=data:[^,]*;base64,(.*)\s*$/;

/** A cell that tslab has compiled, and the variable that receives the last value. */
interface CompiledCell {
  lastValue: string | undefined;
}

/**
 * Returns an expression for a function of `outer` names, which the code may redeclare, that returns a function of
 * `inner` names with the code as its body.
 */
export function scoped(outer: string, awaits: boolean, inner: string, code: string, first = ''): string {
  return `(function (${outer}) { return ${awaits ? 'async ' : ''}function (${inner}) {${first}\n${code}\n}; })`;
}

/** Turns a module in TypeScript or JavaScript, or a cell, into a script; its imports are looked up beside `file`. */
export function toScript(ts: Compiler, source: string, file: string, cell?: CompiledCell): Script {
  const inline = INLINE_MAP.exec(source);
  const seen: Seen = { imports: new Set(), awaits: false, declares: [], assignable: [] };
  const { outputText, sourceMapText } = ts.transpileModule(inline ? source.slice(0, inline.index) : source, {
    // With the other extensions it would stay a module.
    fileName: file.replace(/\.[cm](?=[jt]s$)/, '.'),
    compilerOptions: { ...cellLanguage(ts), module: ts.ModuleKind.CommonJS, sourceMap: true },
    transformers: { before: [rewritten(ts, file, seen, cell)], after: [lookThrough(ts, seen)] },
  });
  const unset = UNSET.exec(outputText)?.[0] ?? '';
  // No line may be removed, so that the lines that follow keep their numbers.
  const code = outputText.replace(unset, unset.replace(/.+/g, '')).replace(/\n\/\/# sourceMappingURL=.*\s*$/, '');
  const maps = [sourceMapText ?? '', ...(inline ? [Buffer.from(inline[1], 'base64').toString()] : [])];
  return {
    code,
    ...seen,
    imports: [...seen.imports],
    locate: locator(code.split('\n').length, maps),
  };
}

/** What the transformers find in a source. */
interface Seen extends Pick<Script, 'awaits' | 'declares' | 'assignable'> {
  imports: Set<string>;
}

/**
 * `import()` and `import.meta`, which only modules have, become calls to the kernel's own (`__tslab__`), with the file
 * as an argument. In a cell, functions of earlier cells are not called as methods of `exports`, and a function that is
 * the last value is not named after its variable.
 */
function rewritten(
  ts: Compiler,
  file: string,
  seen: Seen,
  cell?: CompiledCell,
): TypeScript.TransformerFactory<TypeScript.SourceFile> {
  const isNamed = (node: TypeScript.Node, name?: string): boolean => ts.isIdentifier(node) && node.text === name;
  return (context) => (root) => {
    const { factory } = context;
    const own = (name: string, args: readonly TypeScript.Expression[]): TypeScript.Node => {
      const callee = factory.createPropertyAccessExpression(factory.createIdentifier('__tslab__'), name);
      return factory.createCallExpression(callee, undefined, [factory.createStringLiteral(file), ...args]);
    };
    const alone = (value: TypeScript.Expression): TypeScript.Expression =>
      factory.createParenthesizedExpression(factory.createComma(factory.createNumericLiteral(0), value));
    const visit = (given: TypeScript.Node): TypeScript.Node => {
      const node = ts.visitEachChild(given, visit, context);
      if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) return own('meta', []);
      if (ts.isCallExpression(node)) {
        const { expression: callee, arguments: args } = node;
        if (callee.kind === ts.SyntaxKind.ImportKeyword) return own('import', args);
        if (cell && ts.isPropertyAccessExpression(callee) && isNamed(callee.expression, 'exports')) {
          return factory.updateCallExpression(node, alone(callee), undefined, args);
        }
      }
      if (cell && ts.isVariableDeclaration(node) && node.initializer && isNamed(node.name, cell.lastValue)) {
        return factory.updateVariableDeclaration(node, node.name, undefined, undefined, alone(node.initializer));
      }
      return node;
    };
    for (const statement of root.statements) {
      if (ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)) {
        seen.declares.push(...statement.exportClause.elements.map(({ name }) => name.text));
      }
      if (ts.isVariableStatement(statement)) seen.assignable.push(...assignableNames(ts, statement.declarationList));
    }
    return ts.visitEachChild(root, visit, context);
  };
}

function assignableNames(ts: Compiler, list: TypeScript.VariableDeclarationList): string[] {
  const isFixed = (list.flags & ts.NodeFlags.BlockScoped & ~ts.NodeFlags.Let) !== 0;
  const namesIn = (name: TypeScript.BindingName): string[] =>
    ts.isIdentifier(name)
      ? [name.text]
      : name.elements.flatMap((element) => (ts.isBindingElement(element) ? namesIn(element.name) : []));
  return isFixed ? [] : list.declarations.flatMap(({ name }) => namesIn(name));
}

/**
 * Notes what a script requires and whether it awaits, and renames the compiler's own `require`, which has no place in
 * the source.
 */
function lookThrough(ts: Compiler, seen: Seen): TypeScript.TransformerFactory<TypeScript.SourceFile> {
  const awaits = (node: TypeScript.Node): boolean =>
    ts.isAwaitExpression(node) ||
    (ts.isForOfStatement(node) && node.awaitModifier !== undefined) ||
    (ts.isVariableDeclarationList(node) &&
      Number(node.flags & ts.NodeFlags.AwaitUsing) === Number(ts.NodeFlags.AwaitUsing));
  return (context) => (root) => {
    const { factory } = context;
    const visit = (node: TypeScript.Node, inFunction: boolean): TypeScript.Node => {
      const isRequire =
        ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'require';
      if (isRequire) {
        const [name] = node.arguments;
        if (name && ts.isStringLiteral(name)) seen.imports.add(name.text);
        if (node.expression.pos < 0) {
          return factory.updateCallExpression(node, factory.createIdentifier(REQUIRE), undefined, node.arguments);
        }
      }
      seen.awaits ||= !inFunction && awaits(node);
      return ts.visitEachChild(node, (child) => visit(child, inFunction || ts.isFunctionLike(node)), context);
    };
    return ts.visitEachChild(root, (child) => visit(child, false), context);
  };
}

/** Finds places by source maps: the second map is that of the first one's source. */
function locator(lines: number, maps: string[]): Script['locate'] {
  let read: SourceMap[] | undefined;
  const before = (at: Place | undefined, map: SourceMap): Place | undefined => {
    const entry = at && map.findEntry(at.line - 1, at.column - 1);
    if (!entry || !('originalLine' in entry)) return undefined;
    return { line: entry.originalLine + 1, column: entry.originalColumn + 1 };
  };
  return (place) => {
    if (place.line > lines) return undefined;
    read ??= maps.map((map) => new SourceMap(JSON.parse(map) as SourceMapPayload));
    return read.reduce(before, place as Place | undefined);
  };
}
