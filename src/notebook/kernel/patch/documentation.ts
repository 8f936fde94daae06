import type { Node, SourceFile, Symbol, TypeChecker } from 'typescript';
import type * as TypeScript from 'typescript';

/** A node with its doc comments, which the compiler's declarations leave out. */
type Documented = Node & { jsDoc?: (Node & { parent: Node })[] };

/**
 * The documentation of declarations, parsed when it is asked for: it is half of all text that a kernel reads when it
 * starts, and most of it is never asked for.
 */
export class Documentation {
  private readonly known = new WeakSet<SourceFile>();

  constructor(private readonly ts: typeof TypeScript) {}

  /**
   * Parses the documentation in the files that declare a symbol, what it is an alias of, or the same member of a class
   * or interface that its own class or interface inherits from.
   */
  read(symbol: Symbol, checker: TypeChecker, seen = new Set<Symbol>()): void {
    if (seen.has(symbol)) return;
    seen.add(symbol);
    const { ts } = this;
    if (symbol.flags & ts.SymbolFlags.Alias) this.read(checker.getAliasedSymbol(symbol), checker, seen);
    for (const declaration of symbol.declarations ?? []) {
      this.readFile(declaration.getSourceFile());
      const { parent } = declaration;
      if (!ts.isClassLike(parent) && !ts.isInterfaceDeclaration(parent)) continue;
      for (const { types } of parent.heritageClauses ?? [])
        for (const type of types) {
          const inherited = checker.getTypeAtLocation(type).getProperty(symbol.name);
          if (inherited) this.read(inherited, checker, seen);
        }
    }
  }

  /** Gives each node of a file the doc comments before it. */
  private readFile(file: SourceFile): void {
    if (this.known.has(file)) return;
    this.known.add(file);
    const { ts } = this;
    const { languageVersion } = file;
    const how = { languageVersion, jsDocParsingMode: ts.JSDocParsingMode.ParseAll };
    const full = ts.createSourceFile(file.fileName, file.text, how, true);
    const childrenOf = (node: Node): Documented[] => {
      const children: Documented[] = [];
      ts.forEachChild(node, (child) => void children.push(child));
      return children;
    };
    const give = (to: Documented, from: Documented): void => {
      to.jsDoc = from.jsDoc;
      for (const comment of from.jsDoc ?? []) comment.parent = to;
      const children = childrenOf(to);
      childrenOf(from).forEach((child, i) => give(children[i], child));
    };
    give(file, full);
  }
}
