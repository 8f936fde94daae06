import { isObject } from '../../../formats/json.js';
import { type Cell, joined, type Notebook } from '../../run/notebook.js';
import { sourceHash } from '../../run/notebookFile.js';
import { parametersOf, quotedIn, setParameter, statedChoices, statedRange } from '../../run/parameters.js';
import type { Parameter } from '../../run/parameters.js';
import type { ParameterValue } from '../../run/syntax.js';
import type { ParameterControl } from '../protocol.js';
import { type Clock, Slice } from './slice.js';

/** The controls for a notebook's parameters; a value that `injected-parameters` replaces is changed in that cell. */
export function parameterControls(cells: Cell[]): ParameterControl[] {
  return parametersOf(cells).map((parameter) => ({ cell: parameter.cell, ...controlOf(parameter) }));
}

/**
 * The control for one declaration. Its comment says what to offer: other numbers to try, words in quotes, a range
 * `0 to 1`.
 */
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
 * The range of a slider: `0 to 50` in the comment; 0 up to the numbers that the comment says to try, unless the value
 * is much larger; 0 to 1 for a share such as 0.25. Undefined means a box.
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

/** A step fine enough for the given numbers, and for about a hundred positions on the way. */
function stepFor(extent: number, numbers: number[]): number {
  const places = Math.max(...numbers.map(decimals));
  const even = extent >= 20 ? 0 : extent >= 2 ? 1 : 2;
  return 10 ** -Math.max(places, even);
}

type Values = Map<string, ParameterControl['value']>;

/** The values of a file's parameters; none if they cannot be read, which `read` reports. */
function valuesIn(cells: Cell[]): Values {
  try {
    return new Map(parametersOf(cells).map(({ name, value }) => [name, value]));
  } catch {
    return new Map();
  }
}

/** The panel of a notebook's parameters: its controls, and the values that the kernel has seen. */
export class ParameterPanel {
  readonly controls: Slice<ParameterControl[]>;
  private seen: Values = new Map();
  private readonly defaults: Values;

  /** Takes the parameters of the file's cells as defaults. */
  constructor(clock: Clock, file: Cell[]) {
    this.controls = new Slice<ParameterControl[]>(clock, []);
    this.defaults = valuesIn(file);
  }

  read(cells: Cell[]): void {
    this.controls.set(
      parameterControls(cells).map((control) => {
        const usual = this.defaults.get(control.name);
        const differs = usual !== undefined && JSON.stringify(usual) !== JSON.stringify(control.value);
        return differs ? { ...control, default: usual } : control;
      }),
    );
  }

  /** Notes that a cell begins to run, so that the kernel sees the values that it declares. */
  ran(id: string): void {
    for (const { name, cell, value } of this.controls.get()) if (cell === id) this.seen.set(name, value);
  }

  /** Forgets the values that the kernel has seen, because it is gone. */
  forget(): void {
    this.seen.clear();
  }

  /** The values that the kernel has seen, except computed ones, for the notebook's record. */
  ranWith(): Record<string, unknown> {
    return Object.fromEntries([...this.seen].filter(([, value]) => value !== undefined));
  }
}

/**
 * The source of a cell when it ran, identified by the hash noted then: its present source, or that with the recorded
 * parameter values; undefined if it was another one.
 */
export function sourceWhenRun({ id, metadata, source: lines }: Cell, notebook: Notebook): string | undefined {
  const source = joined(lines);
  const noted = isObject(metadata.sparsebook) ? metadata.sparsebook.sourceHash : undefined;
  if (typeof noted !== 'string' || noted === sourceHash(source)) return source;
  const { sparsebook } = notebook.metadata;
  const values = isObject(sparsebook) && isObject(sparsebook.parameters) ? sparsebook.parameters : {};
  try {
    const then = parametersOf(notebook.cells)
      .filter(({ cell, name, value }) => cell === id && value !== undefined && Object.hasOwn(values, name))
      .filter(({ name, value }) => JSON.stringify(values[name]) !== JSON.stringify(value))
      .reduce((text, { name }) => setParameter(text, name, values[name] as ParameterValue), source);
    return noted === sourceHash(then) ? then : undefined;
  } catch {
    // A source that is nested thousands of levels deep cannot be read.
    return undefined;
  }
}
