/** What a parameter can hold: JSON. */
export type ParameterValue = number | string | boolean | null | ParameterValue[] | { [name: string]: ParameterValue };

/** A declaration in the cell tagged `parameters`. */
export interface Parameter {
  name: string;
  /** How it is declared; an injected declaration repeats it. */
  keyword: 'const' | 'let' | 'var';
  /** Its type as written, if it has one: in its annotation, or behind `as` or `satisfies`. */
  type?: string;
  /** Its value; undefined when the notebook computes it. */
  value?: ParameterValue;
  /** Its value as written. */
  written?: string;
  /** What the notebook says about it. */
  comment: string;
}

/** A value that is meant as it is: its text is not read as a number, a list or anything else. */
export class Verbatim {
  constructor(readonly value: ParameterValue) {}
}

/** A value for a parameter: as a value, or as a text that is read like the value that the notebook has. */
export type GivenValue = ParameterValue | Verbatim;

/** Whether a value is an object, with values of its own under names. */
export function isRecord(value: unknown): value is { [name: string]: ParameterValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The type of a value in words: number, string, boolean, null, object, list of number. */
export function typeOfValue(value: ParameterValue): string {
  if (value === null) return 'null';
  if (!Array.isArray(value)) return typeof value;
  const types = [...new Set(value.map(typeOfValue))];
  return types.length === 0 ? 'list' : `list of ${types.join(' or ')}`;
}
