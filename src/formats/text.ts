import { UserError } from '../errors.js';

/** A value in a table for the terminal; null and undefined leave the cell empty. */
export type Cell = string | number | null | undefined;

/**
 * Formats rows with the same columns as aligned text: a line of names, then a line for each row, with numbers aligned
 * right.
 */
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

/** Created on first use: creating it takes longer than loading most of a command's modules. */
let format: Intl.NumberFormat | undefined;

/** Formats a number with its thousands grouped: 260,650 and 88.62. A small number is never shown as 0: 0.0000001. */
export function grouped(value: number): string {
  format ??= new Intl.NumberFormat('en', {
    maximumFractionDigits: 6,
    maximumSignificantDigits: 4,
    // Whichever of the two limits shows more digits.
    roundingPriority: 'morePrecision',
  });
  return format.format(value);
}

/** Formats cells as a line of a CSV file (RFC 4180). */
export const csvLine = (cells: readonly Cell[]): string =>
  `${cells.map((cell) => (/[",\n]/.test(String(cell ?? '')) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell ?? ''))).join(',')}\n`;

/** Formats a row with many columns as aligned text: a line for each column. */
export function fieldList(row: Readonly<Record<string, Cell>>): string {
  const fields = Object.entries(row).filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  const line = ([name, value]: [string, Cell]): string =>
    `${name.padEnd(width)}  ${typeof value === 'number' ? grouped(value) : value}\n`;
  return fields.map(line).join('');
}

/** Formats a size in millions of bytes: 7.3 MB. */
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Formats seconds for people: 4.2 s, 3:07 min, 1:02:03 h. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)} min`;
  return `${Math.floor(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)} h`;
}

/** Reads `key=value` words. Throws a UserError for a word without a key, and for a key given twice. */
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
