import { UserError } from '../../../errors.js';
import { typeOfValue, type Parameter, type ParameterValue } from './parameter.js';

const shown = (value: unknown): string => JSON.stringify(value) ?? String(value);

function fromJson(text: string): ParameterValue | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : (value as ParameterValue);
  } catch {
    return undefined;
  }
}

function numberFrom(text: string): number | undefined {
  const value = text.trim() === '' ? NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** A text from the command line, read as a value like `example`; undefined when it is not one. */
function readLike(example: ParameterValue | undefined, text: string): ParameterValue | undefined {
  if (typeof example === 'string') return text;
  if (typeof example === 'number') return numberFrom(text);
  if (typeof example === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
  if (Array.isArray(example)) {
    if (text.trim().startsWith('[')) return fromJson(text);
    const elements = text.split(',').map((element) => readLike(example[0] ?? null, element.trim()));
    return elements.includes(undefined) ? undefined : (elements as ParameterValue[]);
  }
  const value = fromJson(text);
  return value === undefined ? text : value;
}

/** Whether a value may stand where `example` stands in the notebook. null and an empty list say nothing. */
function isLike(example: ParameterValue, value: ParameterValue): boolean {
  if (example === null) return true;
  if (!Array.isArray(example)) return typeof value === typeof example && value !== null;
  return Array.isArray(value) && value.every((v) => example.length === 0 || example.some((e) => isLike(e, v)));
}

/**
 * The value for a parameter, from a text (`key=value`) or a value; throws UserError that names the key, the type
 * expected and what was received.
 */
export function parseParameter(parameter: Parameter, given: string | ParameterValue): ParameterValue {
  const { name, value: example } = parameter;
  if (example === undefined) {
    throw new UserError(
      `'${name}' cannot be set: the notebook computes it. Give it a plain value in the parameters cell.`,
    );
  }
  const value = typeof given === 'string' ? readLike(example, given) : given;
  if (value === undefined || !isLike(example, value) || (typeof value === 'number' && !Number.isFinite(value))) {
    throw new UserError(
      `'${name}' must be a ${typeOfValue(example)}, such as ${shown(example)}; received ${shown(given)}`,
    );
  }
  return value;
}
