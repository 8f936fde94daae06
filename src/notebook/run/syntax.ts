import { parser } from '@lezer/javascript';

/** What a parameter can hold: JSON. */
export type ParameterValue = number | string | boolean | null | ParameterValue[] | { [name: string]: ParameterValue };

/** A node of a syntax tree; its names are those of Lezer's JavaScript grammar. */
export type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

const typescript = parser.configure({ dialect: 'ts' });

/**
 * Returns the syntax tree of TypeScript. Code that does not parse becomes an error node, and the rest is still parsed.
 */
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

/** The statements of a cell; each export is replaced by the nodes in it. */
export function statementsOf(script: SyntaxNode): SyntaxNode[] {
  return childrenOf(script).flatMap((node) => (node.name === 'ExportDeclaration' ? childrenOf(node) : [node]));
}

/** A name that a cell declares, with the syntax of what is declared. */
export interface Declaration {
  name: string;
  keyword: 'const' | 'let' | 'var';
  annotation?: SyntaxNode;
  initializer?: SyntaxNode;
  comment: string;
}

/**
 * The variables that a cell declares; a name in a pattern has its part of the value, if the source states that part.
 */
export function declarations(source: string): Declaration[] {
  const script = parse(source);
  return statementsOf(script)
    .filter(({ name }) => name === 'VariableDeclaration')
    .flatMap((statement) => {
      const [keyword, ...parts] = childrenOf(statement);
      return parts.flatMap((part, index): Declaration[] => {
        const annotation = parts[index + 1]?.name === 'TypeAnnotation' ? parts[index + 1] : undefined;
        const equals = index + (annotation ? 2 : 1);
        const initializer = parts[equals]?.name === 'Equals' ? parts[equals + 1] : undefined;
        return namesIn(part, initializer, source).map(([name, value]) => ({
          name,
          keyword: keyword.name as Declaration['keyword'],
          annotation: part.name === 'VariableDefinition' ? annotation : undefined,
          initializer: value,
          comment: commentOn(script, statement, [part, initializer ?? part], source),
        }));
      });
    });
}

/** The names of a definition or a pattern, each with the syntax of its value. */
function namesIn(node: SyntaxNode, value: SyntaxNode | undefined, source: string): [string, SyntaxNode | undefined][] {
  const text = ({ from, to }: SyntaxNode): string => source.slice(from, to);
  if (node.name === 'VariableDefinition') return [[text(node), value]];
  const parts = childrenOf(node).slice(1, -1);
  const find = valuesIn(value, source);
  const entry = (key: string, [target, equals, usual]: SyntaxNode[]): [string, SyntaxNode | undefined][] =>
    namesIn(target, find && (find(key) ?? (equals?.name === 'Equals' ? usual : undefined)), source);
  if (node.name === 'ObjectPattern') {
    return parts
      .filter(({ name }) => name === 'PatternProperty')
      .flatMap((part) => {
        const nodes = childrenOf(part);
        if (nodes[0].name === 'Spread') return namesIn(nodes[1], undefined, source);
        return entry(text(nodes[0]), nodes[1]?.name === ':' ? nodes.slice(2) : nodes);
      });
  }
  if (node.name !== 'ArrayPattern') return [];
  return separated(parts).flatMap((nodes, index) => {
    if (nodes[0]?.name === 'Spread') return namesIn(nodes[1], undefined, source);
    return nodes.length === 0 ? [] : entry(String(index), nodes);
  });
}

/** Returns a function that finds the parts of an object or list literal by their keys; undefined for anything else. */
function valuesIn(
  value: SyntaxNode | undefined,
  source: string,
): ((key: string) => SyntaxNode | undefined) | undefined {
  if (value?.name === 'ArrayExpression') {
    const elements = elementsOf(value);
    return elements.includes(undefined) ? undefined : (key) => elements[Number(key)];
  }
  if (value?.name !== 'ObjectExpression') return undefined;
  const properties = new Map(propertiesOf(value, source));
  return properties.has(undefined) ? undefined : (key) => properties.get(key);
}

/** The properties of an object literal as names and values; both are undefined unless written `name: value`. */
function propertiesOf(object: SyntaxNode, source: string): [string | undefined, SyntaxNode | undefined][] {
  return childrenOf(object)
    .filter(({ name }) => name === 'Property')
    .map((property) => {
      const [key, colon, value] = childrenOf(property);
      const plain = colon?.name === ':' && ['PropertyDefinition', 'String', 'Number'].includes(key.name);
      const text = source.slice(key.from, key.to);
      return plain ? [key.name === 'String' ? text.slice(1, -1) : text, value] : [undefined, undefined];
    });
}

/** The elements of a list literal; undefined for a hole and for a spread element. */
function elementsOf(list: SyntaxNode): (SyntaxNode | undefined)[] {
  const inside = separated(childrenOf(list).slice(1, -1));
  // A trailing comma begins no further element.
  if (inside.at(-1)?.length === 0) inside.pop();
  return inside.map((nodes) => (nodes.length === 1 ? nodes[0] : undefined));
}

/** Splits nodes at commas. */
export function separated(nodes: SyntaxNode[]): SyntaxNode[][] {
  const parts: SyntaxNode[][] = [[]];
  for (const node of nodes) {
    if (node.name === ',') parts.push([]);
    else parts.at(-1)!.push(node);
  }
  return parts;
}

/**
 * Returns the comment after a declaration, on its last or first line, or else the comment that fills the line above.
 */
function commentOn(script: SyntaxNode, statement: SyntaxNode, range: SyntaxNode[], source: string): string {
  const [{ from }, { to }] = range;
  const lineEnd = (at: number): number => at + source.slice(at).search(/[\r\n]|$/);
  const behind = { last: '', first: '' };
  script.cursor().iterate((node) => {
    if (!node.name.endsWith('Comment')) return;
    if (node.from >= to && node.from < lineEnd(to)) behind.last = source.slice(node.from, node.to);
    else if (node.from >= from && node.from < lineEnd(from)) behind.first = source.slice(node.from, node.to);
  });
  const comment = behind.last || behind.first || commentAbove(statement, source);
  return comment
    .replace(/^\/\/|^\/\*+|\*\/$/g, '')
    .replace(/\s*[\r\n]+\s*\*?\s*/g, ' ')
    .trim();
}

function commentAbove(statement: SyntaxNode, source: string): string {
  const line = statement.parent?.name === 'ExportDeclaration' ? statement.parent : statement;
  const above = line.prevSibling;
  if (!above?.name.endsWith('Comment')) return '';
  const fillsItsLine = /(^|[\r\n])[ \t]*$/.test(source.slice(0, above.from));
  const isNext = /^(\r\n|[\r\n])[ \t]*$/.test(source.slice(above.to, line.from));
  return fillsItsLine && isNext ? source.slice(above.from, above.to) : '';
}

/**
 * The value of a literal, lists and objects of literals included; undefined for anything that would have to be
 * computed.
 */
export function literalValue(node: SyntaxNode | undefined, source: string): ParameterValue | undefined {
  if (!node) return undefined;
  const text = source.slice(node.from, node.to);
  const [first, second] = childrenOf(node);
  switch (node.name) {
    case 'Number':
      return text.endsWith('n') ? undefined : Number(text.replaceAll('_', ''));
    case 'String':
      return unescaped(text.slice(1, -1));
    case 'TemplateString':
      return first ? undefined : unescaped(text.slice(1, -1).replaceAll('\r\n', '\n'));
    case 'BooleanLiteral':
      return text === 'true';
    case 'null':
      return null;
    case 'ParenthesizedExpression':
      return literalValue(second, source);
    case 'BinaryExpression':
      return isCast(node) ? literalValue(first, source) : undefined;
    case 'UnaryExpression': {
      const operand = literalValue(second, source);
      if (typeof operand !== 'number') return undefined;
      const operator = source.slice(first.from, first.to);
      return operator === '-' ? -operand : operator === '+' ? operand : undefined;
    }
    case 'ArrayExpression': {
      const elements = elementsOf(node).map((element) => literalValue(element, source));
      return elements.includes(undefined) ? undefined : (elements as ParameterValue[]);
    }
    case 'ObjectExpression': {
      const properties = propertiesOf(node, source).map(
        ([name, value]) => [name, literalValue(value, source)] as const,
      );
      if (properties.some(([name, value]) => name === undefined || value === undefined)) return undefined;
      return Object.fromEntries(properties) as Record<string, ParameterValue>;
    }
    default:
      return undefined;
  }
}

/** `value as Type`, or `value satisfies Type`. */
export function isCast(node: SyntaxNode): boolean {
  return node.name === 'BinaryExpression' && /^(as|satisfies)$/.test(childrenOf(node)[1]?.name ?? '');
}

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', 0: '\0' };

/** Resolves the escapes in the text between quotes, as JavaScript does. */
function unescaped(text: string): string {
  return text.replace(
    /\\(?:u\{0*([\da-fA-F]{1,5}|10[\da-fA-F]{4})\}|u([\da-fA-F]{4})|x([\da-fA-F]{2})|(\r\n|[^]))/g,
    (_all, point?: string, unit?: string, byte?: string, character: string = '') => {
      const code = point ?? unit ?? byte;
      if (code !== undefined) return String.fromCodePoint(parseInt(code, 16));
      // A backslash at the end of a line continues the text in the next line.
      return /[\r\n\u2028\u2029]/.test(character) ? '' : (escapes[character] ?? character);
    },
  );
}
