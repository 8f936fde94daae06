import { cellTitle } from './cellTitle.js';
import type { CellPlace } from './events.js';
import { hasTag, joined, type Notebook } from './notebook.js';

/** The code cells to run: those with source that are not tagged `skip-execution`. */
export function placesOf({ cells }: Notebook): CellPlace[] {
  const indices = cells.flatMap((cell, index) => {
    const runs = cell.cell_type === 'code' && joined(cell.source).trim() !== '' && !hasTag(cell, 'skip-execution');
    return runs ? [index] : [];
  });
  return indices.map((index, i) => ({ index, number: i + 1, total: indices.length, title: cellTitle(cells, index) }));
}
