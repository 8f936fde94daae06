import type { Cell } from '../../run/notebook.js';
import { type Parameter, parametersOf, quotedIn, statedChoices, statedRange } from '../../run/parameters.js';
import type { ParameterControl } from '../protocol.js';
import { statementsIn, together } from '../../run/cellNames.js';
import { changedBy, dependents, namesOf } from '../../run/dependents.js';
import type { LiveCell } from './liveCell.js';
import type { LiveDocument } from './liveDocument.js';
import { type Clock, Slice } from './slice.js';

/** Controls for a notebook's parameters; a value that `injected-parameters` replaces is changed there. */
export function parameterControls(cells: Cell[]): ParameterControl[] {
  return parametersOf(cells).map((parameter) => ({ cell: parameter.cell, ...controlOf(parameter) }));
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
 * The range of a slider: `0 to 50` in the comment; shares such as 0.25, between 0 and 1; and what the comment offers to
 * try, if that is of the value's own size. Undefined: a box.
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

/**
 * The cells to run, in order, when the given names of one cell have changed: that cell, those below that depend on it,
 * and those above any of them that they need and that have not run yet (`hasRun`). A cell that runs again makes anew
 * what it declares, and may change what it assigns to, whose methods it calls and what it hands to a call. Reading
 * names alone, this may run a cell too many; it misses only what passes without a name, such as a file.
 */
export function affectedCells(
  cells: Pick<LiveCell, 'id' | 'source'>[],
  from: string,
  names: Iterable<string>,
  hasRun: (id: string) => boolean,
): string[] {
  const start = cells.findIndex(({ id }) => id === from);
  const statements = cells.map(({ source }) => statementsIn(source));
  const read = namesOf(statements.flat());
  const named = statements.map(read);
  const changed = new Set([...names, ...changedBy(read(dependents(statements[start], names, read)))]);
  const chosen = new Set([start]);
  /** What cells that ran again have declared anew. */
  const anew = new Set(named[start].declares);
  for (let index = start + 1; index < cells.length; index++) {
    const { declares, uses, assigns, mutates } = named[index];
    const depends = some(uses, changed);
    // What this cell made of a name is undone where the name is declared anew.
    const undone = [declares, assigns, mutates].some((touched) => some(touched, anew));
    if (!depends && !undone) continue;
    chosen.add(index);
    for (const name of changedBy(named[index])) changed.add(name);
    for (const name of declares) anew.add(name);
  }
  // From the bottom up, so that what a needed cell needs is seen too.
  for (let index = cells.length - 1; index >= 0; index--) {
    if (!chosen.has(index)) continue;
    for (const name of named[index].uses) {
      const above = named.slice(0, index).findLastIndex(({ declares }) => declares.has(name));
      if (above >= 0 && !hasRun(cells[above].id)) chosen.add(above);
    }
  }
  return [...chosen].sort((a, b) => a - b).map((index) => cells[index].id);
}

const some = (names: Set<string>, others: Set<string>): boolean => [...names].some((name) => others.has(name));

type Values = Map<string, ParameterControl['value']>;

/** The panel of a notebook's parameters: its controls, and what has to run when some of them are moved. */
export class ParameterPanel {
  readonly controls: Slice<ParameterControl[]>;
  private seen: Values = new Map();
  private readonly hasRun = new Set<string>();

  constructor(clock: Clock) {
    this.controls = new Slice<ParameterControl[]>(clock, []);
  }

  read(document: LiveDocument): void {
    this.controls.set(parameterControls(document.list.map(({ cell }) => cell)));
  }

  /** A cell begins to run: the kernel sees the values that it declares. */
  ran(id: string): void {
    this.hasRun.add(id);
    for (const { name, cell, value } of this.controls.get()) if (cell === id) this.seen.set(name, value);
  }

  /** The kernel is gone, and with it what it has seen. */
  forget(): void {
    this.seen.clear();
    this.hasRun.clear();
  }

  /** The plain values that the kernel has seen, for the notebook's record. */
  ranWith(): Record<string, unknown> {
    return Object.fromEntries([...this.seen].filter(([, value]) => value !== undefined));
  }

  /**
   * The ids of the cells to run so that the notebook agrees with its parameters: all of them on a fresh kernel, else
   * those that declare a changed value and what depends on it. Without a change, whatever depends on any parameter.
   */
  toRun(document: LiveDocument): string[] {
    const cells = document.list.filter(({ cell }) => cell.cell_type === 'code');
    if (this.seen.size === 0) return cells.map(({ id }) => id);
    const controls = this.controls.get();
    const moved = controls.filter(({ name, value }) => JSON.stringify(value) !== JSON.stringify(this.seen.get(name)));
    const changed = moved.length > 0 ? moved : controls;
    const names = changed.map(({ name }) => name);
    const first = cells.find(({ id }) => changed.some(({ cell }) => cell === id));
    if (!first) return cells.map(({ id }) => id);
    return affectedCells(cells, first.id, names, (id) => this.hasRun.has(id));
  }

  /** Of the cells that a cell needs those that have not run, and the cells below that depend on it; both in order. */
  around(document: LiveDocument, id: string): { needs: string[]; dependents: string[] } {
    const cells = document.list.filter(({ cell }) => cell.cell_type === 'code');
    const names = changedBy(together(statementsIn(document.cell(id).source)));
    const needed = affectedCells(cells, id, [], (one) => this.hasRun.has(one));
    const affected = affectedCells(cells, id, names, () => true);
    return {
      needs: needed.slice(0, needed.indexOf(id)),
      dependents: affected.slice(affected.indexOf(id) + 1),
    };
  }
}
