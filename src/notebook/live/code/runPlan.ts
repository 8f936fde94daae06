import { statementsIn, type CellNames, type Statement } from './cellNames.js';
import { changedBy, dependents, type Names, namesOf, some } from './dependents.js';

/** A cell of code as a plan sees it. */
export interface PlannedCell {
  id: string;
  source: string;
}

/** The cells of a notebook's code, read together. */
export interface ReadCells {
  cells: PlannedCell[];
  statements: Statement[][];
  /** The names of each cell. */
  named: CellNames[];
  read: Names;
}

/** What was read of a cell, as long as its source stays. */
const known = new WeakMap<PlannedCell, { source: string; statements: Statement[] }>();

function statementsOf(cell: PlannedCell): Statement[] {
  const { source } = cell;
  const before = known.get(cell);
  if (before?.source === source) return before.statements;
  const statements = readable(source);
  known.set(cell, { source, statements });
  return statements;
}

/** The statements of a source; none of one that is nested too deeply to be read. */
function readable(source: string): Statement[] {
  try {
    return statementsIn(source);
  } catch {
    return [];
  }
}

/** Reads the cells of a notebook's code, in order. */
export function readCells(cells: PlannedCell[]): ReadCells {
  const statements = cells.map(statementsOf);
  const read = namesOf(statements.flat());
  return { cells, statements, named: statements.map(read), read };
}

/**
 * The ids of the cells to run, in order, so that those given agree with the document: they, and
 * - what below them depends on what they change, directly or through others;
 * - what above them declares a name that one of them changes from within: it is to be changed as it is made, once;
 * - what above them makes or changes a name that one of them uses, and has not run on this kernel (`hasRun`).
 * Reading names alone, this may run a cell too many; it misses only what passes without a name, such as a file.
 */
export function cellsToRun(code: ReadCells, ids: Iterable<string>, hasRun: (id: string) => boolean): string[] {
  const { cells, named } = code;
  const given = new Set(ids);
  const chosen = new Set([...cells.keys()].filter((index) => given.has(cells[index].id)));
  const add = (index: number): void => void chosen.add(index);
  // A set is walked through in the order in which it grows.
  for (const index of chosen) {
    const { declares, assigns, mutates } = named[index];
    const others = [...assigns, ...mutates].filter((name) => !declares.has(name));
    const makers = others.map((name) => named.slice(0, index).findLastIndex((above) => above.declares.has(name)));
    makers.filter((above) => above >= 0).forEach(add);
    neededBy(code, index)
      .filter((above) => !hasRun(cells[above].id))
      .forEach(add);
    // Its first run on a kernel makes again what the run before made, which others have seen.
    if (!hasRun(cells[index].id)) continue;
    const made = new Set(changedBy(named[index]));
    const changed = new Set([...made].filter((name) => !isKept(code, index, name)));
    const below = (names: CellNames, at: number): boolean =>
      at > index &&
      (some(names.uses, changed) || [names.declares, names.assigns, names.mutates].some((one) => some(one, made)));
    indexesOf(named, below).forEach(add);
  }
  return inOrder(cells, chosen);
}

/** The ids of the cells above a cell that make or change, or may change, what it uses, directly or through others; in order. */
export function cellsNeededBy(code: ReadCells, id: string): string[] {
  const start = code.cells.findIndex((cell) => cell.id === id);
  if (start < 0) return [];
  const needed = new Set([start]);
  for (const index of needed) neededBy(code, index).forEach((above) => needed.add(above));
  needed.delete(start);
  return inOrder(code.cells, needed);
}

/** The ids of the cells below a cell that depend on what it changes, or on what some of its names hold; in order. */
export function cellsDependingOn(
  { cells, statements, named, read }: ReadCells,
  id: string,
  names?: Iterable<string>,
): string[] {
  const start = cells.findIndex((cell) => cell.id === id);
  if (start < 0) return [];
  const changed = new Set(
    names ? [...names, ...changedBy(read(dependents(statements[start], names, read)))] : changedBy(named[start]),
  );
  const found = new Set<number>();
  for (let index = start + 1; index < cells.length; index++) {
    if (!some(named[index].uses, changed)) continue;
    found.add(index);
    for (const name of changedBy(named[index])) changed.add(name);
  }
  return inOrder(cells, found);
}

/** The places of the cells above a cell that a name which it uses comes from. */
function neededBy({ named }: ReadCells, index: number): number[] {
  const above = named.slice(0, index);
  return [...named[index].uses].flatMap((name) => {
    const made = above.findLastIndex(({ declares }) => declares.has(name));
    return indexesOf(above, (names, at) => at >= made && changedBy(names).includes(name));
  });
}

/** Whether a name that a cell declares has the same value again when that runs again. */
function isKept({ statements }: ReadCells, index: number, name: string): boolean {
  const declaring = statements[index].filter(({ declares }) => declares.has(name));
  return declaring.length > 0 && declaring.every(({ pure }) => pure);
}

function indexesOf(all: CellNames[], is: (names: CellNames, index: number) => boolean): number[] {
  return all.flatMap((names, index) => (is(names, index) ? [index] : []));
}

function inOrder(cells: PlannedCell[], chosen: Set<number>): string[] {
  return [...chosen].sort((a, b) => a - b).map((index) => cells[index].id);
}
