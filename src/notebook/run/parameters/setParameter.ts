import { UserError } from '../../../errors.js';
import { kernelTypeScript } from '../../kernel/kernelTypeScript.js';
import type { ParameterValue } from './parameter.js';

/**
 * The source of a parameters cell with another value for a name; all else (comments, annotations, layout) stays as it was.
 * Throws a UserError where the source declares no such name with a value.
 */
export function setParameter(source: string, name: string, value: ParameterValue): string {
  const ts = kernelTypeScript();
  const file = ts.createSourceFile('parameters.ts', source, ts.ScriptTarget.ES2022, true);
  const initializer = file.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .findLast((declaration) => declaration.name.getText(file) === name)?.initializer;
  if (!initializer) throw new UserError(`the parameters cell declares no value for '${name}'`);
  // `0.5 as number` keeps its type.
  const replaced = ts.isAsExpression(initializer) ? initializer.expression : initializer;
  const quote = replaced.getText(file).startsWith('"') ? '"' : "'";
  return source.slice(0, replaced.getStart(file)) + written(value, quote) + source.slice(replaced.getEnd());
}

/** A value as TypeScript: JSON, but with strings in the quotes that the cell uses. */
function written(value: ParameterValue, quote: string): string {
  if (Array.isArray(value)) return `[${value.map((element) => written(element, quote)).join(', ')}]`;
  if (typeof value !== 'string' || quote === '"') return JSON.stringify(value);
  return `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
