import { isObject } from '../../formats/json.js';
import { childrenOf, literalValue, type ParameterValue, parse, separated, type SyntaxNode } from './syntax.js';

type Literal = string | number | boolean | null;

/** What values a parameter may have. */
export type ValueType =
  | { kind: 'any' | 'number' | 'string' | 'boolean' }
  | { kind: 'literal'; value: Literal }
  | { kind: 'list'; of: ValueType }
  /** `others` is the type of properties with other names; without it there are none. */
  | { kind: 'object'; named: Record<string, ValueType>; others?: ValueType }
  | { kind: 'union'; of: ValueType[] };

/** Returns the union of some types; a single type stays as it is. */
export function oneOf(types: ValueType[]): ValueType {
  const different = types.filter((type, index) => types.findIndex((other) => isSameType(other, type)) === index);
  return different.length === 1 ? different[0] : { kind: 'union', of: different };
}

export function isSameType(one: ValueType, other: ValueType): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Returns the type of the values that may replace this one. null and empty lists and objects allow anything. */
export function typeOfExample(value: ParameterValue): ValueType {
  if (value === null) return { kind: 'any' };
  if (Array.isArray(value)) {
    return { kind: 'list', of: value.length === 0 ? { kind: 'any' } : oneOf(value.map(typeOfExample)) };
  }
  if (!isObject(value)) return { kind: typeof value as 'number' | 'string' | 'boolean' };
  const entries = Object.entries(value).map(([name, one]) => [name, typeOfExample(one)] as const);
  return {
    kind: 'object',
    named: Object.fromEntries(entries),
    ...(entries.length === 0 && { others: { kind: 'any' } }),
  };
}

/** Reads a type as written in TypeScript; undefined if it refers to other types, computes, or is any. */
export function writtenType(text: string): ValueType | undefined {
  const source = `type T = ${text}\n;`;
  const [alias] = childrenOf(parse(source));
  const node = alias?.name === 'TypeAliasDeclaration' ? childrenOf(alias)[3] : undefined;
  return node && typeAt(node, source);
}

const NAMED: Record<string, ValueType> = {
  number: { kind: 'number' },
  string: { kind: 'string' },
  boolean: { kind: 'boolean' },
};

function typeAt(node: SyntaxNode | undefined, source: string): ValueType | undefined {
  if (!node) return undefined;
  const children = childrenOf(node);
  const text = (at: SyntaxNode): string => source.slice(at.from, at.to);
  const read = (at: SyntaxNode | undefined): ValueType | undefined => typeAt(at, source);
  const union = (nodes: (SyntaxNode | undefined)[]): ValueType | undefined => {
    const types = nodes.map(read);
    return types.includes(undefined) ? undefined : oneOf(types as ValueType[]);
  };
  const list = (of: ValueType | undefined): ValueType | undefined => of && { kind: 'list', of };
  switch (node.name) {
    case 'TypeName':
      return Object.hasOwn(NAMED, text(node)) ? NAMED[text(node)] : undefined;
    case 'NullType':
      return { kind: 'literal', value: null };
    case 'LiteralType': {
      const value = literalValue(children.at(-1), source) as Literal | undefined;
      if (value === undefined) return undefined;
      return { kind: 'literal', value: children.length > 1 ? -Number(value) : value };
    }
    case 'ParenthesizedType':
    case 'ReadonlyType':
      return read(children[1]);
    case 'UnionType':
      // undefined is not a value of JSON.
      return union(children.filter((child) => !['|', 'undefined'].includes(text(child))));
    case 'ArrayType':
      return list(read(children[0]));
    case 'TupleType':
      return list(union(separated(children.slice(1, -1)).map((nodes) => (nodes.length === 1 ? nodes[0] : undefined))));
    case 'ParameterizedType': {
      const of = childrenOf(children[1]).filter(({ name }) => !/^[<>,]$/.test(name));
      if (/^(Readonly)?Array$/.test(text(children[0]))) return list(read(of[0]));
      const others = text(children[0]) === 'Record' && text(of[0]) === 'string' ? read(of[1]) : undefined;
      return others && { kind: 'object', named: {}, others };
    }
    case 'ObjectType':
      return objectType(children.slice(1, -1), source);
    default:
      return undefined;
  }
}

function objectType(parts: SyntaxNode[], source: string): ValueType | undefined {
  const object: ValueType = { kind: 'object', named: {} };
  for (const part of parts.filter(({ name }) => name !== ';' && name !== ',')) {
    const children = childrenOf(part);
    const annotation = children.findLast(({ name }) => name === 'TypeAnnotation');
    const type = typeAt(annotation && childrenOf(annotation)[1], source);
    if (!type) return undefined;
    const key = children.find(({ name }) => name === 'PropertyDefinition' || name === 'String');
    if (part.name === 'IndexSignature') object.others = type;
    else if (part.name !== 'PropertyType' || !key) return undefined;
    else object.named[source.slice(key.from, key.to).replace(/^(['"])(.*)\1$/, '$2')] = type;
  }
  return object;
}

export function fits(type: ValueType, value: ParameterValue): boolean {
  if (typeof value === 'number' && !Number.isFinite(value)) return false;
  switch (type.kind) {
    case 'any':
      return typeof value !== 'object' || value === null || Object.values(value).every((one) => fits(type, one));
    case 'literal':
      return type.value === value;
    case 'list':
      return Array.isArray(value) && value.every((element) => fits(type.of, element));
    case 'union':
      return type.of.some((one) => fits(one, value));
    case 'object': {
      const { named, others } = type;
      const typeOf = (name: string): ValueType | undefined => (Object.hasOwn(named, name) ? named[name] : others);
      const fitting = ([name, one]: [string, ParameterValue]): boolean => {
        const own = typeOf(name);
        return own !== undefined && fits(own, one);
      };
      return isObject(value) && Object.entries(value).every(fitting);
    }
    default:
      return typeof value === type.kind;
  }
}

/** Returns the values of a type that lists several; undefined for any other type. */
export function choicesOf(type: ValueType): ParameterValue[] | undefined {
  if (type.kind !== 'union' || type.of.length < 2) return undefined;
  const values = type.of.map((one) => (one.kind === 'literal' ? one.value : undefined));
  return values.includes(undefined) ? undefined : (values as ParameterValue[]);
}

/** A type in words, with its article: a list of number, an object of rate, one of "a", "b". */
export function inWords(type: ValueType): string {
  const choices = choicesOf(type);
  if (choices) return `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`;
  if (type.kind === 'union') return type.of.map(inWords).join(' or ');
  if (type.kind === 'literal') return noun(type);
  const names = type.kind === 'object' ? Object.keys(type.named) : [];
  return `${type.kind === 'object' ? 'an' : 'a'} ${noun(type)}${names.length > 0 ? ` of ${names.join(', ')}` : ''}`;
}

function noun(type: ValueType): string {
  switch (type.kind) {
    case 'any':
      return 'value';
    case 'literal':
      return JSON.stringify(type.value);
    case 'list':
      return type.of.kind === 'any' ? 'list' : `list of ${noun(type.of)}`;
    case 'union':
      return type.of.map(noun).join(' or ');
    default:
      return type.kind;
  }
}
