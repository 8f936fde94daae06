import { statementsIn } from '../../run/cellNames.js';
import { changedBy, dependents, namesOf } from '../../run/dependents.js';

/** A code cell as this sees it. */
export interface NamedCell {
  id: string;
  source: string;
}

/**
 * The cells to run, in order, when the given names of one cell have changed: that cell, those below that depend on it, directly or
 * through one another, and those above any of them that they need and that have not run yet (`hasRun`).
 *
 * A cell that runs again makes everything anew that it declares, and may change what it assigns to, whose methods it calls and what
 * it hands to a call. Reading names alone, this may run a cell too many; it misses only what passes between cells without a
 * name, such as a file.
 */
export function affectedCells(
  cells: NamedCell[],
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
