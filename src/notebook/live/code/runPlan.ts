import { statementsIn, type CellNames, type Statement } from './cellNames.js';
import { changedBy, dependents, type Names, namesOf, some } from './dependents.js';
import type { CellLinks } from './links.js';

/** A cell of code as a plan sees it. */
export interface PlannedCell {
  id: string;
  source: string;
}

/** A notebook's code cells, read together. */
export interface ReadCells {
  cells: PlannedCell[];
  statements: Statement[][];
  /** The names of each cell. */
  named: CellNames[];
  read: Names;
}

/** The statements read from a cell, valid while its source stays the same. */
const known = new WeakMap<PlannedCell, { source: string; statements: Statement[] }>();

function statementsOf(cell: PlannedCell): Statement[] {
  const { source } = cell;
  const before = known.get(cell);
  if (before?.source === source) return before.statements;
  const statements = readable(source);
  known.set(cell, { source, statements });
  return statements;
}

/** The statements of a source; none if it is nested too deeply to be read. */
function readable(source: string): Statement[] {
  try {
    return statementsIn(source);
  } catch {
    return [];
  }
}

/** Reads a notebook's code cells, in order. */
export function readCells(cells: PlannedCell[]): ReadCells {
  const statements = cells.map(statementsOf);
  const read = namesOf(statements.flat());
  return { cells, statements, named: statements.map(read), read };
}

/** How each cell depends on the others. */
export function linksOf(code: ReadCells): CellLinks[] {
  const { cells, named } = code;
  return cells.map(({ id }, index) => {
    const { declares, assigns, mutates } = named[index];
    const others = [...assigns, ...mutates].filter((name) => !declares.has(name));
    const makers = others.map((name) => named.slice(0, index).findLastIndex((above) => above.declares.has(name)));
    const made = new Set(changedBy(named[index]));
    const changed = new Set([...made].filter((name) => !isKept(code, index, name)));
    const below = (names: CellNames, at: number): boolean =>
      at > index &&
      (some(names.uses, changed) || [names.declares, names.assigns, names.mutates].some((one) => some(one, made)));
    return {
      id,
      needs: [...new Set(neededBy(code, index))],
      remakes: [...new Set(makers)].filter((above) => above >= 0),
      touches: indexesOf(named, below),
    };
  });
}

/** The ids, in order, of the cells below a cell that depend on what it changes, or just on `names` if given. */
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
  const found: number[] = [];
  for (let index = start + 1; index < cells.length; index++) {
    if (!some(named[index].uses, changed)) continue;
    found.push(index);
    for (const name of changedBy(named[index])) changed.add(name);
  }
  return found.map((below) => cells[below].id);
}

/** The indexes of the cells above a cell from which the names that it uses come. */
function neededBy({ named }: ReadCells, index: number): number[] {
  const above = named.slice(0, index);
  return [...named[index].uses].flatMap((name) => {
    const made = above.findLastIndex(({ declares }) => declares.has(name));
    return indexesOf(above, (names, at) => at >= made && changedBy(names).includes(name));
  });
}

/** Whether a name that a cell declares gets the same value again when the cell runs again. */
function isKept({ statements }: ReadCells, index: number, name: string): boolean {
  const declaring = statements[index].filter(({ declares }) => declares.has(name));
  return declaring.length > 0 && declaring.every(({ pure }) => pure);
}

function indexesOf(all: CellNames[], is: (names: CellNames, index: number) => boolean): number[] {
  return all.flatMap((names, index) => (is(names, index) ? [index] : []));
}
