import { UserError } from '../errors.js';

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

/** Made when first needed: that takes longer than most of what a command loads. */
let format: Intl.NumberFormat | undefined;

/** A number with its thousands grouped: 260,650 and 88.62. A small one is never 0: 0.0000001. */
export function grouped(value: number): string {
  format ??= new Intl.NumberFormat('en', {
    maximumFractionDigits: 6,
    maximumSignificantDigits: 4,
    // Whichever of the two shows more.
    roundingPriority: 'morePrecision',
  });
  return format.format(value);
}

/** Cells as a line of a CSV file (RFC 4180). */
export const csvLine = (cells: readonly Cell[]): string =>
  `${cells.map((cell) => (/[",\n]/.test(String(cell ?? '')) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell ?? ''))).join(',')}\n`;

/** A row with many columns as aligned text: a line for each column. */
export function fieldList(row: Readonly<Record<string, Cell>>): string {
  const fields = Object.entries(row).filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  const line = ([name, value]: [string, Cell]): string =>
    `${name.padEnd(width)}  ${typeof value === 'number' ? grouped(value) : value}\n`;
  return fields.map(line).join('');
}

/** A size in millions of bytes: 7.3 MB. */
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Seconds as a person reads them: 4.2 s, 3:07 min, 1:02:03 h. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)} min`;
  return `${Math.floor(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)} h`;
}

/** Reads `key=value` words; throws UserError for a word without a key, and for a key given twice. */
export function readAssignments(words: string[]): Record<string, string> {
  const assignments = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 1)
      throw new UserError(`a parameter must be written key=value, such as lambda_l0=20; received '${word}'`);
    const key = word.slice(0, equals).trim();
    if (assignments.has(key)) throw new UserError(`'${key}' must be given once; received it twice`);
    assignments.set(key, word.slice(equals + 1));
  }
  return Object.fromEntries(assignments);
}
