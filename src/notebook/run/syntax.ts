import { parser } from '@lezer/javascript';

/** A node of a syntax tree; its names are those of Lezer's JavaScript grammar. */
export type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

const typescript = parser.configure({ dialect: 'ts' });

/** The syntax tree of TypeScript. What does not parse is an error node in its place, and the rest is read. */
export function parse(source: string): SyntaxNode {
  return typescript.parse(source).topNode;
}

/** The children of a node, without comments. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (!child.name.endsWith('Comment')) children.push(child);
  }
  return children;
}

/** The statements of a cell; of what it exports, what is declared. */
export function statementsOf(script: SyntaxNode): SyntaxNode[] {
  return childrenOf(script).flatMap((node) => (node.name === 'ExportDeclaration' ? childrenOf(node) : [node]));
}
