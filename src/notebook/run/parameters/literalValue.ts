import { childrenOf, type SyntaxNode } from '../syntax.js';
import { elementsOf, propertiesOf } from './declarations.js';
import type { ParameterValue } from './parameter.js';

/** The value of a literal, lists and objects of literals included; undefined for everything that would have to be computed. */
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

/** What JavaScript makes of the text between quotes. */
function unescaped(text: string): string {
  return text.replace(
    /\\(?:u\{0*([\da-fA-F]{1,5}|10[\da-fA-F]{4})\}|u([\da-fA-F]{4})|x([\da-fA-F]{2})|(\r\n|[^]))/g,
    (_all, point?: string, unit?: string, byte?: string, character: string = '') => {
      const code = point ?? unit ?? byte;
      if (code !== undefined) return String.fromCodePoint(parseInt(code, 16));
      // A backslash before the end of a line goes on in the next.
      return /[\r\n\u2028\u2029]/.test(character) ? '' : (escapes[character] ?? character);
    },
  );
}
