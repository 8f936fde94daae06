import { declarations } from './declarations.js';
import { literalValue } from './literalValue.js';
import type { Parameter } from './parameter.js';

/** Reads the declarations of a parameters cell: their names, types and literal values. */
export function readParameters(source: string): Parameter[] {
  return declarations(source).map(({ name, keyword, annotation, initializer }) => ({
    name,
    keyword,
    annotation: annotation && source.slice(annotation.from, annotation.to).replace(/^:\s*/, ''),
    value: literalValue(initializer, source),
  }));
}
