import { type Cell, hasTag, joined } from '../../run/index.js';
import { type Parameter, quotedIn, readParameters, statedChoices, statedRange } from '../../run/parameters.js';
import type { ParameterControl } from '../protocol.js';

/** Controls for what the cells tagged `parameters` declare; a value that `injected-parameters` replaces is changed there. */
export function parameterControls(cells: Cell[]): ParameterControl[] {
  const found = new Map<string, ParameterControl>();
  for (const tag of ['parameters', 'injected-parameters']) {
    for (const cell of cells.filter((candidate) => candidate.cell_type === 'code' && hasTag(candidate, tag))) {
      for (const parameter of readParameters(joined(cell.source))) {
        const { name } = parameter;
        const comment = found.get(name)?.comment || parameter.comment;
        found.set(name, { cell: cell.id, ...controlOf({ ...parameter, comment }) });
      }
    }
  }
  return [...found.values()];
}

/** The control for one declaration. Its comment says what to offer: other numbers to try, words in quotes, a range `0 to 1`. */
export function controlOf(parameter: Parameter): Omit<ParameterControl, 'cell'> {
  const { name, value, type, comment } = parameter;
  const control: Omit<ParameterControl, 'cell'> = {
    name,
    comment,
    ...(type === undefined ? {} : { type }),
    ...(value === undefined ? {} : { value }),
  };
  if (typeof value === 'number') {
    const range = rangeFor(parameter, value);
    return range ? { ...control, range } : control;
  }
  if (typeof value !== 'string') return control;
  const only = statedChoices(parameter)?.filter((one) => typeof one === 'string');
  if (only?.includes(value)) return { ...control, choices: { values: only, only: true } };
  const values = [...new Set([value, ...quotedIn(comment)])];
  return values.length > 1 ? { ...control, choices: { values, only: false } } : control;
}

/**
 * The range of a slider, for numbers of which the comment or the number itself tells one: `0 to 50` in the comment; shares
 * such as 0.25, between 0 and 1; and what the comment offers to try, if that is of the value's own size. Undefined: a box.
 */
function rangeFor(parameter: Parameter, value: number): ParameterControl['range'] {
  const { comment } = parameter;
  const stated = statedRange(parameter);
  if (stated) return { ...stated, step: stepFor(stated.max - stated.min, [value, stated.min]) };
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
