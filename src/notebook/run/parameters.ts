import { UserError } from '../../errors.js';
import { type Cell, hasTag, joined } from './notebook.js';
import { childrenOf, declarations, isCast, literalValue, type SyntaxNode } from './syntax.js';
import { choicesOf, oneOf, typeOfExample, type ValueType, writtenType } from './valueTypes.js';

/** What a parameter can hold: JSON. */
export type ParameterValue = number | string | boolean | null | ParameterValue[] | { [name: string]: ParameterValue };

/** A declaration in the cell tagged `parameters`. */
export interface Parameter {
  name: string;
  /** How it is declared; an injected declaration repeats it. */
  keyword: 'const' | 'let' | 'var';
  /** Its type as written, if it has one: in its annotation, or behind `as` or `satisfies`. */
  type?: string;
  /** Whether its type is its value alone, as that of `const a = 1` and of `[1] as const`. */
  narrow?: boolean;
  value?: ParameterValue;
  written?: string;
  comment: string;
}

/** A value that is meant as it is: its text is not read as a number, a list or anything else. */
export class Verbatim {
  constructor(readonly value: ParameterValue) {}
}

/** A value for a parameter: as a value, or as a text that is read like the value that the notebook has. */
export type GivenValue = ParameterValue | Verbatim;

/** Reads the declarations of a parameters cell: their names, types, literal values and comments. */
export function readParameters(source: string): Parameter[] {
  const text = ({ from, to }: SyntaxNode): string => source.slice(from, to);
  return declarations(source).map(({ name, keyword, annotation, initializer, comment }) => {
    const value = literalValue(initializer, source);
    const cast = castOf(initializer);
    const frozen = cast?.name === 'const';
    const stated = annotation ? childrenOf(annotation)[1] : frozen ? undefined : cast;
    return {
      name,
      keyword,
      type: stated && text(stated),
      narrow: frozen || (keyword === 'const' && !stated && (typeof value !== 'object' || value === null)),
      value,
      written: initializer && text(initializer),
      comment,
    };
  });
}

export interface DeclaredParameter extends Parameter {
  cell: string;
  /** What was declared before, whose place this one takes. */
  before?: Parameter;
}

/** What the cells tagged `parameters` declare, or in its place those tagged `injected-parameters`; the first comment stays. */
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

/** The type of `value as Type`, or the `const` of `value as const`. */
function castOf(node: SyntaxNode | undefined): SyntaxNode | undefined {
  if (node?.name === 'ParenthesizedExpression') return castOf(childrenOf(node)[1]);
  return node && isCast(node) ? childrenOf(node)[2] : undefined;
}

/**
 * The source of a parameters cell with another value for a name; all else (comments, annotations, layout) stays. Throws
 * a UserError where it declares no such name with a value.
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

/** The words in quotes of a comment. */
export function quotedIn(comment: string): string[] {
  return [...comment.matchAll(/'([^'\s]+)'/g)].map(([, word]) => word);
}

/** The values of a comment that is nothing but a list of them, `'a', 'b' or 'c'`, the parameter's own among them. */
function choicesOfComment({ value, comment }: Parameter): string[] | undefined {
  const isList = /^'[^'\s]+'(?:(?:\s*,\s*|\s+)(?:or\s+)?'[^'\s]+')+[.;]?$/.test(comment);
  const words = quotedIn(comment);
  return isList && words.some((word) => word === value) ? words : undefined;
}

/** What values a parameter may have: by its type, a comment that lists them all, or else the value that it has. */
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

/** The range of a number, where a part of its comment ends in one: `blocks, 1 to 8`. What it offers to try is none. */
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
