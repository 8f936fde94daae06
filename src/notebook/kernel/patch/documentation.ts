import type { Node, SourceFile, Symbol, TypeChecker } from 'typescript';
import type * as TypeScript from 'typescript';

/** What the compiler's nodes have, and its declarations leave out. */
type Documented = Node & { jsDoc?: (Node & { parent: Node })[] };

/**
 * The documentation of declarations, read when it is asked for: it is half of all files that a kernel reads when it
 * starts, and most of it is never asked for.
 */
export class Documentation {
  private readonly known = new WeakSet<SourceFile>();

  constructor(private readonly ts: typeof TypeScript) {}

  /** Reads what the files say that declare a name, what it stands for, or what its class inherits from. */
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

  /** Gives the nodes of a file what stands before each of them. */
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
