import { type Cell, hasTag, isObject } from '../run/notebook.js';

/** How much is to be seen of a part of a cell: folded, it is there at a click. */
export type Extent = 'shown' | 'folded' | 'removed';

/** What a cell asks of pages, by its tags or in Jupyter's metadata. */
export function partsOf(cell: Cell): { source: Extent; outputs: Extent } {
  const { jupyter, collapsed } = cell.metadata;
  const { source_hidden, outputs_hidden } = isObject(jupyter) ? jupyter : {};
  const part = (name: 'input' | 'output', hidden: boolean): Extent => {
    if (hasTag(cell, `remove-${name}`) || hasTag(cell, 'remove-cell')) return 'removed';
    return hidden || hasTag(cell, `hide-${name}`) || hasTag(cell, 'hide-cell') ? 'folded' : 'shown';
  };
  return {
    source: part('input', source_hidden === true),
    outputs: part('output', outputs_hidden === true || collapsed === true),
  };
}
