/** What a parameter can hold. */
export type ParameterValue = number | string | boolean | null | ParameterValue[];

/** A declaration in the cell tagged `parameters`. */
export interface Parameter {
  name: string;
  /** How it is declared; an injected declaration repeats it. */
  keyword: 'const' | 'let' | 'var';
  /** Its type annotation as written, if it has one. */
  annotation?: string;
  /** Its value; undefined when the notebook computes it. */
  value?: ParameterValue;
}

/** The type of a value in words: number, string, boolean, null, list of number. */
export function typeOfValue(value: ParameterValue): string {
  if (value === null) return 'null';
  if (!Array.isArray(value)) return typeof value;
  const types = [...new Set(value.map(typeOfValue))];
  return types.length === 0 ? 'list' : `list of ${types.join(' or ')}`;
}
