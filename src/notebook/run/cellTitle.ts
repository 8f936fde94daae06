import { joined, type Cell } from './notebook.js';

const LONGEST = 60;

/** What to call a cell: the nearest Markdown heading above it, else its first comment, else its first line. */
export function cellTitle(cells: Cell[], index: number): string {
  const title = headingAbove(cells, index) ?? firstComment(joined(cells[index].source)) ?? firstLine(cells[index]);
  return title.length > LONGEST ? `${title.slice(0, LONGEST - 1)}…` : title;
}

function headingAbove(cells: Cell[], index: number): string | undefined {
  for (const cell of cells.slice(0, index).reverse()) {
    if (cell.cell_type !== 'markdown') continue;
    // A '#' inside a fenced block is a comment of somebody's code.
    const text = joined(cell.source).replace(/^(```|~~~)[^]*?^\1/gm, '');
    const heading = [...text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].at(-1)?.[1];
    if (heading) return heading.replace(/[*_`]/g, '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  }
  return undefined;
}

function firstComment(source: string): string | undefined {
  const [, line, block] = /^\s*(?:\/\/+\s*(.+)|\/\*+\s*([^]*?)\s*\*\/)/.exec(source) ?? [];
  return (line ?? block?.split('\n')[0])?.trim();
}

function firstLine(cell: Cell): string {
  return joined(cell.source).trim().split('\n')[0];
}
