import { childrenOf, parse, statementsOf, type SyntaxNode } from '../../run/syntax.js';

/** The names through which a cell depends on others and others on it. */
export interface CellNames {
  /** What it declares for the cells that follow. */
  declares: Set<string>;
  /** What it mentions. */
  uses: Set<string>;
  /** What it may change besides: names it assigns to, or whose methods it calls. */
  touches: Set<string>;
}

/** Reads the names of a cell from its source. */
export function cellNames(source: string): CellNames {
  const script = parse(source);
  const [declares, uses, touches] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const imported = new Set<string>();
  const text = ({ from, to }: SyntaxNode): string => source.slice(from, to);

  for (const statement of statementsOf(script)) {
    const names = definitions(statement).map(text);
    for (const name of names) declares.add(name);
    if (statement.name === 'ImportDeclaration') for (const name of names) imported.add(name);
  }
  const visit = (node: SyntaxNode): void => {
    const children = childrenOf(node);
    if (node.name === 'VariableName' || isShorthand(node)) uses.add(text(node));
    const changed = children[0] && changes(node, children[0]) ? root(children[0]) : undefined;
    if (changed) touches.add(text(changed));
    children.forEach(visit);
  };
  visit(script);
  for (const name of imported) touches.delete(name);
  return { declares, uses, touches };
}

/** The names that a statement defines for the statements that follow. */
function definitions(statement: SyntaxNode): SyntaxNode[] {
  switch (statement.name) {
    case 'VariableDeclaration':
    case 'ImportDeclaration':
    case 'ImportGroup':
    case 'ObjectPattern':
    case 'ArrayPattern':
    case 'PatternProperty':
      return childrenOf(statement).flatMap((child) =>
        child.name === 'VariableDefinition' ? [child] : definitions(child),
      );
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
      return childrenOf(statement)
        .filter(({ name }) => name === 'VariableDefinition')
        .slice(0, 1);
    default:
      return [];
  }
}

/** `{ name }`, which mentions the variable of that name. */
function isShorthand({ name, parent }: SyntaxNode): boolean {
  return name === 'PropertyDefinition' && parent?.name === 'Property' && childrenOf(parent).length === 1;
}

/** Whether an expression may change what its first part names: an assignment, a step, or the call of a method. */
function changes({ name }: SyntaxNode, first: SyntaxNode): boolean {
  if (name === 'CallExpression') return first.name === 'MemberExpression';
  return name === 'AssignmentExpression' || name === 'PostfixExpression';
}

/** The variable that a chain of properties begins with. */
function root(node: SyntaxNode): SyntaxNode | undefined {
  if (node.name === 'VariableName') return node;
  const [first] = childrenOf(node);
  return node.name === 'MemberExpression' && first ? root(first) : undefined;
}
