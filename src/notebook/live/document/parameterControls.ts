import { hasTag, joined, type Cell } from '../../run/index.js';
import { commentOn } from '../../run/parameters/commentOn.js';
import type { Parameter } from '../../run/parameters/parameter.js';
import { readParameters } from '../../run/parameters/readParameters.js';
import type { ParameterControl } from '../protocol.js';

/** Controls for what the cells tagged `parameters` declare; a value that `injected-parameters` replaces is changed there. */
export function parameterControls(cells: Cell[]): ParameterControl[] {
  const found = new Map<string, ParameterControl>();
  for (const tag of ['parameters', 'injected-parameters']) {
    for (const cell of cells.filter((candidate) => candidate.cell_type === 'code' && hasTag(candidate, tag))) {
      const source = joined(cell.source);
      for (const parameter of readParameters(source)) {
        const { name } = parameter;
        const comment = found.get(name)?.comment || commentOn(name, source);
        found.set(name, { cell: cell.id, ...controlOf(parameter, comment) });
      }
    }
  }
  return [...found.values()];
}

/** The control for one declaration. Its comment says what to offer: other numbers to try, words in quotes, a range `0 to 1`. */
export function controlOf({ name, value, annotation }: Parameter, comment: string): Omit<ParameterControl, 'cell'> {
  const control: Omit<ParameterControl, 'cell'> = { name, comment, ...(value === undefined ? {} : { value }) };
  if (typeof value === 'number') {
    const range = rangeFor(value, comment);
    return range ? { ...control, range } : control;
  }
  if (typeof value !== 'string') return control;
  const only = quoted(annotation ?? '');
  const union = only.length > 1 && only.includes(value);
  const values = union ? only : [...new Set([value, ...quoted(comment)])];
  return values.length > 1 ? { ...control, choices: { values, only: union } } : control;
}

function quoted(text: string): string[] {
  return [...text.matchAll(/'([^'\s]+)'/g)].map(([, word]) => word);
}

/**
 * The range of a slider, for numbers of which the comment or the number itself tells one: `0 to 50` in the comment; shares
 * such as 0.25, between 0 and 1; and what the comment offers to try, if that is of the value's own size. Undefined: a box.
 */
function rangeFor(value: number, comment: string): ParameterControl['range'] {
  const [, from, to] = /(-?\d+(?:\.\d+)?)\s*(?:to|–|\.\.)\s*(-?\d+(?:\.\d+)?)/.exec(comment) ?? [];
  if (from !== undefined && Number(from) <= value && value <= Number(to)) {
    return { min: Number(from), max: Number(to), step: stepFor(Number(to) - Number(from), [value, Number(from)]) };
  }
  const [, tried = ''] = /\btry\b([^;()]*)/.exec(comment) ?? [];
  const numbers = [...tried.matchAll(/\d+(?:\.\d+)?/g)].map(([digits]) => Number(digits));
  const max = Math.max(value, ...numbers);
  if (numbers.length > 0 && value >= 0 && max <= 20 * Math.max(...numbers)) {
    return { min: 0, max, step: stepFor(max, [value, ...numbers]) };
  }
  const share = value >= 0.01 && value < 1 && decimals(value) <= 2;
  return share ? { min: 0, max: 1, step: 0.01 } : undefined;
}

const decimals = (number: number): number => /\.(\d+)$/.exec(String(number))?.[1].length ?? 0;

/** Steps fine enough for the numbers given, and for about a hundred places on the way. */
function stepFor(extent: number, numbers: number[]): number {
  const places = Math.max(...numbers.map(decimals));
  const even = extent >= 20 ? 0 : extent >= 2 ? 1 : 2;
  return 10 ** -Math.max(places, even);
}
