import { parse as parseYaml } from 'yaml';
import { UserError } from '../../errors.js';
import {
  type GivenValue,
  isRecord,
  type Parameter,
  type ParameterValue,
  requireStated,
  typeOfValue,
  Verbatim,
} from './parameters.js';

const shown = (value: unknown): string => JSON.stringify(value) ?? String(value);

/** A number that JavaScript cannot hold to its last digit. */
class InexactNumber extends UserError {
  constructor(digits: string) {
    super(
      `${digits} as a number would become ${BigInt(Number(digits))}: whole numbers are exact up to 9007199254740991. A longer one can be a text in the parameters cell.`,
    );
  }
}

function exactNumber(text: string): number | undefined {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) return undefined;
  if (/^\s*[+-]?\d+\s*$/.test(text) && BigInt(text.trim().replace('+', '')) !== BigInt(value)) {
    throw new InexactNumber(text.trim());
  }
  return value;
}

/** What a text in YAML says; undefined when it is none, or holds what JSON does not. */
export function fromYaml(text: string): ParameterValue | undefined {
  try {
    return plain(parseYaml(text, { intAsBigInt: true, logLevel: 'error' }));
  } catch (error) {
    if (error instanceof InexactNumber) throw error;
    return undefined;
  }
}

function plain(value: unknown): ParameterValue | undefined {
  if (typeof value === 'bigint') return exactNumber(String(value));
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) {
    const elements = value.map(plain);
    return elements.includes(undefined) ? undefined : (elements as ParameterValue[]);
  }
  if (!isRecord(value) || Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  const entries = Object.entries(value).map(([name, one]) => [name, plain(one)] as const);
  return entries.some(([, one]) => one === undefined) ? undefined : (Object.fromEntries(entries) as ParameterValue);
}

/** A text from the command line, read as a value like `example`; undefined when it is not one. */
function readLike(example: ParameterValue, text: string): ParameterValue | undefined {
  if (typeof example === 'string') return text;
  if (typeof example === 'number') return exactNumber(text);
  if (typeof example === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
  if (Array.isArray(example)) {
    if (text.trim() === '') return [];
    if (text.trim().startsWith('[')) return fromYaml(text);
    const elements = text.split(',').map((element) => readLike(example[0] ?? null, element.trim()));
    return elements.includes(undefined) ? undefined : (elements as ParameterValue[]);
  }
  if (isRecord(example)) return fromYaml(text);
  // Where the notebook says null, what can be a number, true, false, null, a list, an object or a text in quotes is one.
  return /^\s*(?:[[{"]|(?:true|false|null|[+-]?\.?\d\S*)\s*$)/.test(text) ? (fromYaml(text) ?? text) : text;
}

/** Whether a value may stand where `example` stands in the notebook. null and what is empty say nothing. */
function isLike(example: ParameterValue, value: ParameterValue): boolean {
  if (typeof value === 'number' && !Number.isFinite(value)) return false;
  if (example === null) return true;
  if (Array.isArray(example)) {
    return Array.isArray(value) && value.every((v) => example.length === 0 || example.some((e) => isLike(e, v)));
  }
  if (!isRecord(example)) return typeof value === typeof example;
  const known = Object.keys(example);
  const fits = (name: string, one: ParameterValue): boolean =>
    known.length === 0 || (known.includes(name) && isLike(example[name], one));
  return isRecord(value) && Object.entries(value).every(([name, one]) => fits(name, one));
}

/** A value with what it leaves out of objects as `example` has it. */
function completed(example: ParameterValue, value: ParameterValue): ParameterValue {
  if (!isRecord(example) || !isRecord(value)) return value;
  const own = Object.entries(value).map(([name, one]) => [name, completed(example[name] ?? null, one)]);
  return { ...example, ...(Object.fromEntries(own) as typeof value) };
}

/**
 * The value for a parameter, from a text (`key=value`) or a value; throws UserError that names the key, what is expected
 * (the type, and the values or the range that the notebook states) and what was received.
 */
export function parseParameter(parameter: Parameter, given: GivenValue): ParameterValue {
  const { name, value: example, written = '' } = parameter;
  if (example === undefined) {
    const why = /^[+-]?\s*\w+n$/.test(written)
      ? `it is a BigInt, and parameters are numbers, texts, booleans, null, and lists and objects of them. Give it a text in the parameters cell, and write BigInt(${name}) where it is used.`
      : `the notebook computes it${/\n/.test(written) || written === '' ? '' : ` (${written})`}. Give it a plain value in the parameters cell.`;
    throw new UserError(`'${name}' cannot be set: ${why}`);
  }
  const received = shown(given instanceof Verbatim ? given.value : given);
  let value: ParameterValue | undefined;
  try {
    value = given instanceof Verbatim ? given.value : typeof given === 'string' ? readLike(example, given) : given;
  } catch (error) {
    if (!(error instanceof InexactNumber)) throw error;
    throw new UserError(`'${name}' cannot be set: ${error.message}`);
  }
  if (value === undefined || !isLike(example, value)) {
    const type = typeOfValue(example);
    const known = isRecord(example) ? ` of ${Object.keys(example).join(', ')}` : '';
    throw new UserError(
      `'${name}' must be ${type === 'object' ? 'an' : 'a'} ${type}${known}, such as ${shown(example)}; received ${received}`,
    );
  }
  const whole = completed(example, value);
  requireStated(parameter, whole);
  return whole;
}
