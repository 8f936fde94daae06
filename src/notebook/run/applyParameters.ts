import { closest } from 'fastest-levenshtein';
import { parse as parseYaml } from 'yaml';
import { UserError } from '../../errors.js';
import { isObject } from '../../formats/json.js';
import { type Cell, hasTag, joined, lines, newCell, type Notebook } from './notebook.js';
import { injectParameter, parametersOf, statedRange, valueTypeOf, Verbatim } from './parameters.js';
import type { GivenValue, Parameter } from './parameters.js';
import type { ParameterValue } from './syntax.js';
import { choicesOf, fits, inWords, type ValueType } from './valueTypes.js';

/** The parameters that a run was given, and those that the notebook states itself. */
export interface AppliedParameters {
  given: Record<string, ParameterValue>;
  defaults: Record<string, ParameterValue>;
}

const INJECTED = 'injected-parameters';

/**
 * Puts parameters into a notebook by papermill's conventions: inserts a cell tagged `injected-parameters` after a cell
 * tagged `parameters`, in place of an earlier one. It is the same cell with the given values, so that values computed
 * from them are computed again. Throws a UserError for a name that the notebook does not have (with the closest one),
 * and for a value that it rules out.
 */
export function applyParameters(notebook: Notebook, given: Record<string, GivenValue>): AppliedParameters {
  const cells = notebook.cells.filter((cell) => !hasTag(cell, INJECTED));
  const parameters = parametersOf(cells);
  const known = parameters.map(({ name }) => name);
  const values: AppliedParameters['given'] = {};
  const changed = new Map<string, string[]>();
  for (const name of Object.keys(given)) {
    const parameter = parameters.find((candidate) => candidate.name === name);
    if (!parameter) throw noParameter(name, known, cells);
    values[name] = parseParameter(parameter, given[name]);
    changed.set(parameter.cell, [...(changed.get(parameter.cell) ?? []), name]);
  }
  const ids = [...changed.keys()];
  notebook.cells = cells.flatMap((cell) => {
    const names = changed.get(cell.id);
    if (!names) return [cell];
    const source = names.reduce((text, name) => injectParameter(text, name, values[name]), joined(cell.source));
    const nth = ids.indexOf(cell.id) + 1;
    const injected = newCell('code', {
      id: nth === 1 ? INJECTED : `${INJECTED}-${nth}`,
      metadata: { tags: [INJECTED] },
      source: lines(`// Parameters of this run\n\n${source}`),
    });
    return [cell, injected];
  });
  const literals = parameters.filter((parameter) => parameter.value !== undefined);
  return {
    given: values,
    defaults: Object.fromEntries(literals.map(({ name, value }) => [name, value as ParameterValue])),
  };
}

function noParameter(name: string, known: string[], cells: Cell[]): UserError {
  if (!cells.some((cell) => cell.cell_type === 'code' && hasTag(cell, 'parameters'))) {
    return new UserError(`'${name}' cannot be set: no code cell of the notebook carries the tag "parameters"`);
  }
  const offer = known.length > 0 ? `; did you mean '${closest(name, known)}'? There are: ${known.join(', ')}` : '';
  return new UserError(`the notebook has no parameter '${name}'${offer}`);
}

const shown = (value: unknown): string => (typeof value === 'number' ? String(value) : JSON.stringify(value));

/** A whole number that JavaScript cannot represent exactly. */
class InexactNumber extends UserError {
  constructor(digits: string) {
    super(
      `${digits} as a number would become ${BigInt(Number(digits))}: whole numbers are exact up to 9007199254740991. A longer one can be a text in the parameters cell.`,
    );
  }
}

const WHOLE = /^\s*(?:[+-]?\d+|0x[\da-f]+|0o[0-7]+|0b[01]+)\s*$/i;

function exactNumber(text: string): number | undefined {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) return undefined;
  if (WHOLE.test(text) && BigInt(text) !== BigInt(value)) throw new InexactNumber(text.trim());
  return value;
}

/**
 * Parses a text in YAML, and so in JSON; throws a UserError if it is not YAML or contains a number that would not be
 * exact.
 */
export function fromYaml(text: string): ParameterValue {
  const exact = (_name: unknown, value: unknown): unknown =>
    typeof value === 'bigint' ? exactNumber(String(value)) : value;
  try {
    return parseYaml(text, exact, { intAsBigInt: true, logLevel: 'error' }) as ParameterValue;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`it is not YAML: ${(error as Error).message.split('\n')[0].replace(/:$/, '')}`);
  }
}

function yamlIn(text: string): ParameterValue | undefined {
  try {
    return fromYaml(text);
  } catch (error) {
    if (error instanceof InexactNumber) throw error;
    return undefined;
  }
}

/** Reads a text as a value of a type; returns undefined if it cannot be one. */
function readAs(type: ValueType, text: string): ParameterValue | undefined {
  switch (type.kind) {
    case 'any': {
      // Text that can be a number, true, false, null, a list, an object or a text in quotes is read as one.
      if (!/^\s*(?:[[{"]|(?:true|false|null|[+-]?\.?\d\S*)\s*$)/.test(text)) return text;
      const read = yamlIn(text);
      return read === undefined ? text : read;
    }
    case 'string':
      return text;
    case 'number':
      return exactNumber(text);
    case 'boolean':
      return /^(?:true|false)$/i.test(text) ? text.toLowerCase() === 'true' : undefined;
    case 'literal':
      return text === String(type.value) || (text.trim() !== '' && Number(text) === type.value)
        ? type.value
        : undefined;
    case 'object':
      return yamlIn(text);
    case 'list': {
      if (text.trim() === '') return [];
      if (text.trim().startsWith('[')) return yamlIn(text);
      const elements = text.split(',').map((element) => readAs(type.of, element.trim()));
      return elements.includes(undefined) ? undefined : (elements as ParameterValue[]);
    }
    case 'union': {
      // Any text is a string, so string comes last.
      const inOrder = [...type.of].sort((a, b) => Number(a.kind === 'string') - Number(b.kind === 'string'));
      const values = inOrder.map((one) => readAs(one, text));
      return values.find((value) => value !== undefined && fits(type, value));
    }
  }
}

/** Completes the objects in a value by the properties of `example` that they leave out. */
function completed(example: ParameterValue, value: ParameterValue): ParameterValue {
  if (!isObject(example) || !isObject(value)) return value;
  const own = Object.entries(value).map(([name, one]) => [name, completed(example[name] ?? null, one)]);
  return { ...example, ...(Object.fromEntries(own) as typeof value) };
}

/**
 * Returns the value for a parameter, from a text (`key=value`) or a value. Throws a UserError that names the key, the
 * expected type, the values or the range that the notebook states, and the received value.
 */
export function parseParameter(parameter: Parameter, given: GivenValue): ParameterValue {
  const { name, value: example, written = '' } = parameter;
  if (example === undefined) {
    const why = /^[+-]?\s*\w+n$/.test(written)
      ? `it is a BigInt, and parameters are numbers, texts, booleans, null, and lists and objects of them. Give it a text in the parameters cell, and write BigInt(${name}) where it is used.`
      : `the notebook computes it${/\n/.test(written) || written === '' ? '' : ` (${written})`}. Give it a plain value in the parameters cell.`;
    throw new UserError(`'${name}' cannot be set: ${why}`);
  }
  const type = valueTypeOf(parameter);
  let value: ParameterValue | undefined;
  try {
    value = given instanceof Verbatim ? given.value : typeof given === 'string' ? readAs(type, given) : given;
  } catch (error) {
    if (!(error instanceof InexactNumber)) throw error;
    throw new UserError(`'${name}' cannot be set: ${error.message}`);
  }
  if (value === undefined || !fits(type, value)) {
    const received = shown(given instanceof Verbatim ? given.value : given);
    const why = choicesOf(type) ? 'as the notebook says' : `such as ${shown(example)}`;
    throw new UserError(`'${name}' must be ${inWords(type)}, ${why}; received ${received}`);
  }
  const range = statedRange(parameter);
  if (range && typeof value === 'number' && (value < range.min || value > range.max)) {
    throw new UserError(
      `'${name}' must be from ${range.min} to ${range.max}, as its comment in the notebook says; received ${value}`,
    );
  }
  return completed(example, value);
}
