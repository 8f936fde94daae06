import { SourceMap, type SourceMapPayload } from 'node:module';
import type * as TypeScript from 'typescript';
import { cellLanguage } from './cellLanguage.js';

type Compiler = typeof TypeScript;

/** A place in a source; both counted from 1. */
export interface Place {
  line: number;
  column: number;
}

/** Code that can be run as the body of a function of `exports` and `require`. */
export interface Script {
  code: string;
  /** The modules that it imports. */
  imports: string[];
  /** Whether it awaits outside of its functions. */
  awaits: boolean;
  /** The names that are set in `exports` when their declarations are reached. */
  declares: string[];
  /** Where in the source a place in the code comes from; undefined for what only runs it. */
  locate: (place: Place) => Place | undefined;
}

/** A line after TypeScript's mark of a module, which sets every export to undefined. */
const UNSET = /(?<=^Object\.defineProperty\(exports, "__esModule", .*\n)(?:(?:exports\.\S+ = )+void 0;\n)+/m;
const INLINE_MAP = /\n\/\/# sourceMappingURL=data:[^,]*;base64,(.*)\s*$/;

/**
 * Makes a script of a module in TypeScript or JavaScript. `import()` and `import.meta`, which only modules have, become calls to the
 * kernel's own (`__tslab__`), which are told the `file`. A function that is `lastValue` does not get that name.
 */
export function toScript(ts: Compiler, source: string, file: string, lastValue?: string): Script {
  const inline = INLINE_MAP.exec(source);
  const imports = new Set<string>();
  let awaits = false;

  const ownImports: TypeScript.TransformerFactory<TypeScript.SourceFile> = (context) => (root) => {
    const call = (name: string, args: readonly TypeScript.Expression[]): TypeScript.Node => {
      const { factory } = context;
      const callee = factory.createPropertyAccessExpression(factory.createIdentifier('__tslab__'), name);
      return factory.createCallExpression(callee, undefined, [factory.createStringLiteral(file), ...args]);
    };
    const visit = (given: TypeScript.Node): TypeScript.Node => {
      const node = ts.visitEachChild(given, visit, context);
      if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
        return call('import', node.arguments);
      }
      if (ts.isVariableDeclaration(node) && node.initializer && node.name.getText() === lastValue) {
        const { factory } = context;
        const value = factory.createComma(factory.createNumericLiteral(0), node.initializer);
        return factory.updateVariableDeclaration(node, node.name, undefined, undefined, value);
      }
      return ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword ? call('meta', []) : node;
    };
    return ts.visitEachChild(root, visit, context);
  };

  const lookedThrough: TypeScript.TransformerFactory<TypeScript.SourceFile> = () => (root) => {
    const visit = (node: TypeScript.Node, inFunction: boolean): void => {
      if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'require') {
        const [name] = node.arguments;
        if (name && ts.isStringLiteral(name)) imports.add(name.text);
      }
      awaits ||= !inFunction && (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && !!node.awaitModifier));
      ts.forEachChild(node, (child) => visit(child, inFunction || ts.isFunctionLike(node)));
    };
    visit(root, false);
    return root;
  };

  const { outputText, sourceMapText } = ts.transpileModule(inline ? source.slice(0, inline.index) : source, {
    // The other extensions would have it stay a module.
    fileName: file.replace(/\.[cm](?=[jt]s$)/, '.'),
    compilerOptions: { ...cellLanguage(ts), module: ts.ModuleKind.CommonJS, sourceMap: true },
    transformers: { before: [ownImports], after: [lookedThrough] },
  });
  const unset = UNSET.exec(outputText)?.[0] ?? '';
  const maps = [sourceMapText ?? '', ...(inline ? [Buffer.from(inline[1], 'base64').toString()] : [])];
  // Neither line may go: those that follow keep their numbers.
  const code = outputText.replace(unset, unset.replace(/.+/g, '')).replace(/\n\/\/# sourceMappingURL=.*\s*$/, '');
  const lines = code.split('\n').length;
  return {
    code,
    imports: [...imports],
    awaits,
    declares: [...unset.matchAll(/exports\.(\S+) = /g)].map(([, name]) => name),
    locate: (place) =>
      place.line > lines ? undefined : maps.reduce<Place | undefined>((at, map) => at && before(map, at), place),
  };
}

function before(map: string, { line, column }: Place): Place | undefined {
  const entry = new SourceMap(JSON.parse(map) as SourceMapPayload).findEntry(line - 1, column - 1);
  return 'originalLine' in entry ? { line: entry.originalLine + 1, column: entry.originalColumn + 1 } : undefined;
}
