// Which names a piece of a cell's syntax declares, sets or holds.
import { childrenOf, isCast, separated, type SyntaxNode } from '../../run/syntax.js';

const WRAPPERS = new Set(['ParenthesizedExpression', 'BinaryExpression', 'PostfixExpression', 'AwaitExpression']);

/** Whether a node surrounds a value without making a new one of it: brackets, a cast, `!`, `await`. */
export const isWrapper = ({ name }: SyntaxNode): boolean => WRAPPERS.has(name);

export const isPattern = ({ name }: SyntaxNode): boolean => name === 'ObjectPattern' || name === 'ArrayPattern';

export function definitionsIn(node: SyntaxNode): SyntaxNode[] {
  const children = childrenOf(node);
  if (node.name === 'VariableDefinition') return [node];
  if (/^(?:Function|Class|Namespace|Enum|TypeAlias|Interface)Declaration$/.test(node.name)) {
    return children.filter(({ name }) => /^(?:Variable|Type)Definition$/.test(name)).slice(0, 1);
  }
  const holds =
    /^(?:VariableDeclaration|AmbientDeclaration|ImportDeclaration|ImportGroup|ObjectPattern|ArrayPattern|PatternProperty)$/;
  return holds.test(node.name) ? children.flatMap(definitionsIn) : [];
}

/** Whether a node is the name in `{ name }`, which mentions the variable of that name. */
export function isShorthand({ name, parent }: SyntaxNode): boolean {
  return name === 'PropertyDefinition' && parent?.name === 'Property' && childrenOf(parent).length === 1;
}

/**
 * What an expression gives another value: by an assignment, `++` or `--`, `delete`, or a loop over an existing
 * variable.
 */
export function targetsOf({ name }: SyntaxNode, children: SyntaxNode[]): SyntaxNode[] {
  const [first, second] = children;
  // Code that does not parse may be an assignment that the parser does not know, such as [a.b, c[0]] = d.
  if (children.some((child) => child.name === '⚠')) return children.flatMap(namesBelow);
  if (name === 'AssignmentExpression') return isPattern(first) ? definitionsIn(first) : [first];
  if (name === 'PostfixExpression') return second?.name === 'ArithOp' ? [first] : [];
  if (name === 'UnaryExpression') {
    const steps = first.name === 'ArithOp' && first.to - first.from === 2;
    return steps || first.name === 'delete' ? [second] : [];
  }
  if (name === 'ForOfSpec' || name === 'ForInSpec') {
    const target = children.find((child) => child.name !== '(' && child.name !== 'await');
    return target && /^(?:const|let|var)$/.test(target.name) ? [] : target ? [target] : [];
  }
  return [];
}

export function namesBelow(node: SyntaxNode): SyntaxNode[] {
  if (node.name === 'VariableName' || isShorthand(node)) return [node];
  return childrenOf(node).flatMap(namesBelow);
}

export function root(node: SyntaxNode): SyntaxNode | undefined {
  if (['VariableName', 'VariableDefinition', 'PropertyDefinition'].includes(node.name)) return node;
  const first = childrenOf(node).find(({ name }) => name !== '(' && name !== 'await');
  return first && (node.name === 'MemberExpression' || isWrapper(node)) ? root(first) : undefined;
}

/** The variables whose objects a value is, or holds. The result of a call is assumed to be new. */
export function held(value: SyntaxNode): SyntaxNode[] {
  if (isShorthand(value)) return [value];
  if (isPlain(value)) return [];
  if (value.name === 'VariableName' || value.name === 'MemberExpression') return [root(value) ?? []].flat();
  const holds = /^(?:ArrayExpression|ObjectExpression|Property|ConditionalExpression|ArgList)$/.test(value.name);
  return holds || isWrapper(value) ? childrenOf(value).flatMap(held) : [];
}

/** Whether running a piece of code calls anything; the bodies of functions in it run later and do not count. */
export function callsSomething(node: SyntaxNode): boolean {
  if (/^(?:CallExpression|NewExpression|TaggedTemplateExpression|AwaitExpression)$/.test(node.name)) return true;
  if (/Function$|^(?:Function|Method)Declaration$/.test(node.name)) return false;
  return childrenOf(node).some(callsSomething);
}

/** The block or loop that a declaration's names belong to; undefined for `var`, and at a cell's top level. */
export function blockOf(declaration: SyntaxNode): SyntaxNode | undefined {
  const { parent } = declaration;
  if (childrenOf(declaration)[0].name === 'var') return undefined;
  if (parent?.name === 'ForSpec') return parent.parent ?? undefined;
  return parent?.name === 'Block' ? parent : undefined;
}

/** The names that a declaration gives plain values; its nodes begin with `let` or `const`. */
export const plainDefinitions = ([, ...parts]: SyntaxNode[]): SyntaxNode[] =>
  separated(parts.filter(({ name }) => name !== ';'))
    .filter((nodes) => nodes.length > 1 && nodes[0].name === 'VariableDefinition' && isPlain(nodes.at(-1)!))
    .map(([name]) => name);

export function isPlain(value: SyntaxNode): boolean {
  const [first, operator] = childrenOf(value);
  if (value.name === 'ParenthesizedExpression') return operator !== undefined && isPlain(operator);
  if (value.name === 'BinaryExpression') return isCast(value) ? isPlain(first) : operator?.name !== 'LogicOp';
  return /^(?:Number|String|BooleanLiteral|null|TemplateString|UnaryExpression)$/.test(value.name);
}
