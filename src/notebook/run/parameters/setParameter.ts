import { UserError } from '../../../errors.js';
import { childrenOf } from '../syntax.js';
import { declarations } from './declarations.js';
import { isCast } from './literalValue.js';
import type { ParameterValue } from './parameter.js';

/**
 * The source of a parameters cell with another value for a name; all else (comments, annotations, layout) stays as it was.
 * Throws a UserError where the source declares no such name with a value.
 */
export function setParameter(source: string, name: string, value: ParameterValue): string {
  let node = declarations(source).findLast((declaration) => declaration.name === name)?.initializer;
  if (!node) throw new UserError(`the parameters cell declares no value for '${name}'`);
  // `0.5 as number` keeps its type.
  while (isCast(node)) [node] = childrenOf(node);
  const { from, to } = node;
  const quote = source[from] === '"' ? '"' : "'";
  return source.slice(0, from) + written(value, quote) + source.slice(to);
}

/** A value as TypeScript: JSON, but with strings in the quotes that the cell uses, and names without. */
function written(value: ParameterValue, quote: string): string {
  if (Array.isArray(value)) return `[${value.map((element) => written(element, quote)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const name = (key: string): string => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : written(key, quote));
    const properties = Object.entries(value).map(([key, one]) => `${name(key)}: ${written(one, quote)}`);
    return properties.length === 0 ? '{}' : `{ ${properties.join(', ')} }`;
  }
  if (typeof value !== 'string' || quote === '"') return JSON.stringify(value);
  return `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
