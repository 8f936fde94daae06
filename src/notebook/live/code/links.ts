// Which cells a run takes along. The page that runs uses this as well: it imports nothing.

/** How a cell depends on others, by their places in order. */
export interface CellLinks {
  id: string;
  /** Above it: what makes or changes, or may change, a name that it uses. */
  needs: number[];
  /** Above it: what declares a name that it changes from within, which is to be changed as it is made, once. */
  remakes: number[];
  /** Below it: what depends on what it changes when it runs again. */
  touches: number[];
}

/**
 * The ids of the cells to run, in order, so that those given agree with the document: they, and
 * - what they touch, directly or through others;
 * - what they remake;
 * - what they need and has not run on this kernel (`hasRun`).
 * Reading names alone, this may run a cell too many; it misses only what passes without a name, such as a file.
 */
export function cellsToRun(links: CellLinks[], ids: Iterable<string>, hasRun: (id: string) => boolean): string[] {
  const given = new Set(ids);
  const chosen = new Set([...links.keys()].filter((index) => given.has(links[index].id)));
  // A set is walked through in the order in which it grows.
  for (const index of chosen) {
    const { id, needs, remakes, touches } = links[index];
    const unmade = needs.filter((above) => !hasRun(links[above].id));
    // Its first run on a kernel makes again what the run before made, which others have seen.
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
