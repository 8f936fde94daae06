/** What a cell of a table for the terminal can hold; null and undefined leave it empty. */
export type Cell = string | number | null | undefined;

/** Rows with the same columns as aligned text: a line of names, a line for each row; numbers to the right. */
export function textTable(rows: readonly Record<string, Cell>[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columns = names.map((name) => {
    const values = rows.map((row) => row[name]);
    const numeric = values.every((value) => typeof value !== 'string');
    const cells = [name, ...values.map((value) => (typeof value === 'number' ? grouped(value) : (value ?? '')))];
    const width = Math.max(...cells.map((cell) => cell.length));
    return cells.map((cell) => (numeric ? cell.padStart(width) : cell.padEnd(width)));
  });
  const line = (_: unknown, row: number): string => columns.map((cells) => cells[row]).join('  ');
  return Array.from({ length: rows.length + 1 }, line)
    .map((text) => `${text.trimEnd()}\n`)
    .join('');
}

const format = new Intl.NumberFormat('en', { maximumFractionDigits: 6 });

/** A number with its thousands grouped: 260,650 and 88.62. */
export const grouped = (value: number): string => format.format(value);
