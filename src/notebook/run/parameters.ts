import { UserError } from '../../errors.js';
import { type Cell, hasTag, joined } from './notebook.js';
import { childrenOf, declarations, isCast, literalValue } from './syntax.js';
import type { Declaration, ParameterValue, SyntaxNode } from './syntax.js';
import { choicesOf, isSameType, oneOf, typeOfExample, type ValueType, writtenType } from './valueTypes.js';

/** A declaration in the cell tagged `parameters`. */
export interface Parameter {
  name: string;
  /** How it is declared. */
  keyword: Declaration['keyword'];
  /** Its type as written, if it has one: in its annotation, or after `as` or `satisfies`. */
  type?: string;
  value?: ParameterValue;
  written?: string;
  comment: string;
}

/** A value that is taken as it is: its text is not read as a number, a list or anything else. */
export class Verbatim {
  constructor(readonly value: ParameterValue) {}
}

/** A value for a parameter, or a text that is read as the type of the notebook's value. */
export type GivenValue = ParameterValue | Verbatim;

/** Reads the declarations of a parameters cell: their names, types, literal values and comments. */
export function readParameters(source: string): Parameter[] {
  const text = ({ from, to }: SyntaxNode): string => source.slice(from, to);
  return declarations(source).map(({ name, keyword, annotation, initializer, comment }) => {
    const stated = annotation ? childrenOf(annotation)[1] : castOf(initializer)?.type;
    return {
      name,
      keyword,
      type: stated && stated.name !== 'const' ? text(stated) : undefined,
      value: literalValue(initializer, source),
      written: initializer && text(initializer),
      comment,
    };
  });
}

export interface DeclaredParameter extends Parameter {
  cell: string;
  /** The earlier declaration that this one replaces. */
  before?: Parameter;
}

/**
 * Returns what the cells tagged `parameters` declare; declarations in cells tagged `injected-parameters` replace these,
 * but the first comment stays.
 */
export function parametersOf(cells: Cell[]): DeclaredParameter[] {
  const found = new Map<string, DeclaredParameter>();
  for (const tag of ['parameters', 'injected-parameters']) {
    for (const cell of cells.filter((candidate) => candidate.cell_type === 'code' && hasTag(candidate, tag))) {
      for (const parameter of readParameters(joined(cell.source))) {
        const before = found.get(parameter.name);
        const comment = before?.comment || parameter.comment;
        found.set(parameter.name, { ...parameter, cell: cell.id, comment, before });
      }
    }
  }
  return [...found.values()];
}

/** Returns the `as` or `satisfies` after a value, and the type, which for `as const` is `const`. */
function castOf(node: SyntaxNode | undefined): { operator: string; type: SyntaxNode } | undefined {
  if (node?.name === 'ParenthesizedExpression') return castOf(childrenOf(node)[1]);
  if (!node || !isCast(node)) return undefined;
  const [, { name: operator }, type] = childrenOf(node);
  return { operator, type };
}

/**
 * Returns the source of a parameters cell with another value for a name; all else (comments, annotations, layout)
 * stays. Throws a UserError if it declares no value for the name.
 */
export function setParameter(source: string, name: string, value: ParameterValue): string {
  const { from, to } = literalOf(source, name).literal;
  const quote = source[from] === '"' ? '"' : "'";
  return source.slice(0, from) + written(value, quote) + source.slice(to);
}

function literalOf(source: string, name: string): Declaration & { literal: SyntaxNode } {
  const declaration = declarations(source).findLast((one) => one.name === name);
  const initializer = declaration?.initializer;
  if (!declaration || !initializer) throw new UserError(`the parameters cell declares no value for '${name}'`);
  return { ...declaration, literal: withoutCast(initializer) };
}

/**
 * Does the same for a value with which the cells have not been compiled: the type stays what the notebook states,
 * whatever the compiler could infer from the value. If the notebook states none, the type may become any: `const
 * backend = 'auto'` has the type 'auto', and code that compiles with it (a comparison with 'auto', a call that takes
 * 'auto' or 'cpu') need not compile with 'cpu' or string.
 */
export function injectParameter(source: string, name: string, value: ParameterValue): string {
  const { keyword, annotation, initializer, literal } = literalOf(source, name);
  const changed = setParameter(source, name, value);
  const insert = (at: number, text: string): string => changed.slice(0, at) + text + changed.slice(at);
  const cast = castOf(initializer);
  if (annotation && !cast) {
    const { from, to } = childrenOf(annotation)[1];
    return insert(literal.to + changed.length - source.length, ` as ${source.slice(from, to)}`);
  }
  const parts = childrenOf(initializer!.parent!);
  const definition = parts[parts.findIndex(({ from }) => from === initializer!.from) - 2];
  // A name within a pattern has no type of its own.
  const declares = initializer!.parent!.name === 'VariableDeclaration' && definition?.name === 'VariableDefinition';
  if (annotation || !declares) return changed;
  if (cast?.operator === 'as' && cast.type.name !== 'const') return changed;
  const usual = literalValue(initializer, source) ?? null;
  const narrow = cast !== undefined || (keyword === 'const' && (typeof usual !== 'object' || usual === null));
  return narrow || !isSameType(typeOfExample(value), typeOfExample(usual)) ? insert(definition.to, ': any') : changed;
}

/**
 * Returns the source of a parameters cell with the literal values of some names replaced by expressions: `expression`
 * takes a name and its value as written. An `as const` is replaced together with its value.
 */
export function withExpressions(
  source: string,
  names: ReadonlySet<string>,
  expression: (name: string, written: string) => string,
): string {
  const places = declarations(source).flatMap(({ name, initializer }) => {
    if (!names.has(name) || literalValue(initializer, source) === undefined) return [];
    const constant = castOf(initializer)?.type.name === 'const';
    return [{ name, node: constant ? initializer! : withoutCast(initializer!) }];
  });
  return places
    .sort((a, b) => b.node.from - a.node.from)
    .reduce((text, { name, node: { from, to } }) => {
      return text.slice(0, from) + expression(name, source.slice(from, to)) + text.slice(to);
    }, source);
}

/** Returns `0.5 as number` without its type. */
function withoutCast(literal: SyntaxNode): SyntaxNode {
  return isCast(literal) ? withoutCast(childrenOf(literal)[0]) : literal;
}

/** Writes a value as TypeScript: JSON, but with strings in the quotes that the cell uses, and names without quotes. */
function written(value: ParameterValue, quote: string): string {
  if (Array.isArray(value)) return `[${value.map((element) => written(element, quote)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const name = (key: string): string => {
      // Without brackets, this name would set the object's prototype.
      if (key === '__proto__') return `[${written(key, quote)}]`;
      return /^[A-Za-z_$][\w$]*$/.test(key) ? key : written(key, quote);
    };
    const properties = Object.entries(value).map(([key, one]) => `${name(key)}: ${written(one, quote)}`);
    return properties.length === 0 ? '{}' : `{ ${properties.join(', ')} }`;
  }
  if (typeof value !== 'string' || quote === '"') return JSON.stringify(value);
  return `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

/** Returns the words in quotes in a comment. */
export function quotedIn(comment: string): string[] {
  return [...comment.matchAll(/'([^'\s]+)'/g)].map(([, word]) => word);
}

/**
 * Returns the values in a comment that only lists them, `'a', 'b' or 'c'`, if the parameter's own value is one of them.
 */
function choicesOfComment({ value, comment }: Parameter): string[] | undefined {
  const isList = /^'[^'\s]+'(?:(?:\s*,\s*|\s+)(?:or\s+)?'[^'\s]+')+[.;]?$/.test(comment);
  const words = quotedIn(comment);
  return isList && words.some((word) => word === value) ? words : undefined;
}

/**
 * Returns what values a parameter may have: by its type, by a comment that lists them all, or else by its own value.
 */
export function valueTypeOf(parameter: Parameter): ValueType {
  const written = parameter.type === undefined ? undefined : writtenType(parameter.type);
  if (written && choicesOf(written)) return written;
  const choices = choicesOfComment(parameter);
  if (choices) return oneOf(choices.map((value) => ({ kind: 'literal', value })));
  return written ?? typeOfExample(parameter.value ?? null);
}

/** The values that a parameter may have, if its type or its comment lists them all. */
export function statedChoices(parameter: Parameter): ParameterValue[] | undefined {
  return choicesOf(valueTypeOf(parameter));
}

const NUMBER = String.raw`(-?\d+(?:\.\d+)?(?:e-?\d+)?)`;
const RANGE = new RegExp(String.raw`(?:^|\s)(?:${NUMBER}\s*(?:to|–|\.\.)\s*|between\s+${NUMBER}\s+and\s+)${NUMBER}$`);

/**
 * Returns the range of a number if a part of its comment ends in one: `blocks, 1 to 8`. Values to try are not a range.
 */
export function statedRange({ value, comment }: Parameter): { min: number; max: number } | undefined {
  if (typeof value !== 'number') return undefined;
  const parts = comment.split(/[;,()]|(?<!\.)\.\s/).map((part) => part.trim().replace(/\.$/, ''));
  for (const part of parts.filter((words) => !/\btry\b/.test(words))) {
    const [, from, between, to] = RANGE.exec(part) ?? [];
    const [min, max] = [Number(from ?? between), Number(to)];
    if (min <= value && value <= max) return { min, max };
  }
  return undefined;
}
