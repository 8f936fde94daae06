import { childrenOf, type SyntaxNode } from '../syntax.js';
import { declarations } from './declarations.js';
import { isCast, literalValue } from './literalValue.js';
import type { Parameter } from './parameter.js';

/** Reads the declarations of a parameters cell: their names, types, literal values and comments. */
export function readParameters(source: string): Parameter[] {
  const text = ({ from, to }: SyntaxNode): string => source.slice(from, to);
  return declarations(source).map(({ name, keyword, annotation, initializer, comment }) => ({
    name,
    keyword,
    type: annotation ? text(annotation).replace(/^:\s*/, '') : castType(initializer, text),
    value: literalValue(initializer, source),
    written: initializer && text(initializer),
    comment,
  }));
}

/** The type of `value as Type`; `as const` names none. */
function castType(node: SyntaxNode | undefined, text: (node: SyntaxNode) => string): string | undefined {
  if (!node || !isCast(node)) return undefined;
  const type = childrenOf(node)[2];
  return !type || type.name === 'const' ? undefined : text(type);
}
