import { cellNames } from './cellNames.js';

/** A code cell as this sees it. */
export interface NamedCell {
  id: string;
  source: string;
}

/**
 * The cells to run, in order, when the given names of one cell have changed: that cell, those below that depend on it, directly or
 * through one another, and those above any of them that they need and that have not run yet (`hasRun`).
 *
 * A cell that runs again makes everything anew that it declares. Reading names alone, this may run a cell too many; it misses
 * only what passes between cells without a name, such as a file.
 */
export function affectedCells(
  cells: NamedCell[],
  from: string,
  names: Iterable<string>,
  hasRun: (id: string) => boolean,
): string[] {
  const start = cells.findIndex(({ id }) => id === from);
  const named = cells.map(({ source }) => cellNames(source));
  const changed = new Set(names);
  const chosen = new Set([start]);
  for (let index = start + 1; index < cells.length; index++) {
    const { declares, uses, touches } = named[index];
    if (![...uses].some((name) => changed.has(name))) continue;
    chosen.add(index);
    for (const name of [...declares, ...touches]) changed.add(name);
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
