// Which other cells a run includes. Pages that run use this file too, so it imports nothing.

/** How a cell depends on others, given by their indexes. */
export interface CellLinks {
  id: string;
  /** The cells above that make, change, or may change a name that it uses. */
  needs: number[];
  /** The cells above that declare a name that it changes: they run again first, so that it is changed only once. */
  remakes: number[];
  /** The cells below that depend on what it changes when it runs again. */
  touches: number[];
}

/**
 * The ids of the cells to run, in order, so that the given cells agree with the document: these cells, and
 * - the cells that they touch, directly or through others;
 * - the cells that they remake;
 * - the cells that they need and that have not run on this kernel (`hasRun`).
 * Because only names are read, this may run a cell too many; it misses only data passed without a name, as in a file.
 */
export function cellsToRun(links: CellLinks[], ids: Iterable<string>, hasRun: (id: string) => boolean): string[] {
  const given = new Set(ids);
  const chosen = new Set([...links.keys()].filter((index) => given.has(links[index].id)));
  // The loop also visits what is added to the set meanwhile.
  for (const index of chosen) {
    const { id, needs, remakes, touches } = links[index];
    const unmade = needs.filter((above) => !hasRun(links[above].id));
    // A first run on a kernel makes again what an earlier run made, which the touched cells have already seen.
    for (const other of [...remakes, ...unmade, ...(hasRun(id) ? touches : [])]) chosen.add(other);
  }
  return inOrder(links, chosen);
}

/** The ids of the cells above a cell that it needs, directly or through others; in order. */
export function cellsNeededBy(links: CellLinks[], id: string): string[] {
  const start = links.findIndex((cell) => cell.id === id);
  if (start < 0) return [];
  const needed = new Set([start]);
  for (const index of needed) links[index].needs.forEach((above) => needed.add(above));
  needed.delete(start);
  return inOrder(links, needed);
}

function inOrder(links: CellLinks[], chosen: Set<number>): string[] {
  return [...chosen].sort((a, b) => a - b).map((index) => links[index].id);
}
